/* emission_live.c - when a live shard writes: sends go by monotonic time, what is in a window by the clock. */
#include "shard_fixture.h"

#define NO_WINDOW {0}
static const struct window_settings ten_seconds[] = {
    {.name = "10s", .length_ms = 10 * SECOND, .emit_ms = 5 * SECOND, .burst = 1, .ttl_s = 100}, NO_WINDOW};
static const struct window_settings an_hour[] = {
    {.name = "1h", .length_ms = 3600 * SECOND, .emit_ms = 5 * SECOND, .burst = 1, .ttl_s = 100}, NO_WINDOW};
static const struct window_settings rarely[] = {
    {.name = "1h", .length_ms = 3600 * SECOND, .emit_ms = 200 * SECOND, .burst = 1, .ttl_s = 100}, NO_WINDOW};
static const struct window_settings at_once[] = {
    {.name = "10s", .length_ms = 10 * SECOND, .emit_ms = 0, .ttl_s = 100}, NO_WINDOW};
static const struct window_settings in_bursts[] = {
    {.name = "1h", .length_ms = 3600 * SECOND, .emit_ms = 10 * SECOND, .burst = 5, .ttl_s = 40}, NO_WINDOW};
static const struct window_settings two[] = {
    {.name = "10s", .length_ms = 10 * SECOND, .emit_ms = 1 * SECOND, .burst = 1, .ttl_s = 100},
    {.name = "1h", .length_ms = 3600 * SECOND, .emit_ms = 5 * SECOND, .burst = 1, .ttl_s = 1000},
    NO_WINDOW};
static const struct window_settings session[] = {{.name = "session",
                                                  .session = true,
                                                  .gap_ms = 30 * SECOND,
                                                  .max_ms = 3600 * SECOND,
                                                  .lateness_ms = 10 * SECOND,
                                                  .emit_ms = 5 * SECOND,
                                                  .burst = 1,
                                                  .ttl_s = 100},
                                                 NO_WINDOW};
static const struct window_settings short_lived[] = {{.name = "session",
                                                      .session = true,
                                                      .gap_ms = 10 * SECOND,
                                                      .max_ms = 3600 * SECOND,
                                                      .lateness_ms = 60 * SECOND,
                                                      .emit_ms = 0,
                                                      .ttl_s = 20},
                                                     NO_WINDOW};

static struct fixture f;

static void open(const struct window_settings *windows) { fixture_open(&f, windows, false); }
static void sends(int64_t ms, const char *expected) { fixture_sends(&f, ms, expected); }

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

/* Everything is gone: logs, records, texts. */
static void nothing_is_left(void)
{
    assert_int_equal(shard_keys(&f.shard), 0);
    assert_int_equal(f.shard.texts.count, 0);
    assert_int_equal(f.shard.slab.used, 0);
    assert_int_equal(wheel_bound(&f.shard.send), WHEEL_NEVER);
}

static void the_first_change_goes_out_at_once_and_later_ones_not_before_emit(void **state)
{
    (void)state;
    open(ten_seconds);
    put(&f, "ann", T, 1, "home");
    apply(&f, T);
    assert_string_equal(kept_lines(f.kept), ""); /* not before the batch is done */
    sends(0, "user:ann:visits_10s = 1 ttl 100 at " AT(000000) "\nuser:ann:page_10s = home ttl 100 at " AT(000000) "\n");
    put(&f, "ann", T + 1000, 2, "a page with a long name");
    apply(&f, T + 1000);
    sends(1000, "");
    assert_true(wheel_bound(&f.shard.send) <= M + 5000);
    sends(4999, "");
    sends(5000, "user:ann:visits_10s = 2 ttl 100 at " AT(001000) "\n"
                "user:ann:page_10s = a page with a long name ttl 100 at " AT(001000) "\n");
    sends(60000, "");
}

/* Visits up to number `last` come in one batch at M + ms, and are written, or not. */
static void visits_at(int64_t ms, int first, int last, bool written)
{
    char expected[120];
    for (int number = first; number <= last; number++)
        put(&f, "ann", T + ms, (uint64_t)number, "");
    apply(&f, T + ms);
    (void)snprintf(expected, sizeof expected, "user:ann:visits_1h = %d ttl 40 at %lld\n", last, (long long)(T + ms));
    sends(ms, written ? expected : "");
}
static void visit_at(int64_t ms, int number, bool written) { visits_at(ms, number, number, written); }

