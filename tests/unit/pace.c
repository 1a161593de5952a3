/* pace.c - how often long windows are folded: what an event costs is bounded, and what waits is written at the end of its wait. */
#include "engine/pace.h"

#include "shard_fixture.h"

#define NO_WINDOW {0}
#define LENGTH    (1600 * SECOND)
static const struct window_settings at_once[] = {{.name = "w", .length_ms = LENGTH, .emit_ms = 0, .ttl_s = 100000}, NO_WINDOW};
static const struct window_settings session[] = {{.name = "session",
                                                  .session = true,
                                                  .gap_ms = 80 * SECOND,
                                                  .max_ms = 100000 * SECOND,
                                                  .lateness_ms = 10 * SECOND,
                                                  .emit_ms = 0,
                                                  .ttl_s = 100000},
                                                 NO_WINDOW};

static struct fixture f;


static uint64_t adds(void) { return f.shard.folder.costs[0].add.calls; }

static uint64_t seed;
static int64_t below(int64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((seed >> 33) % (uint64_t)bound);
}

/* Records folded for each event of one key, an event every `every_ms`, once the window is as full as it gets. */
static double adds_per_event(const struct window_settings *windows, int64_t every_ms, int64_t fill, int64_t events)
{
    fixture_open(&f, windows, true);
    uint64_t before = 0;
    for (int64_t i = 0; i < fill + events; i++) {
        if (i == fill)
            before = adds();
        f.clock_ms = T + i * every_ms;
        put(&f, "ann", T + i * every_ms, (uint64_t)i + 1, "");
        apply(&f, T + i * every_ms);
    }
    double each = (double)(adds() - before) / (double)events;
    fixture_close(&f);
    return each;
}

static void what_an_event_costs_is_bounded_however_many_records_there_are(void **state)
{
    (void)state;
    static const int64_t records[] = {5, 20, 34, 35, 36, 37, 40, 48, 64, 100, 300, 950, 5000};
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        double each = adds_per_event(at_once, LENGTH / records[i], 2 * records[i], 2000);
        assert_true(each <= PACE_EVENT_FOLDS);
        assert_true(records[i] < 100 || each <= 2 * PACE_SHARE);
        assert_true(records[i] > 34 || each >= 1.9 * (double)records[i]); /* at each change: one that comes, one that leaves */
    }
}

static void of_a_session_too(void **state)
{
    (void)state;
    assert_true(adds_per_event(session, 100, 0, 5000) <= PACE_EVENT_FOLDS);    /* ten events a second */
    assert_true(adds_per_event(session, 3800, 0, 950) <= PACE_EVENT_FOLDS);    /* an hour of clicks */
    assert_true(adds_per_event(session, 60 * SECOND, 0, 30) <= PACE_EVENT_FOLDS);
}

/* Bursts, pauses, late events, copies. */
static void and_whatever_a_shopper_does(void **state)
{
    (void)state;
    for (seed = 1; seed < 9;) {
        uint64_t round = seed;
        fixture_open(&f, at_once, true);
        int64_t now_ms = T, pace_ms = 1000;
        uint64_t events = 0;
        for (; events < 6000; events++) {
            if (below(200) == 0)
                pace_ms = 1 + below(below(2) == 0 ? 100 : 100000);
            now_ms += below(pace_ms + 1);
            f.clock_ms = now_ms;
            put(&f, "ann", now_ms - (below(10) == 0 ? below(LENGTH) : 0), events + 1 - (uint64_t)(below(20) == 0 ? below(50) : 0), "");
            apply(&f, now_ms);
        }
        assert_true(adds() <= events * PACE_EVENT_FOLDS);
        fixture_close(&f);
        seed = round + 1;
    }
}

