/* Sets of configuration and plugins in the state's folder, their marks, and what a host says of its start. */
#include "state/plugin_set.h"

#include "base/memory.h"
#include "config/whole_text.h"
#include "state/notice.h"
#include "state_fixture.h"

static struct plugin_set make_set(const char *config, const char *lane)
{
    struct plugin_set set = {0};
    plugin_set_add(&set, "plugins/lanes/product.so", memory_text(lane), strlen(lane));
    plugin_set_add(&set, SET_CONFIG, memory_text(config), strlen(config));
    plugin_set_name(&set);
    return set;
}

static void id_is_of_the_content_alone(void **state)
{
    (void)state;
    struct plugin_set one = make_set("workers = 1;", "ELF"), other_config = make_set("workers = 2;", "ELF"),
                      other_lane = make_set("workers = 1;", "ELG"), turned = {0}, named = {0};
    plugin_set_add(&turned, SET_CONFIG, memory_text("workers = 1;"), 12);
    plugin_set_add(&turned, "plugins/lanes/product.so", memory_text("old"), 3);
    plugin_set_add(&turned, "plugins/lanes/product.so", memory_text("ELF"), 3);
    plugin_set_name(&turned);
    plugin_set_add(&named, SET_CONFIG, memory_text("workers = 1;"), 12);
    plugin_set_add(&named, "plugins/lanes/other.so", memory_text("ELF"), 3);
    plugin_set_name(&named);
    assert_true(plugin_set_id_valid(one.id));
    assert_string_equal(one.id, turned.id);
    assert_string_not_equal(one.id, other_config.id);
    assert_string_not_equal(one.id, other_lane.id);
    assert_string_not_equal(one.id, named.id);
    plugin_set_free(&one);
    plugin_set_free(&other_config);
    plugin_set_free(&other_lane);
    plugin_set_free(&turned);
    plugin_set_free(&named);
}

/* A byte that moves from the end of one file to the beginning of the next is a difference. */
static void id_knows_where_a_file_ends(void **state)
{
    (void)state;
    struct plugin_set one = make_set("ab", "c"), other = make_set("a", "bc");
    assert_string_not_equal(one.id, other.id);
    plugin_set_free(&one);
    plugin_set_free(&other);
}

static void assert_private(int folder, const char *name, mode_t mode)
{
    struct stat status;
    assert_int_equal(fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW), 0);
    assert_int_equal(status.st_mode & 07777, mode);
}

static void set_is_kept_as_it_is_and_nobody_else_may_read_it(void **state)
{
    (void)state;
    int folder;
    struct error error;
    char *path = state_temporary(&folder);
    struct plugin_set set = make_set("password = \"secret\";", "ELF\0binary");
    mode_t mask = umask(0);
    assert_true(plugin_set_store(folder, &set, true, &error));
    (void)umask(mask);
    assert_true(plugin_set_verify(folder, set.id, &error));
    char *config = memory_format("sets/%s/shoplane.conf", set.id);
    char *lane = memory_format("sets/%s/plugins/lanes/product.so", set.id);
    size_t size;
    char *bytes = state_file_read(folder, config, &size);
    assert_string_equal(bytes, "password = \"secret\";");
    assert_private(folder, config, 0600);
    assert_private(folder, lane, 0600);
    assert_private(folder, "sets", 0700);
    *strrchr(lane, '/') = '\0';
    assert_private(folder, lane, 0700);
    assert_true(plugin_set_store(folder, &set, true, &error)); /* it is there: nothing to do */
    free(bytes);
    free(config);
    free(lane);
    plugin_set_free(&set);
    state_remove(path);
    (void)close(folder);
    free(path);
}

/* One that died while it wrote leaves something under another name. */
static void unfinished_set_is_none_and_is_made_anew(void **state)
{
    (void)state;
    int folder;
    struct error error;
    char *path = state_temporary(&folder);
    struct plugin_set set = make_set("workers = 1;", "ELF");
    char *unfinished = memory_format("sets/new-%s", set.id), *inside = memory_format("sets/new-%s/shoplane.conf", set.id);
    assert_int_equal(mkdirat(folder, "sets", 0700), 0);
    assert_int_equal(mkdirat(folder, unfinished, 0700), 0);
    state_file_write(folder, inside, "work", 4);
    assert_false(plugin_set_verify(folder, set.id, &error));
    assert_true(plugin_set_store(folder, &set, false, &error));
    assert_true(plugin_set_verify(folder, set.id, &error));
    assert_int_not_equal(faccessat(folder, unfinished, F_OK, 0), 0);
    free(unfinished);
    free(inside);
    plugin_set_free(&set);
    state_remove(path);
    (void)close(folder);
    free(path);
}