static void five_changes_go_out_at_once_and_then_one_each_emit(void **state)
{
    (void)state;
    open(in_bursts);
    for (int i = 1; i <= 5; i++)
        visit_at(300 * i, i, true);
    visit_at(2000, 6, false);
    visit_at(2001, 7, false);
    sends(10299, ""); /* an interval after the first */
    sends(10300, "user:ann:visits_1h = 7 ttl 40 at " AT(002001) "\n");
    visit_at(10400, 8, false);
    sends(20300, "user:ann:visits_1h = 8 ttl 40 at " AT(010400) "\n");
    visit_at(30299, 9, false);
    sends(30300, "user:ann:visits_1h = 9 ttl 40 at " AT(030299) "\n");
    /* A refresh is no change. With one each interval there are five again 50 s later, and never more. */
    sends(60300, "user:ann:visits_1h + 9 ttl 40 at " AT(030299) "\n");
    for (int i = 10; i <= 14; i++)
        visit_at(90000 + i, i, true);
    visit_at(90020, 15, false);
}

static void what_comes_in_one_batch_is_one_change(void **state)
{
    (void)state;
    open(in_bursts);
    for (int batch = 1; batch <= 5; batch++)
        visits_at(batch, batch * 3 - 2, batch * 3, true);
    visits_at(6, 16, 18, false);
}

static void with_emit_0_every_batch_writes_what_changed(void **state)
{
    (void)state;
    open(at_once);
    for (int64_t i = 0; i < 3; i++) {
        put(&f, "ann", T + i, (uint64_t)i * 2, "");
        put(&f, "ann", T + i, (uint64_t)i * 2 + 1, ""); /* one write for both */
        apply(&f, T + i);
        (void)shard_send(&f.shard, M);
        char expected[80];
        (void)snprintf(expected, sizeof expected, "user:ann:visits_10s = %lld ttl 100 at %lld\n", (long long)(i + 1) * 2,
                       (long long)(T + i));
        assert_string_equal(kept_lines(f.kept), expected);
    }
}

static void records_leave_as_the_clock_moves_and_zeros_are_written_once(void **state)
{
    (void)state;
    open(ten_seconds);
    put(&f, "ann", T, 1, "home");
    put(&f, "ann", T + 1000, 2, "the page of the second event");
    apply(&f, T + 1000);
    sends(0, "user:ann:visits_10s = 2 ttl 100 at " AT(001000) "\n"
             "user:ann:page_10s = the page of the second event ttl 100 at " AT(001000) "\n");
    apply(&f, T + 10000); /* to the millisecond: still in */
    sends(6000, "");
    apply(&f, T + 10001);
    sends(6001, "user:ann:visits_10s = 1 ttl 100 at " AT(010001) "\n"
                "user:ann:page_10s = the page of the second event ttl 100 at " AT(010001) "\n");
    apply(&f, T + 11001);
    sends(11000, ""); /* before emit */
    sends(11001, "user:ann:visits_10s = 0 ttl 100 at " AT(011001) "\nuser:ann:page_10s - at " AT(011001) "\n");
    sends(90000, ""); /* silent: not even refreshed */
    nothing_is_left();
    /* Back again: as the first time. */
    put(&f, "ann", T + 60000, 3, "");
    apply(&f, T + 60000);
    sends(91000, "user:ann:visits_10s = 1 ttl 100 at " AT(060000) "\n");
}

static void a_live_value_is_refreshed_when_a_quarter_of_its_ttl_is_left(void **state)
{
    (void)state;
    open(an_hour);
    put(&f, "ann", T, 1, "home");
    apply(&f, T);
    sends(0, "user:ann:visits_1h = 1 ttl 100 at " AT(000000) "\nuser:ann:page_1h = home ttl 100 at " AT(000000) "\n");
    apply(&f, T + 90000);
    sends(74999, "");
    sends(75000, "user:ann:visits_1h + 1 ttl 100 at " AT(090000) "\nuser:ann:page_1h + home ttl 100 at " AT(090000) "\n");
    /* A change is as good as a refresh. */
    put(&f, "ann", T + 90000, 2, "home");
    apply(&f, T + 90000);
    sends(100000, "user:ann:visits_1h = 2 ttl 100 at " AT(090000) "\nuser:ann:page_1h = home ttl 100 at " AT(090000) "\n");
    sends(174999, "");
    sends(175000, "user:ann:visits_1h + 2 ttl 100 at " AT(090000) "\nuser:ann:page_1h + home ttl 100 at " AT(090000) "\n");
}

