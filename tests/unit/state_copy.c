/* state_copy.c - copies of a state: whole, exact, and consistent while the host goes on between any two pieces. The host here
 * is the progress function: it does what a host does at that very moment. */
#include "state/state_copy.h"

#include "made_state.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PRODUCT_0 "product-0000000003-000-000000"
#define SESSION_0 "session-0000000003-000-000000"
#define CART_4    "cart-0000000002-000-000004"

struct place {
    char path[64];
    struct state_folder from, to;
    struct state_copied copied;
    unsigned calls, act_at; /* the host acts at this call of the progress function */
    void (*act)(struct place *place);
};

static int begin(void **state)
{
    struct place *place = memory_new(sizeof *place);
    struct error error;
    char path[96];
    (void)snprintf(place->path, sizeof place->path, "/tmp/shoplane-copy-XXXXXX");
    if (mkdtemp(place->path) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/from", place->path);
    if (!state_folder_open(&place->from, path, &error))
        return -1;
    (void)snprintf(path, sizeof path, "%s/to", place->path);
    if (!state_folder_open(&place->to, path, &error))
        return -1;
    made_state(&place->from);
    *state = place;
    return 0;
}

static int end(void **state)
{
    struct place *place = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", place->path);
    manifest_free(place->copied.manifest);
    state_folder_close(&place->from);
    state_folder_close(&place->to);
    int status = system(command);
    free(place);
    return status;
}

static bool show(void *context, uint64_t done, uint64_t total)
{
    struct place *place = context;
    assert_true(done <= total);
    if (++place->calls != place->act_at)
        return true;
    if (place->act == NULL)
        return false;
    place->act(place);
    return true;
}

static bool copy(struct place *place, struct error *error)
{
    struct state_progress progress = {show, place};
    return state_copy(&place->from, &place->to, &progress, &place->copied, error);
}

static struct manifest *newest(const struct state_folder *state)
{
    struct error error, passed_over;
    struct manifest *manifest = manifest_load(state->folder, state->path, &passed_over, &error);
    assert_non_null(manifest);
    return manifest;
}

/* What a survey finds in the copy is what its manifest says. */
static void expect_whole(const struct place *place, uint64_t checkpoint, uint64_t records)
{
    static const struct state_progress nobody;
    struct survey survey;
    struct unnamed_file *files;
    struct manifest *manifest = newest(&place->to);
    assert_int_equal(manifest->checkpoint, checkpoint);
    assert_int_equal(place->copied.manifest->checkpoint, checkpoint);
    assert_int_equal(state_survey(&place->to, manifest, &nobody, &survey), SURVEY_DONE);
    assert_int_equal(survey.damages.count, 0);
    assert_int_equal(survey.lanes[0].records, records);
    assert_int_equal(state_unnamed(&place->to, manifest, &files), 0);
    free(files);
    survey_free(&survey);
    manifest_free(manifest);
}

static void expect_empty(const struct place *place)
{
    static const struct manifest nothing;
    struct unnamed_file *files;
    assert_int_equal(state_unnamed(&place->to, &nothing, &files), 0);
    assert_false(state_exists(&place->to));
    free(files);
}

static void a_copy_is_whole_and_exact(void **state)
{
    struct place *place = *state;
    struct error error;
    assert_false(state_exists(&place->to));
    assert_true(copy(place, &error));
    expect_whole(place, 17, STATE_RECORDS);
    assert_int_equal(place->copied.segments, 4);
    assert_int_equal(place->copied.bytes, 48592 + 24368 + 17104 + 736);
    assert_int_equal(place->copied.begun_again, 0);
    assert_true(state_exists(&place->to));
    char command[256];
    (void)snprintf(command, sizeof command, "diff -r %s %s", place->from.path, place->to.path);
    assert_int_equal(system(command), 0);
}

/* A new segment with a record; a checkpoint of it, without the segment of lane cart, which is deleted. */
static void go_on_and_delete(struct place *place)
{
    struct error error;
    struct manifest *manifest = newest(&place->from);
    struct segment_writer writer;
    struct segment_name name = made_name("product", 3, 0, 1);
    segment_writer_init(&writer, place->from.journal, &name, &manifest->lanes[0].schema);
    made_put(&writer, JOURNAL_INSERT, "new", STATE_CLOCK_MS, 9999);
    manifest->checkpoint++;
    manifest->lanes[0].segments = memory_resize(manifest->lanes[0].segments, 3 * sizeof(struct manifest_segment));
    manifest->lanes[0].segments[2] = made_segment(&writer);
    manifest->lanes[0].segment_count = 3;
    manifest->lanes[2].segment_count = 0;
    segment_writer_free(&writer);
    assert_true(manifest_store(place->from.folder, manifest, false, &error));
    assert_int_equal(unlinkat(place->from.journal, CART_4, 0), 0);
    manifest_free(manifest);
}

static void where_a_segment_goes_the_copy_goes_on_with_the_newer_manifest(void **state)
{
    struct place *place = *state;
    struct error error;
    place->act_at = 2; /* two segments are through, lane cart's is not */
    place->act = go_on_and_delete;
    assert_true(copy(place, &error));
    expect_whole(place, 18, STATE_RECORDS + 1);
    assert_int_equal(place->copied.begun_again, 1);
    assert_int_equal(place->copied.segments, 4);
}

static void once_all_is_through_a_newer_manifest_is_not_needed(void **state)
{
    struct place *place = *state;
    struct error error;
    place->act_at = 4; /* lane cart's is through, too */
    place->act = go_on_and_delete;
    assert_true(copy(place, &error));
    expect_whole(place, 17, STATE_RECORDS);
    assert_int_equal(faccessat(place->to.journal, CART_4, F_OK, 0), 0);
}

/* A checkpoint without the first segment of lane product, and without lane cart's; both are deleted. */
static void forget(struct place *place)
{
    struct error error;
    struct manifest *manifest = newest(&place->from);
    manifest->checkpoint++;
    manifest->lanes[0].segments[0] = manifest->lanes[0].segments[1];
    manifest->lanes[0].segment_count = 1;
    manifest->lanes[2].segment_count = 0;
    assert_true(manifest_store(place->from.folder, manifest, false, &error));
    assert_int_equal(unlinkat(place->from.journal, PRODUCT_0, 0), 0);
    assert_int_equal(unlinkat(place->from.journal, CART_4, 0), 0);
    manifest_free(manifest);
}

static void what_was_copied_and_has_gone_since_is_not_in_the_copy(void **state)
{
    struct place *place = *state;
    struct error error;
    place->act_at = 2;
    place->act = forget;
    assert_true(copy(place, &error));
    expect_whole(place, 18, 490);
    assert_int_equal(place->copied.segments, 2);
}

static void append(struct place *place)
{
    int file = openat(place->from.journal, SESSION_0, O_WRONLY | O_APPEND);
    assert_int_equal(write(file, "half a block", 12), 12);
    assert_int_equal(close(file), 0);
}

static void what_is_appended_meanwhile_is_not_copied(void **state)
{
    struct place *place = *state;
    struct error error;
    place->act_at = 1;
    place->act = append;
    assert_true(copy(place, &error));
    expect_whole(place, 17, STATE_RECORDS);
    struct stat status;
    assert_int_equal(fstatat(place->to.journal, SESSION_0, &status, 0), 0);
    assert_int_equal(status.st_size, 17104);
}

static void a_damaged_segment_is_not_copied_and_named(void **state)
{
    struct place *place = *state;
    struct error error;
    int file = openat(place->from.journal, SESSION_0, O_WRONLY);
    assert_int_equal(pwrite(file, "\xff\xff", 2, 9000), 2);
    assert_int_equal(close(file), 0);
    assert_false(copy(place, &error));
    assert_non_null(strstr(error.what, "can't be copied: a block of it is damaged"));
    assert_non_null(strstr(error.found, SESSION_0));
    assert_non_null(strstr(error.found, " at byte "));
    assert_non_null(strstr(error.found, place->from.path));
    assert_non_null(strstr(error.advice, "--verify"));
    expect_empty(place);
}

static void a_missing_or_short_segment_is_said(void **state)
{
    struct place *place = *state;
    struct error error;
    int file = openat(place->from.journal, PRODUCT_0, O_WRONLY);
    assert_int_equal(ftruncate(file, 48000), 0);
    assert_int_equal(close(file), 0);
    assert_false(copy(place, &error));
    assert_non_null(strstr(error.what, "shorter than the manifest says"));
    assert_int_equal(unlinkat(place->from.journal, PRODUCT_0, 0), 0);
    assert_false(copy(place, &error));
    assert_non_null(strstr(error.what, "it is missing"));
    assert_non_null(strstr(error.found, PRODUCT_0));
    expect_empty(place);
}

static void a_copy_that_is_stopped_leaves_nothing(void **state)
{
    struct place *place = *state;
    struct error error;
    place->act_at = 3;
    assert_false(copy(place, &error));
    assert_string_equal(error.what, "");
    expect_empty(place);
}

static void a_folder_without_state_can_not_be_copied(void **state)
{
    struct place *place = *state;
    struct error error;
    assert_int_equal(unlinkat(place->from.folder, "manifest-3", 0), 0);
    assert_false(copy(place, &error));
    assert_non_null(strstr(error.what, "the manifest of the state is gone"));
    expect_empty(place);
    static const struct manifest nothing;
    struct unnamed_file *files;
    size_t count = state_unnamed(&place->from, &nothing, &files);
    assert_true(count > 0); /* the journals */
    for (size_t i = 0; i < count; i++)
        assert_int_equal(unlinkat(place->from.journal, files[i].name, 0), 0);
    free(files);
    assert_false(copy(place, &error));
    assert_non_null(strstr(error.what, "there is no state in"));
    expect_empty(place);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(a_copy_is_whole_and_exact),
        TEST(where_a_segment_goes_the_copy_goes_on_with_the_newer_manifest),
        TEST(once_all_is_through_a_newer_manifest_is_not_needed),
        TEST(what_was_copied_and_has_gone_since_is_not_in_the_copy),
        TEST(what_is_appended_meanwhile_is_not_copied),
        TEST(a_damaged_segment_is_not_copied_and_named),
        TEST(a_missing_or_short_segment_is_said),
        TEST(a_copy_that_is_stopped_leaves_nothing),
        TEST(a_folder_without_state_can_not_be_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