/* Each is done to a whole copy, which is then not used, and made anew by who keeps it again. */
static void a_copy_that_is_not_what_its_name_says_is_not_used(void **state)
{
    (void)state;
    int folder;
    struct error error;
    char *path = state_temporary(&folder);
    struct plugin_set set = make_set("workers = 1;", "ELF");
    char *copy = memory_format("sets/%s", set.id), *config = memory_format("%s/shoplane.conf", copy),
         *lane = memory_format("%s/plugins/lanes/product.so", copy), *more = memory_format("%s/plugins/more.so", copy);
    assert_false(plugin_set_verify(folder, set.id, &error));
    assert_string_equal(error.what, ""); /* it is only not there */
    for (int damage = 0; damage < 6; damage++) {
        assert_true(plugin_set_store(folder, &set, false, &error));
        assert_true(plugin_set_verify(folder, set.id, &error));
        switch (damage) {
        case 0: state_flip(folder, config, 9); break;
        case 1: state_flip(folder, lane, 2); break;
        case 2: state_file_write(folder, lane, "EL", 2); break;
        case 3: assert_int_equal(unlinkat(folder, lane, 0), 0); break;
        case 4: state_file_write(folder, more, "ELF", 3); break;
        case 5:
            assert_int_equal(unlinkat(folder, lane, 0), 0);
            assert_int_equal(symlinkat("/dev/zero", folder, lane), 0);
            break;
        default: break;
        }
        struct error_list damages = {0};
        assert_false(plugin_set_verify(folder, set.id, &error));
        assert_non_null(strstr(error.what, damage == 5 ? "can't be read" : "it is not what its name says"));
        assert_non_null(strstr(error.found, copy));
        assert_int_equal(plugin_sets_verify(folder, &damages), 1);
        assert_int_equal(damages.count, 1);
        assert_string_equal(damages.items[0].found, error.found);
        error_list_free(&damages);
    }
    assert_true(plugin_set_store(folder, &set, false, &error));
    assert_true(plugin_set_verify(folder, set.id, &error));
    free(copy);
    free(config);
    free(lane);
    free(more);
    plugin_set_free(&set);
    state_remove(path);
    (void)close(folder);
    free(path);
}

static void set_that_can_not_be_kept_is_said(void **state)
{
    (void)state;
    int folder;
    struct error error;
    char *path = state_temporary(&folder);
    struct plugin_set set = make_set("workers = 1;", "ELF");
    state_file_write(folder, "sets", "a file", 6);
    assert_false(plugin_set_store(folder, &set, false, &error));
    assert_non_null(strstr(error.what, "a copy of what runs can't be kept"));
    assert_non_null(strstr(error.found, set.id));
    assert_false(plugin_set_verify(folder, set.id, &error));
    plugin_set_free(&set);
    state_remove(path);
    (void)close(folder);
    free(path);
}

static void others_are_forgotten_and_nothing_else(void **state)
{
    (void)state;
    int folder;
    struct error error;
    char *path = state_temporary(&folder);
    struct plugin_set sets[4];
    for (int i = 0; i < 4; i++) {
        char config[16];
        (void)snprintf(config, sizeof config, "workers = %d;", i);
        sets[i] = make_set(config, "ELF");
        assert_true(plugin_set_store(folder, &sets[i], false, &error));
    }
    state_file_write(folder, "sets/note", "mine", 4);
    plugin_set_forget_others(folder, sets[1].id, sets[3].id);
    for (int i = 0; i < 4; i++)
        assert_int_equal(plugin_set_verify(folder, sets[i].id, &error), i % 2);
    assert_int_equal(faccessat(folder, "sets/note", F_OK, 0), 0);
    for (int i = 0; i < 4; i++)
        plugin_set_free(&sets[i]);
    state_remove(path);
    (void)close(folder);
    free(path);
}

#define ID_A "0123456789abcdef0123456789abcdef"
#define ID_B "fedcba9876543210fedcba9876543210"

static void marks_come_back(void **state)
{
    (void)state;
    int folder;
    struct error error;
    char *path = state_temporary(&folder);
    struct set_marks marks = {.good = ID_A, .trying = "", .failed = ID_B, .reason = "it crashed:\nSegmentation fault"}, again;
    set_marks_read(folder, &again, &error);
    assert_string_equal(error.what, "");
    assert_string_equal(again.good, "");
    assert_true(set_marks_store(folder, &marks, true, &error));
    set_marks_read(folder, &again, &error);
    assert_string_equal(error.what, "");
    assert_string_equal(again.good, ID_A);
    assert_string_equal(again.trying, "");
    assert_string_equal(again.failed, ID_B);
    assert_string_equal(again.reason, "it crashed: Segmentation fault");
    marks = (struct set_marks){.trying = ID_B};
    assert_true(set_marks_store(folder, &marks, false, &error));
    set_marks_read(folder, &again, &error);
    assert_string_equal(again.good, "");
    assert_string_equal(again.trying, ID_B);
    assert_string_equal(again.reason, "");
    state_remove(path);
    (void)close(folder);
    free(path);
}