static void a_value_that_waits_for_its_interval_is_kept_alive_meanwhile(void **state)
{
    (void)state;
    open(rarely);
    put(&f, "ann", T, 1, "home");
    apply(&f, T);
    sends(0, "user:ann:visits_1h = 1 ttl 100 at " AT(000000) "\nuser:ann:page_1h = home ttl 100 at " AT(000000) "\n");
    put(&f, "ann", T + 1000, 2, "");
    apply(&f, T + 1000);
    sends(74999, "");
    sends(75000, "user:ann:visits_1h + ttl 100 at " AT(001000) "\nuser:ann:page_1h + ttl 100 at " AT(001000) "\n");
    sends(150000, "user:ann:visits_1h + ttl 100 at " AT(001000) "\nuser:ann:page_1h + ttl 100 at " AT(001000) "\n");
    sends(200000, "user:ann:visits_1h = 2 ttl 100 at " AT(001000) "\nuser:ann:page_1h - at " AT(001000) "\n");
}

static void what_did_not_change_is_not_written(void **state)
{
    (void)state;
    open(an_hour);
    put(&f, "ann", T, 1, "first");
    put(&f, "ann", T + 10, 2, "second");
    apply(&f, T + 10);
    sends(0, "user:ann:visits_1h = 2 ttl 100 at " AT(000010) "\nuser:ann:page_1h = second ttl 100 at " AT(000010) "\n");
    put(&f, "ann", T - 5, 1, "first"); /* an earlier copy: it takes the place of the later, and nothing comes of it */
    put(&f, "ann", T + 50, 2, "a later copy"); /* no change at all */
    apply(&f, T + 50);
    assert_int_equal(f.shard.counters.duplicates, 2);
    sends(5000, "");
    put(&f, "ann", T + 60, 3, "third");
    apply(&f, T + 60);
    sends(5001, "user:ann:visits_1h = 3 ttl 100 at " AT(000060) "\nuser:ann:page_1h = third ttl 100 at " AT(000060) "\n");
}

static void each_window_keeps_its_own_time(void **state)
{
    (void)state;
    open(two);
    put(&f, "ann", T, 1, "");
    apply(&f, T);
    sends(0, "user:ann:visits_10s = 1 ttl 100 at " AT(000000) "\nuser:ann:visits_1h = 1 ttl 1000 at " AT(000000) "\n");
    put(&f, "ann", T + 500, 2, "");
    apply(&f, T + 500);
    sends(1000, "user:ann:visits_10s = 2 ttl 100 at " AT(000500) "\n");
    sends(5000, "user:ann:visits_1h = 2 ttl 1000 at " AT(000500) "\n");
    put(&f, "ann", T - 60000, 3, ""); /* late for one, in time for the other */
    apply(&f, T + 600);
    sends(20000, "user:ann:visits_1h = 3 ttl 1000 at " AT(000600) "\n");
    assert_int_equal(f.shard.counters.late, 0);
    put(&f, "ann", T + 600 - 3600 * SECOND - 1, 4, "");
    put(&f, "bob", T + 600 - 3600 * SECOND - 1, 5, "");
    apply(&f, T + 600);
    sends(30000, "");
    assert_int_equal(f.shard.counters.late, 2);
    assert_int_equal(shard_keys(&f.shard), 1);
}

