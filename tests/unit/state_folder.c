/* state_folder.c - the folder is made, refused to those whom others could mislead, used by one process, and swept. */
#include "state_fixture.h"

#include "state/state_folder.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

struct fixture {
    char *above, *path;
    int above_folder;
    struct state_folder state;
    struct error error;
    char former[STATE_OWNER_MAX];
};

static int set_up(void **state)
{
    struct fixture *f = memory_new(sizeof *f);
    f->above = state_temporary(&f->above_folder);
    f->path = memory_format("%s/state", f->above);
    f->state = (struct state_folder){.folder = -1, .journal = -1, .lock = -1};
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    state_folder_close(&f->state);
    (void)close(f->above_folder);
    state_remove(f->above);
    free(f->path);
    free(f->above);
    free(f);
    return 0;
}

static unsigned mode_of(int folder, const char *name)
{
    struct stat status;
    assert_int_equal(fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW), 0);
    return (unsigned)status.st_mode & 07777;
}

static void it_is_made_for_the_owner_only(void **state)
{
    struct fixture *f = *state;
    assert_true(state_folder_open(&f->state, f->path, &f->error));
    assert_string_equal(f->state.path, f->path);
    assert_int_equal(mode_of(f->above_folder, "state"), 0700);
    assert_int_equal(mode_of(f->above_folder, "state/journal"), 0700);
    assert_int_equal(mode_of(f->above_folder, "state/lock"), 0600);
    const int files[] = {f->state.folder, f->state.journal, f->state.lock};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(fcntl(files[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    state_folder_close(&f->state);
    assert_true(state_folder_open(&f->state, f->path, &f->error)); /* and opened again */
    assert_false(f->state.locked);
}

static void looking_makes_nothing(void **state)
{
    struct fixture *f = *state;
    assert_false(state_folder_look(&f->state, f->path, &f->error));
    assert_string_equal(f->error.what, "the state's folder can't be used: it can't be opened: No such file or directory");
    assert_string_equal(f->error.found, f->path);
    assert_int_equal(faccessat(f->above_folder, "state", F_OK, 0), -1);
    assert_true(state_folder_open(&f->state, f->path, &f->error));
    state_folder_close(&f->state);
    assert_int_equal(unlinkat(f->above_folder, "state/lock", 0), 0);
    assert_true(state_folder_look(&f->state, f->path, &f->error));
    assert_int_equal(f->state.lock, -1);
    assert_int_equal(faccessat(f->above_folder, "state/lock", F_OK, 0), -1);
}

static void a_folder_that_others_can_write_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_true(state_folder_open(&f->state, f->path, &f->error));
    state_folder_close(&f->state);
    static const char *const folders[] = {"state", "state/journal"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fchmodat(f->above_folder, folders[i], 0702, 0), 0);
        assert_false(state_folder_open(&f->state, f->path, &f->error));
        assert_string_equal(f->error.what, "the state's folder can't be used: others than you can write it");
        assert_non_null(strstr(f->error.found, folders[i]));
        assert_non_null(strstr(f->error.found, "mode 0702"));
        assert_int_equal(f->state.folder, -1);
        assert_false(state_folder_look(&f->state, f->path, &f->error));
        assert_int_equal(fchmodat(f->above_folder, folders[i], 0700, 0), 0);
    }
    if (geteuid() == 0) { /* only root can give it away */
        assert_int_equal(chown(f->path, 12345, 12345), 0);
        assert_false(state_folder_open(&f->state, f->path, &f->error));
        assert_non_null(strstr(f->error.found, "owner 12345"));
        assert_true(state_folder_look(&f->state, f->path, &f->error)); /* root looks at a service's folder */
        state_folder_close(&f->state);
        assert_int_equal(chown(f->path, 0, 12345), 0);
        assert_int_equal(chmod(f->path, 0770), 0);
        assert_false(state_folder_open(&f->state, f->path, &f->error));
    }
}

static void what_is_no_folder_is_refused(void **state)
{
    struct fixture *f = *state;
    state_file_write(f->above_folder, "state", "x", 1);
    assert_false(state_folder_open(&f->state, f->path, &f->error));
    assert_string_equal(f->error.what, "the state's folder can't be used: it can't be opened: Not a directory");
    char *deeper = memory_format("%s/nowhere/state", f->above);
    assert_false(state_folder_open(&f->state, deeper, &f->error));
    assert_string_equal(f->error.what, "the state's folder can't be used: it can't be made: No such file or directory");
    assert_string_equal(f->error.found, deeper);
    free(deeper);
}

/* A process that takes the lock and holds it until it is killed; returns when it has it. */
static pid_t holder(struct fixture *f, const char *owner)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct state_folder own;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves nobody behind */
        (void)close(ready[0]);
        if (state_folder_open(&own, f->path, &f->error) && state_folder_lock(&own, owner, f->former))
            (void)!write(ready[1], "y", 1);
        (void)close(ready[1]);
        for (;;)
            (void)pause();
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return child;
}