static void damaged_marks_are_none_and_are_said(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "shoplane sets 1\n", "shoplane sets 2\ngood -\ntrying -\nfailed -\nreason -\nend\n",
        "shoplane sets 1\ngood ../../etc\ntrying -\nfailed -\nreason -\nend\n",
        "shoplane sets 1\ngood " ID_A "\ntrying -\nfailed -\nreason -\n",
        "shoplane sets 1\ngood " ID_A "0\ntrying -\nfailed -\nreason -\nend\n",
        "shoplane sets 1\ngood " ID_A "\ntrying -\nfailed -\nreason -\nend\nmore",
    };
    int folder;
    struct error error;
    char *path = state_temporary(&folder);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct set_marks marks;
        state_file_write(folder, "set", texts[i], strlen(texts[i]));
        set_marks_read(folder, &marks, &error);
        assert_non_null(strstr(error.what, "which set of plugins is good is not known"));
        assert_string_equal(marks.good, "");
    }
    state_remove(path);
    (void)close(folder);
    free(path);
}

static void notice_comes_back(void **state)
{
    (void)state;
    int folder;
    struct error error;
    char *path = state_temporary(&folder);
    struct notice notice = {.pid = 4711, .start = 123456789012, .set = ID_A, .trial = true, .writes = true, .stood_ms = -1,
                            .refusals = 3, .back = "it was refused"}, again;
    assert_false(notice_read(folder, &again));
    assert_true(notice_store(folder, &notice, &error));
    assert_true(notice_read(folder, &again));
    assert_int_equal(again.pid, 4711);
    assert_int_equal(again.start, 123456789012);
    assert_string_equal(again.set, ID_A);
    assert_true(again.trial && again.writes);
    assert_int_equal(again.stood_ms, -1);
    assert_int_equal(again.refusals, 3);
    assert_string_equal(again.back, "it was refused");
    state_file_write(folder, "running", "pid 4711\nstart", 14);
    assert_false(notice_read(folder, &again));
    assert_int_equal(again.pid, 0);
    state_remove(path);
    (void)close(folder);
    free(path);
}

static void included_files_are_put_in_their_place(void **state)
{
    (void)state;
    int folder;
    struct error error;
    size_t size;
    char *path = state_temporary(&folder), *config = memory_format("%s/main.conf", path);
    const char text[] = "workers = 1;\n# @include \"comment.conf\"\n@include \"one.conf\" x = 1;\nname = \"\n"
                        "@include \\\"text.conf\\\"\";\n";
    state_file_write(folder, "main.conf", text, sizeof text - 1);
    state_file_write(folder, "one.conf", "one = 1;\n  @include \"two.conf\"", 30);
    state_file_write(folder, "two.conf", "two = 2; // last", 16);
    char *whole = whole_text_read(config, &size, &error);
    assert_non_null(whole);
    assert_string_equal(whole, "workers = 1;\n# @include \"comment.conf\"\none = 1;\ntwo = 2; // last\n x = 1;\nname = \"\n"
                               "@include \\\"text.conf\\\"\";\n");
    assert_int_equal(size, strlen(whole));
    free(whole);
    assert_int_equal(unlinkat(folder, "two.conf", 0), 0);
    assert_null(whole_text_read(config, &size, &error));
    assert_non_null(strstr(error.what, "two.conf can't be opened"));
    state_file_write(folder, "two.conf", "@include \"one.conf\"", 19);
    assert_null(whole_text_read(config, &size, &error));
    assert_non_null(strstr(error.what, "include each other"));
    state_remove(path);
    (void)close(folder);
    free(config);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(id_is_of_the_content_alone),
        cmocka_unit_test(id_knows_where_a_file_ends),
        cmocka_unit_test(set_is_kept_as_it_is_and_nobody_else_may_read_it),
        cmocka_unit_test(unfinished_set_is_none_and_is_made_anew),
        cmocka_unit_test(a_copy_that_is_not_what_its_name_says_is_not_used),
        cmocka_unit_test(set_that_can_not_be_kept_is_said),
        cmocka_unit_test(others_are_forgotten_and_nothing_else),
        cmocka_unit_test(marks_come_back),
        cmocka_unit_test(damaged_marks_are_none_and_are_said),
        cmocka_unit_test(notice_comes_back),
        cmocka_unit_test(included_files_are_put_in_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