static void a_session_that_is_over_is_refreshed_no_more(void **state)
{
    (void)state;
    open(session);
    put(&f, "s1", T, 1, "home");
    apply(&f, T);
    sends(0, "session:s1:visits = 1 ttl 100 at " AT(000000) "\nsession:s1:page = home ttl 100 at " AT(000000) "\n");
    put(&f, "s1", T + 1000, 2, "cart");
    apply(&f, T + 1000);
    sends(5000, "session:s1:visits = 2 ttl 100 at " AT(001000) "\nsession:s1:page = cart ttl 100 at " AT(001000) "\n");
    apply(&f, T + 31000); /* not over yet: its values are kept alive */
    sends(80000, "session:s1:visits + 2 ttl 100 at " AT(031000) "\nsession:s1:page + cart ttl 100 at " AT(031000) "\n");
    apply(&f, T + 31001);
    sends(155000, "");
    /* Its log goes 10 s later; what is there in Redis is known until it has expired. */
    apply(&f, T + 41000);
    assert_int_equal(f.shard.tables[0].count, 1);
    assert_true(f.shard.texts.count + f.shard.slab.used > 0);
    apply(&f, T + 41001);
    sends(180000, "");
    nothing_is_left();
    put(&f, "s1", T + 1000, 3, ""); /* older, and no live log */
    apply(&f, T + 41002);
    assert_int_equal(f.shard.counters.late, 1);
}

static void a_late_event_brings_a_session_back(void **state)
{
    (void)state;
    open(session);
    put(&f, "s1", T, 1, "home");
    apply(&f, T);
    sends(0, "session:s1:visits = 1 ttl 100 at " AT(000000) "\nsession:s1:page = home ttl 100 at " AT(000000) "\n");
    apply(&f, T + 35000);
    put(&f, "s1", T + 20000, 2, "cart");
    apply(&f, T + 35000);
    sends(10000, "session:s1:visits = 2 ttl 100 at " AT(035000) "\nsession:s1:page = cart ttl 100 at " AT(035000) "\n");
    /* Another run, more than the gap later, is the newest: only it is published, and what it has not is deleted. */
    put(&f, "s1", T + 51000, 3, "");
    apply(&f, T + 51000);
    sends(20000, "session:s1:visits = 1 ttl 100 at " AT(051000) "\nsession:s1:page - at " AT(051000) "\n");
}

static void a_late_event_corrects_a_session_that_is_over_for_as_long_as_it_lives(void **state)
{
    (void)state;
    open(session);
    put(&f, "s1", T, 1, "home");
    apply(&f, T);
    sends(0, "session:s1:visits = 1 ttl 100 at " AT(000000) "\nsession:s1:page = home ttl 100 at " AT(000000) "\n");
    apply(&f, T + 32500);
    put(&f, "s1", T - 1000, 2, ""); /* it was over 2.5 s ago, and its page is as it was */
    apply(&f, T + 32500);
    sends(10000, "session:s1:visits = 2 ttl 98 at " AT(032500) "\nsession:s1:page = home ttl 98 at " AT(032500) "\n");
    put(&f, "s1", T - 2000, 3, "");
    apply(&f, T + 39000);
    sends(12000, ""); /* it waits for its interval, but not when the log goes */
    apply(&f, T + 40001);
    sends(12001, "session:s1:visits = 3 ttl 90 at " AT(040001) "\nsession:s1:page = home ttl 90 at " AT(040001) "\n");
    put(&f, "s1", T - 3000, 4, "");
    apply(&f, T + 40001);
    assert_int_equal(f.shard.counters.late, 1);
    sends(102000, "");
    assert_int_equal(shard_keys(&f.shard), 1); /* what a session that starts anew would have to delete */
    sends(102001, "");
    nothing_is_left();
}

static void a_late_event_whose_session_has_run_out_brings_no_key_back(void **state)
{
    (void)state;
    open(short_lived);
    put(&f, "s1", T, 1, "home");
    apply(&f, T);
    sends(0, "session:s1:visits = 1 ttl 20 at " AT(000000) "\nsession:s1:page = home ttl 20 at " AT(000000) "\n");
    apply(&f, T + 25000);
    put(&f, "s1", T - 1000, 2, ""); /* over for 15 s: its keys had 5 left at most */
    apply(&f, T + 25000);
    sends(14000, "session:s1:visits = 2 ttl 5 at " AT(025000) "\nsession:s1:page = home ttl 5 at " AT(025000) "\n");
    apply(&f, T + 30000);
    put(&f, "s1", T - 2000, 3, "");
    apply(&f, T + 30000);
    sends(20000, "");
    put(&f, "s1", T + 20000, 4, ""); /* live again, and nothing of it is there */
    apply(&f, T + 30000);
    sends(25000, "session:s1:visits = 1 ttl 20 at " AT(030000) "\n");
}