static void the_lock_is_of_one_process_and_goes_with_it(void **state)
{
    struct fixture *f = *state;
    assert_true(state_folder_open(&f->state, f->path, &f->error));
    pid_t child = holder(f, "shoplane 4711 on shop-1, a rather long line");
    assert_false(state_folder_lock(&f->state, "me", f->former));
    assert_string_equal(f->former, "shoplane 4711 on shop-1, a rather long line");
    assert_false(f->state.locked);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);

    assert_true(state_folder_lock(&f->state, "me", f->former));
    assert_string_equal(f->former, "shoplane 4711 on shop-1, a rather long line");
    assert_true(f->state.locked);
    size_t size;
    char *line = state_file_read(f->state.folder, "lock", &size);
    assert_string_equal(line, "me\n");
    free(line);

    struct state_folder other; /* nor can this process have it twice */
    assert_true(state_folder_open(&other, f->path, &f->error));
    assert_false(state_folder_lock(&other, "other", f->former));
    assert_string_equal(f->former, "me");
    state_folder_close(&f->state);
    assert_true(state_folder_lock(&other, "other", f->former));
    state_folder_close(&other);
}

static void the_first_owner_has_no_former(void **state)
{
    struct fixture *f = *state;
    assert_true(state_folder_open(&f->state, f->path, &f->error));
    (void)strcpy(f->former, "x");
    assert_true(state_folder_lock(&f->state, "", f->former));
    assert_string_equal(f->former, "");
}

static void a_lock_file_full_of_noise_is_no_harm(void **state)
{
    struct fixture *f = *state;
    char noise[1000];
    memset(noise, '\033', sizeof noise);
    assert_true(state_folder_open(&f->state, f->path, &f->error));
    state_file_write(f->state.folder, "lock", noise, sizeof noise);
    assert_true(state_folder_lock(&f->state, "me", f->former));
    assert_int_equal(strlen(f->former), STATE_OWNER_MAX - 1);
    assert_null(strchr(f->former, '\033'));
}

static void segments_that_nobody_names_are_swept(void **state)
{
    struct fixture *f = *state;
    struct manifest_segment segments[] = {{.name = {.generation = 3, .worker = 0, .sequence = 4}},
                                          {.name = {.generation = 3, .worker = 1, .sequence = 4}},
                                          {.name = {.generation = 5, .worker = 0, .sequence = 0}}};
    struct manifest_lane lanes[] = {{.name = "cart"},
                                    {.name = "product", .segments = segments, .segment_count = 3}};
    struct manifest manifest = {.lanes = lanes, .lane_count = 2};
    static const struct {
        const char *name;
        bool stays;
    } files[] = {
        {"product-0000000003-000-000004", true},  {"product-0000000003-001-000004", true},
        {"product-0000000005-000-000000", true},  {"product-0000000003-002-000004", false},
        {"product-0000000003-000-000005", false}, {"product-0000000004-000-000004", false},
        {"cart-0000000003-000-000004", false},    {"gone-0000000005-000-000000", false},
        {"product-0000000006-000-000000", true},  {"product-0000000007-000-000000", true}, /* of the start that sweeps */
        {"product-0000000002-000-000000~", true}, {"notes", true},                         /* not ours */
    };
    assert_true(state_folder_open(&f->state, f->path, &f->error));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        state_file_write(f->state.journal, files[i].name, "x", 1);
    assert_int_equal(state_folder_sweep(&f->state, &manifest, 6), 5);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(faccessat(f->state.journal, files[i].name, F_OK, 0) == 0, files[i].stays);
    assert_int_equal(state_folder_sweep(&f->state, &manifest, 6), 0);
}

static void of_a_start_only_segments_below_their_bounds_are_swept(void **state)
{
    struct fixture *f = *state;
    struct manifest_segment segments[] = {{.name = {.generation = 6, .worker = 0, .sequence = 2}}};
    struct manifest_lane lanes[] = {{.name = "product", .segments = segments, .segment_count = 1}};
    struct manifest manifest = {.lanes = lanes, .lane_count = 1};
    const struct segment_name bounds[] = {{.lane = "product", .generation = 6, .worker = 0, .sequence = 4},
                                          {.lane = "cart", .generation = 6, .worker = 1, .sequence = 1}};
    static const struct {
        const char *name;
        bool stays, stays_without;
    } files[] = {
        {"product-0000000006-000-000002", true, false}, {"product-0000000006-000-000003", false, false},
        {"product-0000000006-000-000004", true, true},  {"product-0000000006-001-000000", true, true},
        {"cart-0000000006-001-000000", false, false},   {"cart-0000000006-001-000001", true, true},
        {"product-0000000005-000-000001", true, true},  {"product-0000000007-000-000001", true, true},
    };
    assert_true(state_folder_open(&f->state, f->path, &f->error));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        state_file_write(f->state.journal, files[i].name, "x", 1);
    assert_true(state_folder_sweep_below(&f->state, &manifest, bounds, 2));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(faccessat(f->state.journal, files[i].name, F_OK, 0) == 0, files[i].stays);
    assert_true(state_folder_sweep_below(&f->state, NULL, bounds, 2));
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        assert_int_equal(faccessat(f->state.journal, files[i].name, F_OK, 0) == 0, files[i].stays_without);
    assert_int_equal(mkdirat(f->state.journal, "product-0000000006-000-000000", 0700), 0);
    assert_false(state_folder_sweep_below(&f->state, NULL, bounds, 2));
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(it_is_made_for_the_owner_only),
        IN_FOLDER(looking_makes_nothing),
        IN_FOLDER(a_folder_that_others_can_write_is_refused),
        IN_FOLDER(what_is_no_folder_is_refused),
        IN_FOLDER(the_lock_is_of_one_process_and_goes_with_it),
        IN_FOLDER(the_first_owner_has_no_former),
        IN_FOLDER(a_lock_file_full_of_noise_is_no_harm),
        IN_FOLDER(segments_that_nobody_names_are_swept),
        IN_FOLDER(of_a_start_only_segments_below_their_bounds_are_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
