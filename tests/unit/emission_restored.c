/* emission_restored.c - what a shard writes after a start: at once what is owed, by and by what Redis should have, nothing
 * while it is muted; and what is deleted although this process never wrote it. */
#include "shard_fixture.h"

#define NO_WINDOW {0}
static const struct window_settings two[] = {
    {.name = "10s", .length_ms = 10 * SECOND, .emit_ms = 1 * SECOND, .burst = 1, .ttl_s = 100},
    {.name = "1h", .length_ms = 3600 * SECOND, .emit_ms = 5 * SECOND, .burst = 1, .ttl_s = 100},
    NO_WINDOW};
static const struct window_settings an_hour[] = {
    {.name = "1h", .length_ms = 3600 * SECOND, .emit_ms = 5 * SECOND, .burst = 1, .ttl_s = 100}, NO_WINDOW};
static const struct window_settings in_bursts[] = {
    {.name = "1h", .length_ms = 3600 * SECOND, .emit_ms = 5 * SECOND, .burst = 5, .ttl_s = 100}, NO_WINDOW};
static const struct window_settings session[] = {{.name = "session",
                                                  .session = true,
                                                  .gap_ms = 30 * SECOND,
                                                  .max_ms = 3600 * SECOND,
                                                  .lateness_ms = 10 * SECOND,
                                                  .emit_ms = 5 * SECOND,
                                                  .burst = 1,
                                                  .ttl_s = 100},
                                                 NO_WINDOW};

static struct fixture f;

static void open(const struct window_settings *windows, bool event_clock, int64_t clock_ms)
{
    fixture_open(&f, windows, event_clock);
    shard_restore(&f.shard, clock_ms);
}

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

/* A record from a journal. */
static bool restored(enum journal_operation operation, const char *key, int64_t time_ms, uint64_t id, const char *page,
                     bool owed)
{
    struct visit visit = {.at = {time_ms, id}, .page = text_inline(page, strlen(page))};
    sl_view name = {key, strlen(key)};
    uint64_t hash = hash_seeded(key, strlen(key), (uint64_t)f.set->lanes[0].table->key);
    char *record = operation == JOURNAL_DROP ? NULL : (char *)&visit;
    return shard_restore_operation(&f.shard, 0, operation, hash, name, record, NULL, owed);
}

static size_t records(void)
{
    size_t count = 0, at = 0;
    for (const struct log *log; (log = key_table_next(&f.shard.tables[0], &at)) != NULL;)
        count += log->count;
    return count;
}

static void what_is_owed_goes_at_once_the_rest_within_its_time(void **state)
{
    (void)state;
    open(an_hour, false, T);
    (void)restored(JOURNAL_INSERT, "ann", T - 2000, 1, "a", true);
    (void)restored(JOURNAL_INSERT, "bob", T - 1000, 2, "b", false);
    fixture_sends(&f, 0, ""); /* not before all of it is there */
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 20 * SECOND);
    fixture_sends(&f, 0, "user:ann:visits_1h = 1 ttl 100 at " AT(000000) "\n"
                         "user:ann:page_1h = a ttl 100 at " AT(000000) "\n");
    fixture_sends(&f, 1, "");
    fixture_sends(&f, 20000, "user:bob:visits_1h = 1 ttl 100 at " AT(000000) "\n"
                             "user:bob:page_1h = b ttl 100 at " AT(000000) "\n");
    fixture_sends(&f, 20001, "");
    assert_null(ledger_oldest(&f.shard.ledger));
}

static void with_the_event_clock_all_that_lives_is_written_at_once(void **state)
{
    (void)state;
    open(an_hour, true, T);
    (void)restored(JOURNAL_INSERT, "bob", T - 1000, 2, "b", false);
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 20 * SECOND);
    (void)shard_send(&f.shard, 0);
    assert_string_equal(kept_lines(f.kept), "user:bob:visits_1h = 1 ttl 100 at " AT(000000) "\n"
                                            "user:bob:page_1h = b ttl 100 at " AT(000000) "\n");
}

static void a_change_does_not_wait_for_the_time_of_what_is_unsure(void **state)
{
    (void)state;
    open(an_hour, false, T);
    (void)restored(JOURNAL_INSERT, "bob", T - 1000, 2, "b", false);
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 1000 * SECOND);
    put(&f, "bob", T + 1, 3, "");
    apply(&f, T + 1);
    /* Its page is gone, and whether Redis has one is not known. */
    fixture_sends(&f, 1, "user:bob:visits_1h = 2 ttl 100 at " AT(000001) "\nuser:bob:page_1h - at " AT(000001) "\n");
    fixture_sends(&f, 2, "");
    fixture_sends(&f, 60000, ""); /* and nothing is due before a quarter of its TTL is left */
    assert_false(log_view(key_table_find(&f.shard.tables[0], hash_seeded("bob", 3, SL_KEY_USER), (sl_view){"bob", 3}),
                          &f.set->lanes[0], 0)->unsure);
}