static void a_session_that_starts_anew_deletes_what_the_last_one_left(void **state)
{
    (void)state;
    open(session);
    put(&f, "s1", T, 1, "home");
    apply(&f, T);
    sends(0, "session:s1:visits = 1 ttl 100 at " AT(000000) "\nsession:s1:page = home ttl 100 at " AT(000000) "\n");
    apply(&f, T + 50000); /* its log is gone */
    sends(50000, "");
    put(&f, "s1", T + 60000, 2, "");
    apply(&f, T + 60000);
    sends(60000, "session:s1:visits = 1 ttl 100 at " AT(060000) "\nsession:s1:page - at " AT(060000) "\n");
}

static void a_full_sink_is_owed_until_it_takes_it(void **state)
{
    (void)state;
    open(ten_seconds);
    f.kept->full = true;
    put(&f, "ann", T, 1, "home");
    put(&f, "bob", T, 2, "");
    apply(&f, T);
    assert_false(shard_send(&f.shard, M));
    sends(1000, "");
    put(&f, "ann", T + 1000, 3, "cart");
    apply(&f, T + 1000);
    sends(2000, "");
    f.kept->full = false;
    assert_true(shard_send(&f.shard, M + 2001)); /* the newest values, in the order they were owed */
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_10s = 2 ttl 100 at " AT(001000) "\n"
                                            "user:ann:page_10s = cart ttl 100 at " AT(001000) "\n"
                                            "user:bob:visits_10s = 1 ttl 100 at " AT(001000) "\n");
    /* A window that went empty while nobody could hear it says so afterwards. */
    f.kept->full = true;
    apply(&f, T + 50000);
    sends(50000, "");
    f.kept->full = false;
    (void)shard_send(&f.shard, M + 50001);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_10s"), "0");
    assert_string_equal(kept_value(f.kept, "user:ann:page_10s"), "");
    assert_string_equal(kept_value(f.kept, "user:bob:visits_10s"), "0");
    (void)kept_lines(f.kept);
    sends(60000, "");
    nothing_is_left();
}

static void a_session_that_ended_during_an_outage_is_written_after_it(void **state)
{
    (void)state;
    open(session);
    f.kept->full = true;
    put(&f, "s1", T, 1, "home");
    apply(&f, T);
    sends(0, "");
    apply(&f, T + 35000); /* over */
    sends(35000, "");
    f.kept->full = false;
    sends(35001, "session:s1:visits = 1 ttl 95 at " AT(035000) "\nsession:s1:page = home ttl 95 at " AT(035000) "\n");
    sends(120000, "");
}

static void a_session_whose_time_is_long_over_is_written_when_the_outage_ends(void **state)
{
    (void)state;
    open(session);
    f.kept->full = true;
    put(&f, "s1", T, 1, "home");
    apply(&f, T);
    sends(0, "");
    apply(&f, T + 45000); /* its log would have gone at T + 40 s */
    put(&f, "s1", T + 1000, 2, "late");
    apply(&f, T + 45000); /* that it is still owed makes no late event timely */
    assert_int_equal(f.shard.counters.late, 1);
    sends(45000, "");
    f.kept->full = false;
    /* Its lateness is taken off the TTL, not how long the outage was. */
    sends(45001, "session:s1:visits = 1 ttl 90 at " AT(045000) "\nsession:s1:page = home ttl 90 at " AT(045000) "\n");
    sends(200000, "");
    nothing_is_left();
}

static void a_session_whose_last_group_is_lost_is_written_again_however_late(void **state)
{
    (void)state;
    open(session);
    f.kept->hold = true;
    put(&f, "s1", T, 1, "home");
    apply(&f, T);
    sends(0, "session:s1:visits = 1 ttl 100 at " AT(000000) "\nsession:s1:page = home ttl 100 at " AT(000000) "\n");
    apply(&f, T + 45000);
    sends(45000, "");
    kept_settle(f.kept, false);
    sends(45001, "session:s1:visits = 1 ttl 90 at " AT(045000) "\nsession:s1:page = home ttl 90 at " AT(045000) "\n");
    kept_settle(f.kept, true);
    sends(200000, "");
    nothing_is_left();
}

