/* state_survey.c - looking through a state: what is counted, which damages are found and what is said to be lost, and a host
 * that goes on meanwhile. Each test makes a folder of its own (made_state.h). */
#include "state/state_survey.h"

#include "made_state.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PRODUCT_0 "product-0000000003-000-000000"
#define PRODUCT_1 "product-0000000003-001-000000"
#define SESSION_0 "session-0000000003-000-000000"

struct place {
    char path[64];
    struct state_folder state;
    struct manifest *manifest;
    struct survey survey;
};

static int begin(void **state)
{
    struct place *place = memory_new(sizeof *place);
    struct error error, passed_over;
    (void)snprintf(place->path, sizeof place->path, "/tmp/shoplane-survey-XXXXXX");
    if (mkdtemp(place->path) == NULL || !state_folder_open(&place->state, place->path, &error))
        return -1;
    made_state(&place->state);
    place->manifest = manifest_load(place->state.folder, place->path, &passed_over, &error);
    *state = place;
    return place->manifest == NULL ? -1 : 0;
}

static int end(void **state)
{
    struct place *place = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", place->path);
    survey_free(&place->survey);
    manifest_free(place->manifest);
    state_folder_close(&place->state);
    int status = system(command);
    free(place);
    return status;
}

static enum survey_result look(struct place *place)
{
    static const struct state_progress nobody;
    survey_free(&place->survey);
    return state_survey(&place->state, place->manifest, &nobody, &place->survey);
}