static void what_went_empty_since_is_owed_its_zeros(void **state)
{
    (void)state;
    open(two, false, T); /* up to here Redis had acknowledged all */
    (void)restored(JOURNAL_INSERT, "ann", T - 9000, 1, "a", false);
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 1000 * SECOND);
    shard_advance(&f.shard, T + 60000); /* where the checkpoint was */
    fixture_sends(&f, 0, "user:ann:visits_10s = 0 ttl 100 at " AT(060000) "\nuser:ann:page_10s - at " AT(060000) "\n");
}

static void nothing_is_written_while_it_is_muted_and_then_all_is(void **state)
{
    (void)state;
    for (int event_clock = 0; event_clock < 2; event_clock++) {
        open(two, event_clock == 1, T);
        f.shard.muted = true;
        (void)restored(JOURNAL_INSERT, "ann", T - 9000, 1, "a", true);
        shard_lane_full(&f.shard, 0, WAKE_RESTORED, 0);
        shard_advance(&f.shard, T + 5000);
        put(&f, "bob", T + 5000, 2, "b");
        apply(&f, T + 5000);
        (void)shard_send(&f.shard, M);
        /* It is filled and emptied again: the former process may have written its page. */
        shard_advance(&f.shard, T + 100000);
        assert_false(shard_send(&f.shard, M + 1));
        assert_string_equal(kept_lines(f.kept), "");
        shard_reread(&f.shard);
        f.shard.muted = false;
        assert_true(shard_send(&f.shard, M + 2));
        const char *lines = kept_lines(f.kept);
        assert_non_null(strstr(lines, "user:bob:page_10s - at " AT(100000)));
        assert_non_null(strstr(lines, "user:bob:visits_10s = 0"));
        assert_non_null(strstr(lines, "user:ann:visits_10s = 0"));
        assert_non_null(strstr(lines, "user:ann:visits_1h = 1"));
        assert_non_null(strstr(lines, "user:bob:page_1h = b"));
        assert_null(ledger_oldest(&f.shard.ledger));
        if (event_clock == 0)
            fixture_close(&f);
    }
}

static void a_lane_that_was_filled_says_what_is_empty_too(void **state)
{
    (void)state;
    open(two, false, T);
    put(&f, "ann", T - 60000, 1, "a"); /* of the topic's past */
    put(&f, "old", T - 3600000, 2, "b");
    put(&f, "new", T, 3, "c");
    put(&f, "older", T - 3600001, 4, "d"); /* before all that is needed */
    f.parcel.past = true;
    apply(&f, T);
    f.parcel.past = false;
    fixture_sends(&f, 0, "");
    shard_advance(&f.shard, T + 1);
    shard_lane_full(&f.shard, 0, WAKE_FILLED, 0);
    (void)shard_send(&f.shard, M + 1);
    const char *lines = kept_lines(f.kept);
    assert_non_null(strstr(lines, "user:ann:visits_10s = 0"));
    assert_non_null(strstr(lines, "user:ann:page_10s -"));
    assert_non_null(strstr(lines, "user:ann:visits_1h = 1"));
    assert_non_null(strstr(lines, "user:old:visits_1h = 0")); /* a former filling may have written 1 */
    assert_non_null(strstr(lines, "user:new:page_10s = c"));
    assert_null(strstr(lines, "older"));
    assert_int_equal(records(), 2);
}

static void an_id_that_came_again_after_its_copy_had_left_counts(void **state)
{
    (void)state;
    open(an_hour, false, T - 1800000);
    assert_true(restored(JOURNAL_INSERT, "ann", T - 3700000, 1, "a", false));
    assert_true(restored(JOURNAL_INSERT, "ann", T - 1000, 1, "b", true));
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 0);
    shard_advance(&f.shard, T);
    fixture_sends(&f, 0, "user:ann:visits_1h = 1 ttl 100 at " AT(000000) "\nuser:ann:page_1h = b ttl 100 at " AT(000000) "\n");
}

static void what_was_replaced_by_one_too_old_is_gone(void **state)
{
    (void)state;
    open(an_hour, false, T);
    assert_true(restored(JOURNAL_INSERT, "ann", T - 1000, 1, "a", false));
    assert_true(restored(JOURNAL_INSERT, "ann", T - 2000, 2, "b", false));
    assert_false(restored(JOURNAL_REPLACE, "ann", T - 3600001, 1, "c", true));
    assert_int_equal(records(), 1);
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 0);
    fixture_sends(&f, 0, "user:ann:visits_1h = 1 ttl 100 at " AT(000000) "\nuser:ann:page_1h = b ttl 100 at " AT(000000) "\n");
}

static void what_was_dropped_is_neither_there_nor_owed(void **state)
{
    (void)state;
    open(session, false, T);
    (void)restored(JOURNAL_INSERT, "s1", T - 1000, 1, "a", true);
    (void)restored(JOURNAL_DROP, "s1", 0, 0, "", true);
    (void)restored(JOURNAL_DROP, "s2", 0, 0, "", true);
    (void)restored(JOURNAL_INSERT, "s3", T - 41000, 1, "a", false); /* over, and no late event may change it */
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 0);
    fixture_sends(&f, 0, "");
    assert_int_equal(shard_keys(&f.shard), 0);
    assert_null(ledger_oldest(&f.shard.ledger));
}