static void a_new_run_overtakes_what_is_owed_of_the_old_one(void **state)
{
    (void)state;
    open(session);
    f.kept->full = true;
    put(&f, "s1", T, 1, "home");
    apply(&f, T);
    sends(0, "");
    apply(&f, T + 60000);
    put(&f, "s1", T + 60000, 2, "cart");
    apply(&f, T + 60000);
    sends(60000, "");
    f.kept->full = false;
    sends(60001, "session:s1:visits = 1 ttl 100 at " AT(060000) "\nsession:s1:page = cart ttl 100 at " AT(060000) "\n");
}

static void what_a_lost_group_wrote_is_unknown_and_written_again_with_deletes(void **state)
{
    (void)state;
    open(ten_seconds);
    f.kept->hold = true;
    put(&f, "ann", T, 1, "");
    apply(&f, T);
    sends(0, "user:ann:visits_10s = 1 ttl 100 at " AT(000000) "\n"); /* there was no page to delete */
    kept_settle(f.kept, false);
    assert_int_equal(f.shard.counters.lost, 1);
    sends(1, "user:ann:visits_10s = 1 ttl 100 at " AT(000000) "\nuser:ann:page_10s - at " AT(000000) "\n");
    kept_settle(f.kept, true);
    sends(60000, "");
}

static void a_log_stays_while_its_groups_are_under_way(void **state)
{
    (void)state;
    open(at_once);
    f.kept->hold = true;
    put(&f, "ann", T, 1, "home");
    apply(&f, T);
    sends(0, "user:ann:visits_10s = 1 ttl 100 at " AT(000000) "\nuser:ann:page_10s = home ttl 100 at " AT(000000) "\n");
    apply(&f, T + 20000);
    sends(20000, "user:ann:visits_10s = 0 ttl 100 at " AT(020000) "\nuser:ann:page_10s - at " AT(020000) "\n");
    sends(500000, "");
    assert_int_equal(shard_keys(&f.shard), 1);
    kept_settle(f.kept, false); /* both: nothing is left to fold, and still it is said */
    sends(500001, "user:ann:visits_10s = 0 ttl 100 at " AT(020000) "\nuser:ann:page_10s - at " AT(020000) "\n");
    kept_settle(f.kept, true);
    sends(500002, "");
    nothing_is_left();
}

static void the_final_flush_does_not_wait(void **state)
{
    (void)state;
    open(rarely);
    put(&f, "ann", T, 1, "");
    apply(&f, T);
    sends(0, "user:ann:visits_1h = 1 ttl 100 at " AT(000000) "\n");
    put(&f, "ann", T + 1, 2, "");
    apply(&f, T + 1);
    sends(1, "");
    shard_release(&f.shard);
    sends(1, "user:ann:visits_1h = 2 ttl 100 at " AT(000001) "\n");
    shard_release(&f.shard); /* nothing changed since */
    sends(1, "");
}

#define TEST(name) cmocka_unit_test_teardown(name, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_change_goes_out_at_once_and_later_ones_not_before_emit),
        TEST(five_changes_go_out_at_once_and_then_one_each_emit),
        TEST(what_comes_in_one_batch_is_one_change),
        TEST(with_emit_0_every_batch_writes_what_changed),
        TEST(records_leave_as_the_clock_moves_and_zeros_are_written_once),
        TEST(a_live_value_is_refreshed_when_a_quarter_of_its_ttl_is_left),
        TEST(a_value_that_waits_for_its_interval_is_kept_alive_meanwhile),
        TEST(what_did_not_change_is_not_written),
        TEST(each_window_keeps_its_own_time),
        TEST(a_session_that_is_over_is_refreshed_no_more),
        TEST(a_late_event_brings_a_session_back),
        TEST(a_late_event_corrects_a_session_that_is_over_for_as_long_as_it_lives),
        TEST(a_late_event_whose_session_has_run_out_brings_no_key_back),
        TEST(a_session_that_starts_anew_deletes_what_the_last_one_left),
        TEST(a_full_sink_is_owed_until_it_takes_it),
        TEST(a_session_that_ended_during_an_outage_is_written_after_it),
        TEST(a_session_whose_time_is_long_over_is_written_when_the_outage_ends),
        TEST(a_session_whose_last_group_is_lost_is_written_again_however_late),
        TEST(a_new_run_overtakes_what_is_owed_of_the_old_one),
        TEST(what_a_lost_group_wrote_is_unknown_and_written_again_with_deletes),
        TEST(a_log_stays_while_its_groups_are_under_way),
        TEST(the_final_flush_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