static void flip(const struct place *place, const char *file, off_t at)
{
    unsigned char byte;
    int descriptor = openat(place->state.journal, file, O_RDWR);
    assert_true(descriptor >= 0);
    assert_int_equal(pread(descriptor, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(descriptor, &byte, 1, at), 1);
    assert_int_equal(close(descriptor), 0);
}

static void cut(const struct place *place, const char *file, off_t size)
{
    int descriptor = openat(place->state.journal, file, O_RDWR);
    assert_true(descriptor >= 0);
    assert_int_equal(ftruncate(descriptor, size), 0);
    assert_int_equal(close(descriptor), 0);
}

static void expect_damage(const struct place *place, size_t index, const char *what, const char *found, const char *advice)
{
    assert_true(index < place->survey.damages.count);
    const struct error *damage = &place->survey.damages.items[index];
    if (strstr(damage->what, what) == NULL || strstr(damage->found, found) == NULL || strstr(damage->advice, advice) == NULL ||
        strstr(damage->found, place->path) == NULL)
        fail_msg("it says\n%s\n%s\n%s", damage->what, damage->found, damage->advice);
}

static void what_is_alive_is_counted_by_lane(void **state)
{
    struct place *place = *state;
    assert_int_equal(look(place), SURVEY_DONE);
    assert_int_equal(place->survey.damages.count, 0);
    const struct survey_lane *lanes = place->survey.lanes;
    assert_int_equal(lanes[0].records, STATE_RECORDS); /* not the expired one, nor the dropped; a replaced one once */
    assert_int_equal(lanes[0].keys, STATE_KEYS);
    assert_int_equal(lanes[0].entries, STATE_ENTRIES);
    assert_int_equal(lanes[0].blocks, 9);
    assert_true(lanes[0].oldest_ms == STATE_CLOCK_MS - 24 * STATE_HOUR_MS);
    assert_true(lanes[0].newest_ms == STATE_CLOCK_MS);
    assert_int_equal(lanes[1].records, 300);
    assert_int_equal(lanes[1].keys, 100);
    assert_int_equal(lanes[2].records, 10);
    assert_int_equal(lanes[2].keys, 1);
}

static void a_flipped_bit_costs_one_block(void **state)
{
    struct place *place = *state;
    flip(place, PRODUCT_1, 600); /* inside of the first block's entries */
    assert_int_equal(look(place), SURVEY_DONE);
    assert_int_equal(place->survey.damages.count, 1);
    expect_damage(place, 0, "a segment of lane product is not whole", PRODUCT_1 " at byte ", "lost with it: 200 entries");
    expect_damage(place, 0, "sum of its entries", "/journal/", "; 301 of the segment's 501 entries are there");
    assert_int_equal(place->survey.lanes[0].entries, STATE_ENTRIES - 200);
    assert_int_equal(place->survey.lanes[1].records, 300);
}

static void a_damaged_block_header_loses_what_the_manifest_knows_of(void **state)
{
    struct place *place = *state;
    const off_t header = (off_t)place->manifest->lanes[1].segments[0].bytes - 100 * 48 - 48; /* of the last block */
    flip(place, SESSION_0, header + 20);
    assert_int_equal(look(place), SURVEY_DONE);
    assert_int_equal(place->survey.damages.count, 1);
    expect_damage(place, 0, "lane session", SESSION_0, "; 200 of the segment's 300 entries are there");
}

static void a_damaged_header_loses_the_segment(void **state)
{
    struct place *place = *state;
    flip(place, PRODUCT_0, 40);
    assert_int_equal(look(place), SURVEY_DONE);
    assert_int_equal(place->survey.damages.count, 1);
    expect_damage(place, 0, "header", PRODUCT_0,
                  "1002 entries with records of 2026-03-25T10:58:53.450Z to 2026-03-25T11:15:32.451Z");
    assert_int_equal(place->survey.lanes[0].keys, 49);
}

static void a_missing_segment_is_lost_whole(void **state)
{
    struct place *place = *state;
    assert_int_equal(unlinkat(place->state.journal, PRODUCT_1, 0), 0);
    assert_int_equal(look(place), SURVEY_DONE);
    assert_int_equal(place->survey.damages.count, 1);
    expect_damage(place, 0, "missing", PRODUCT_1, "lost with it: 501 entries");
    assert_int_equal(place->survey.lanes[0].entries, 1002);
}

static void of_a_segment_that_was_cut_the_beginning_is_used(void **state)
{
    struct place *place = *state;
    const off_t bytes = (off_t)place->manifest->lanes[1].segments[0].bytes;
    cut(place, SESSION_0, bytes - 100);
    assert_int_equal(look(place), SURVEY_DONE);
    assert_int_equal(place->survey.damages.count, 2);
    expect_damage(place, 0, "shorter than the manifest says", SESSION_0, "lost: its last 100 bytes");
    expect_damage(place, 1, "ends inside of its entries", SESSION_0, "200 of the segment's 300 entries are there");
    assert_int_equal(place->survey.lanes[1].records, 200);
}

static void bytes_behind_what_the_manifest_says_do_not_count(void **state)
{
    struct place *place = *state;
    int descriptor = openat(place->state.journal, SESSION_0, O_WRONLY | O_APPEND);
    assert_int_equal(write(descriptor, "rubbish", 7), 7);
    assert_int_equal(close(descriptor), 0);
    assert_int_equal(look(place), SURVEY_DONE);
    assert_int_equal(place->survey.damages.count, 0);
}

static void a_count_that_is_not_the_manifests_is_said(void **state)
{
    struct place *place = *state;
    place->manifest->lanes[1].segments[0].entries = 299;
    assert_int_equal(look(place), SURVEY_DONE);
    assert_int_equal(place->survey.damages.count, 1);
    expect_damage(place, 0, "another one than the manifest says", SESSION_0, "300 of the segment's 299 entries");
}

static void a_segment_that_goes_with_a_newer_manifest_is_no_damage(void **state)
{
    struct place *place = *state;
    struct error error, passed_over;
    assert_int_equal(unlinkat(place->state.journal, "cart-0000000002-000-000004", 0), 0);
    struct manifest *newer = manifest_load(place->state.folder, place->path, &passed_over, &error);
    assert_non_null(newer);
    newer->checkpoint++;
    newer->lanes[2].segment_count = 0;
    assert_true(manifest_store(place->state.folder, newer, false, &error));
    manifest_free(newer);
    assert_int_equal(look(place), SURVEY_MOVED_ON);
}

static bool stop_at_once(void *context, uint64_t done, uint64_t total)
{
    int *calls = context;
    assert_true(done <= total);
    ++*calls;
    return false;
}

static bool follow(void *context, uint64_t done, uint64_t total)
{
    uint64_t *last = context;
    assert_true(done >= *last && done <= total);
    *last = done;
    return true;
}

static void progress_ends_at_all_bytes_and_may_stop_it(void **state)
{
    struct place *place = *state;
    uint64_t last = 0;
    struct state_progress following = {follow, &last};
    assert_int_equal(state_survey(&place->state, place->manifest, &following, &place->survey), SURVEY_DONE);
    assert_int_equal(last, 48592 + 24368 + 17104 + 736);
    survey_free(&place->survey);
    int calls = 0;
    struct state_progress stopping = {stop_at_once, &calls};
    assert_int_equal(state_survey(&place->state, place->manifest, &stopping, &place->survey), SURVEY_STOPPED);
    assert_int_equal(calls, 1);
}

static void files_that_nobody_names_are_listed(void **state)
{
    struct place *place = *state;
    struct unnamed_file *files;
    assert_int_equal(state_unnamed(&place->state, place->manifest, &files), 0);
    free(files);
    static const char *const names[] = {"product-0000000003-000-000001", "notes.txt", "a"};
    for (size_t i = 0; i < 3; i++) {
        int descriptor = openat(place->state.journal, names[i], O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(descriptor, "12345", i + 1), i + 1);
        assert_int_equal(close(descriptor), 0);
    }
    assert_int_equal(state_unnamed(&place->state, place->manifest, &files), 3);
    assert_string_equal(files[0].name, "a");
    assert_string_equal(files[1].name, "notes.txt");
    assert_string_equal(files[2].name, "product-0000000003-000-000001");
    assert_int_equal(files[2].bytes, 1);
    free(files);
}

static void who_holds_the_lock_is_seen_without_taking_it(void **state)
{
    struct place *place = *state;
    struct state_folder other;
    struct error error;
    char holder[STATE_OWNER_MAX], former[STATE_OWNER_MAX];
    assert_false(state_holder(&place->state, holder));
    assert_string_equal(holder, "");
    assert_true(state_folder_open(&other, place->path, &error));
    assert_true(state_folder_lock(&other, "shop-1:1:a", former));
    assert_true(state_holder(&place->state, holder));
    assert_string_equal(holder, "shop-1:1:a");
    state_folder_close(&other);
    assert_false(state_holder(&place->state, holder));
    assert_string_equal(holder, "shop-1:1:a"); /* the last one */
    assert_true(state_folder_lock(&place->state, "shop-2:2:b", former));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(what_is_alive_is_counted_by_lane),
        TEST(a_flipped_bit_costs_one_block),
        TEST(a_damaged_block_header_loses_what_the_manifest_knows_of),
        TEST(a_damaged_header_loses_the_segment),
        TEST(a_missing_segment_is_lost_whole),
        TEST(of_a_segment_that_was_cut_the_beginning_is_used),
        TEST(bytes_behind_what_the_manifest_says_do_not_count),
        TEST(a_count_that_is_not_the_manifests_is_said),
        TEST(a_segment_that_goes_with_a_newer_manifest_is_no_damage),
        TEST(progress_ends_at_all_bytes_and_may_stop_it),
        TEST(files_that_nobody_names_are_listed),
        TEST(who_holds_the_lock_is_seen_without_taking_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