static void what_waits_is_written_at_the_end_of_its_wait(void **state)
{
    (void)state;
    fixture_open(&f, at_once, true);
    for (int64_t i = 0; i < 100; i++) {
        f.clock_ms = T + i;
        put(&f, "ann", T + i, (uint64_t)i + 1, "");
        apply(&f, T + i);
    }
    int64_t folded_ms = log_pace(key_table_find(&f.shard.tables[0], hash_seeded("ann", 3, SL_KEY_USER), (sl_view){"ann", 3}),
                                 &f.set->lanes[0], 0)->folded_ms;
    assert_true(folded_ms > T + 80 && folded_ms < T + 99); /* with 90 records 15 changes are waited for */
    (void)kept_lines(f.kept);
    shard_advance(&f.shard, folded_ms + LENGTH / PACE_SHARE - 1);
    assert_string_equal(kept_lines(f.kept), "");
    shard_advance(&f.shard, folded_ms + LENGTH / PACE_SHARE);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_w"), "100");
    put(&f, "ann", f.clock_ms, 1000, "");
    apply(&f, f.shard.clock_ms);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_w"), "100");
    shard_release(&f.shard); /* the final flush does not wait */
    (void)shard_send(&f.shard, 0);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_w"), "101");
    fixture_close(&f);
}

static void fill_live(const char *key, int64_t records)
{
    for (int64_t i = 0; i < records; i++)
        put(&f, key, T + i, (uint64_t)i + 1, "");
    apply(&f, T + records);
}

static void live_it_waits_a_millisecond_a_record(void **state)
{
    (void)state;
    fixture_open(&f, at_once, false);
    fill_live("ann", 950);
    (void)shard_send(&f.shard, M);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_w"), "950");
    for (int64_t ms = 1; ms <= 950; ms++) {
        if (ms % 100 == 1)
            put(&f, "ann", T + 1000 + ms, 10000 + (uint64_t)ms, "");
        apply(&f, T + 1000 + ms);
        (void)shard_send(&f.shard, M + ms);
        assert_int_equal(f.shard.counters.folds, 1);
    }
    (void)shard_send(&f.shard, M + 960);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_w"), "960");
    put(&f, "ann", T + 9000, 20000, ""); /* at the pace of a person nothing waits */
    apply(&f, T + 9000);
    (void)shard_send(&f.shard, M + 9000);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_w"), "961");
    fixture_close(&f);
}

/* 300 keys of 400 records that change all the time want 300 records a millisecond; here they get 100. */
static void live_thousands_of_long_windows_wait_longer(void **state)
{
    (void)state;
    enum { KEYS = 300, MS = 4000, RECORDS = 400, BUDGET = 200 * PACE_BUDGET };
    char key[16];
    fixture_open(&f, at_once, false);
    for (int k = 0; k < KEYS; k++) {
        (void)snprintf(key, sizeof key, "%d", k);
        fill_live(key, RECORDS);
    }
    (void)shard_send(&f.shard, M);
    uint64_t before = adds();
    for (int64_t ms = RECORDS; ms <= MS; ms += 20) { /* without a budget 300 * 400 records each 400 ms */
        f.shard.pace_budget -= ms == RECORDS ? f.shard.pace_budget : 20 * (PACE_BUDGET - 100); /* others take the most of it */
        for (int k = 0; k < KEYS; k++) {
            (void)snprintf(key, sizeof key, "%d", k);
            put(&f, key, T + 1000 + ms, 10000 + (uint64_t)ms, "");
        }
        apply(&f, T + 1000 + ms);
        (void)shard_send(&f.shard, M + ms);
    }
    assert_in_range(adds() - before, (MS - RECORDS) * 100 / 2, (MS - RECORDS) * 100 + BUDGET);
    for (int64_t ms = MS; ms <= MS + 3000; ms += 100) /* and all is written once there is time for it */
        (void)shard_send(&f.shard, M + ms);
    for (int k = 0; k < KEYS; k++) {
        char name[40];
        (void)snprintf(name, sizeof name, "user:%d:visits_w", k);
        assert_string_equal(kept_value(f.kept, name), "581");
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_event_costs_is_bounded_however_many_records_there_are),
        cmocka_unit_test(of_a_session_too),
        cmocka_unit_test(and_whatever_a_shopper_does),
        cmocka_unit_test(what_waits_is_written_at_the_end_of_its_wait),
        cmocka_unit_test(live_it_waits_a_millisecond_a_record),
        cmocka_unit_test(live_thousands_of_long_windows_wait_longer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