static void live_a_session_that_is_over_before_its_interval_has_its_last_change(void **state)
{
    (void)state;
    fixture_open(&f, session, false);
    put(&f, "s1", T, 1, "a");
    apply(&f, T);
    fixture_sends(&f, 0, "session:s1:visits = 1 ttl 100 at " AT(000000) "\nsession:s1:page = a ttl 100 at " AT(000000) "\n");
    put(&f, "s1", T + 1000, 2, "b");
    apply(&f, T + 1000);
    fixture_sends(&f, 1, "");
    apply(&f, T + 500000); /* a backlog is read: the clock runs */
    fixture_sends(&f, 2, "session:s1:visits = 2 ttl 90 at " AT(500000) "\nsession:s1:page = b ttl 90 at " AT(500000) "\n");
    fixture_sends(&f, 6000, "");
}

/* Whether the process died before the late event, after it, or not at all; and whether what there was had been acknowledged. */
static void a_late_event_of_a_session_that_is_over_is_written_the_same_after_a_start(void **state)
{
    (void)state;
    static const char *const written = "session:s1:visits = 3 ttl 97 at " AT(003000) "\nsession:s1:page - at " AT(003000) "\n";
    for (int owed = 0; owed < 2; owed++)
        for (int before = 0; before < 2; before++) {
            open(session, true, T);
            (void)restored(JOURNAL_INSERT, "s1", T - 31000, 1, "", owed == 1);
            (void)restored(JOURNAL_INSERT, "s1", T - 30000, 2, "", owed == 1);
            if (before == 1)
                (void)restored(JOURNAL_INSERT, "s1", T - 32000, 3, "", true);
            f.shard.muted = true; /* until the fence is passed */
            shard_lane_full(&f.shard, 0, WAKE_RESTORED, 0);
            if (before == 0)
                put(&f, "s1", T - 32000, 3, "");
            apply(&f, T + 3000);
            (void)shard_send(&f.shard, M);
            assert_string_equal(kept_lines(f.kept), "");
            shard_reread(&f.shard);
            f.shard.muted = false;
            assert_true(shard_send(&f.shard, M));
            assert_string_equal(kept_lines(f.kept), written);
            shard_advance(&f.shard, T + 10001); /* gone */
            assert_true(shard_send(&f.shard, M));
            assert_string_equal(kept_lines(f.kept), "");
            assert_int_equal(records(), 0);
            assert_null(ledger_oldest(&f.shard.ledger));
            if (owed == 0 || before == 0)
                fixture_close(&f);
        }
}

static void after_a_start_there_is_a_burst_again(void **state)
{
    (void)state;
    char expected[80];
    open(in_bursts, false, T);
    (void)restored(JOURNAL_INSERT, "ann", T - 1000, 1, "", true);
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 0);
    fixture_sends(&f, 0, "user:ann:visits_1h = 1 ttl 100 at " AT(000000) "\nuser:ann:page_1h - at " AT(000000) "\n");
    for (int i = 2; i <= 6; i++) { /* what is owed was one of the five */
        put(&f, "ann", T + i, (uint64_t)i, "");
        apply(&f, T + i);
        (void)snprintf(expected, sizeof expected, "user:ann:visits_1h = %d ttl 100 at %lld\n", i, (long long)T + i);
        fixture_sends(&f, i, i < 6 ? expected : "");
    }
    fixture_sends(&f, 4999, "");
    fixture_sends(&f, 5000, "user:ann:visits_1h = 6 ttl 100 at " AT(000006) "\n");
}

/* Redis came back, and who knows with what. */
static void a_session_that_is_over_is_written_again_too_while_its_log_is_there(void **state)
{
    (void)state;
    fixture_open(&f, session, false);
    put(&f, "s1", T, 1, "a");
    apply(&f, T);
    (void)shard_send(&f.shard, M);
    (void)kept_lines(f.kept);
    apply(&f, T + 34000);
    shard_write_again(&f.shard);
    fixture_sends(&f, 1, "session:s1:visits = 1 ttl 96 at " AT(034000) "\nsession:s1:page = a ttl 96 at " AT(034000) "\n");
}

#define TEST(name) cmocka_unit_test_teardown(name, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_owed_goes_at_once_the_rest_within_its_time),
        TEST(with_the_event_clock_all_that_lives_is_written_at_once),
        TEST(a_change_does_not_wait_for_the_time_of_what_is_unsure),
        TEST(what_went_empty_since_is_owed_its_zeros),
        TEST(nothing_is_written_while_it_is_muted_and_then_all_is),
        TEST(a_lane_that_was_filled_says_what_is_empty_too),
        TEST(an_id_that_came_again_after_its_copy_had_left_counts),
        TEST(what_was_replaced_by_one_too_old_is_gone),
        TEST(what_was_dropped_is_neither_there_nor_owed),
        TEST(a_late_event_of_a_session_that_is_over_is_written_the_same_after_a_start),
        TEST(after_a_start_there_is_a_burst_again),
        TEST(a_session_that_is_over_is_written_again_too_while_its_log_is_there),
        TEST(live_a_session_that_is_over_before_its_interval_has_its_last_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
