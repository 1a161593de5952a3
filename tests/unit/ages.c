/* ages.c - a window is folded again at the millisecond at which one of its records reaches an age that the lane names. */
#include "shard_fixture.h"

#define NO_WINDOW {0}
static const struct window_settings a_minute[] = {
    {.name = "1m", .length_ms = 60 * SECOND, .emit_ms = 0, .ttl_s = 600}, NO_WINDOW};
static const struct window_settings two[] = {{.name = "5s", .length_ms = 5 * SECOND, .emit_ms = 0, .ttl_s = 600},
                                             {.name = "1m", .length_ms = 60 * SECOND, .emit_ms = 0, .ttl_s = 600},
                                             NO_WINDOW};
static const struct window_settings session[] = {{.name = "session",
                                                  .session = true,
                                                  .gap_ms = 30 * SECOND,
                                                  .max_ms = 600 * SECOND,
                                                  .lateness_ms = 10 * SECOND,
                                                  .emit_ms = 0,
                                                  .ttl_s = 600},
                                                 NO_WINDOW};

/* ---- a lane that says how many ages its records have reached, each counted by itself ---- */

#define RECORDS 512
struct times {
    size_t count;
    int64_t times_ms[RECORDS];
};

static int64_t ages[SL_AGES_MAX + 1]; /* of the lane; 0 ends them */

static void add_time(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    struct times *times = aggregate;
    assert_true(times->count < RECORDS);
    times->times_ms[times->count++] = ((const struct visit *)record)->at.time_ms;
}

static int64_t reached(const int64_t *times_ms, size_t count, int64_t now_ms)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t a = 0; ages[a] != 0; a++)
            sum += now_ms - times_ms[i] >= ages[a];
    return sum;
}

static void publish_ages(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *out)
{
    (void)self, (void)scratch;
    const struct times *times = from;
    ((struct visits *)out)->count = reached(times->times_ms, times->count, window->now_ms);
}

static struct fixture f;
static sl_lane table;

static void open(const struct window_settings *windows, bool event_clock, int64_t first_ms, int64_t second_ms)
{
    fixture_open(&f, windows, event_clock);
    struct set_lane *lane = &f.set->lanes[0];
    memset(ages, 0, sizeof ages);
    ages[0] = first_ms;
    ages[1] = second_ms;
    table = *lane->table;
    table.aggregate_size = sizeof(struct times);
    table.add = add_time;
    table.publish = publish_ages;
    lane->table = &table;
    lane->age_count = second_ms == 0 ? 1 : 2;
    memcpy(lane->ages_ms, ages, sizeof lane->ages_ms);
}

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

/* ---- rolling windows ---- */

static void it_is_so_at_the_very_millisecond(void **state)
{
    (void)state;
    open(a_minute, true, 10 * SECOND, 0);
    put(&f, "ann", T, 1, "");
    apply(&f, T);
    shard_advance(&f.shard, T + 9999);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_1m = 0 ttl 600 at " AT(000000) "\n");
    shard_advance(&f.shard, T + 10000);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_1m = 1 ttl 600 at " AT(010000) "\n");
    shard_advance(&f.shard, T + 60000);
    assert_string_equal(kept_lines(f.kept), "");
    shard_advance(&f.shard, T + 60001);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_1m = 0 ttl 600 at " AT(060001) "\n");
    assert_true(shard_send(&f.shard, 0)); /* what is of no use any more is forgotten */
    assert_int_equal(f.shard.slab.used, 0);
}

static void a_jump_writes_it_at_its_time(void **state)
{
    (void)state;
    open(two, true, 4 * SECOND, 20 * SECOND);
    put(&f, "ann", T, 1, "");
    put(&f, "ann", T + 1, 2, "");
    f.clock_ms = T + 1000;
    apply(&f, T + 1000);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_5s = 0 ttl 600 at " AT(000000) "\n"
                                            "user:ann:visits_1m = 0 ttl 600 at " AT(000000) "\n");
    shard_advance(&f.shard, T + 30000);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_5s = 1 ttl 600 at " AT(004000) "\n"
                                            "user:ann:visits_1m = 1 ttl 600 at " AT(004000) "\n"
                                            "user:ann:visits_5s = 2 ttl 600 at " AT(004001) "\n"
                                            "user:ann:visits_1m = 2 ttl 600 at " AT(004001) "\n"
                                            "user:ann:visits_5s = 1 ttl 600 at " AT(005001) "\n"
                                            "user:ann:visits_5s = 0 ttl 600 at " AT(005002) "\n"
                                            "user:ann:visits_1m = 3 ttl 600 at " AT(020000) "\n"
                                            "user:ann:visits_1m = 4 ttl 600 at " AT(020001) "\n");
}

static void an_age_as_long_as_the_window_is_reached_before_the_record_leaves(void **state)
{
    (void)state;
    open(a_minute, true, 60 * SECOND, 0);
    put(&f, "ann", T, 1, "");
    apply(&f, T);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_1m = 0 ttl 600 at " AT(000000) "\n");
    shard_advance(&f.shard, T + 70000);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_1m = 1 ttl 600 at " AT(060000) "\n"
                                            "user:ann:visits_1m = 0 ttl 600 at " AT(060001) "\n");
}

static void what_comes_late_has_its_age_at_once_and_an_earlier_copy_its_own(void **state)
{
    (void)state;
    open(a_minute, true, 10 * SECOND, 0);
    put(&f, "ann", T - 20000, 1, "");
    put(&f, "ann", T, 2, "");
    apply(&f, T);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_1m = 1 ttl 600 at " AT(000000) "\n");
    put(&f, "ann", T - 7000, 2, ""); /* a retry's copy, that states an earlier time */
    apply(&f, T);
    shard_advance(&f.shard, T + 2999);
    assert_string_equal(kept_lines(f.kept), "");
    shard_advance(&f.shard, T + 20000);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_1m = 2 ttl 600 at " AT(003000) "\n");
}

static void live_it_is_written_with_the_batch_that_passes_the_moment(void **state)
{
    (void)state;
    open(a_minute, false, 10 * SECOND, 0);
    put(&f, "ann", T, 1, "");
    apply(&f, T);
    fixture_sends(&f, 0, "user:ann:visits_1m = 0 ttl 600 at " AT(000000) "\n");
    apply(&f, T + 9999);
    fixture_sends(&f, 9999, "");
    apply(&f, T + 10000);
    fixture_sends(&f, 10000, "user:ann:visits_1m = 1 ttl 600 at " AT(010000) "\n");
    put(&f, "ann", T + 12000, 2, "");
    apply(&f, T + 12000);
    fixture_sends(&f, 12000, "");
    apply(&f, T + 59000);
    fixture_sends(&f, 59000, "user:ann:visits_1m = 2 ttl 600 at " AT(059000) "\n");
}

/* ---- sessions ---- */

static void a_session_has_ages_until_it_is_over(void **state)
{
    (void)state;
    open(session, true, 10 * SECOND, 30 * SECOND);
    put(&f, "s", T, 1, "");
    apply(&f, T);
    shard_advance(&f.shard, T + 29000);
    put(&f, "s", T + 29000, 2, "");
    apply(&f, T + 29000);
    assert_string_equal(kept_lines(f.kept), "session:s:visits = 0 ttl 600 at " AT(000000) "\n"
                                            "session:s:visits = 1 ttl 600 at " AT(010000) "\n");
    shard_advance(&f.shard, T + 100000);
    assert_string_equal(kept_lines(f.kept), "session:s:visits = 2 ttl 600 at " AT(030000) "\n"
                                            "session:s:visits = 3 ttl 600 at " AT(039000) "\n"
                                            "session:s:visits = 4 ttl 600 at " AT(059000) "\n");
}

static void an_age_beyond_the_gap_is_reached_only_while_the_session_goes_on(void **state)
{
    (void)state;
    open(session, true, 40 * SECOND, 0);
    put(&f, "short", T, 1, "");
    put(&f, "long", T, 2, "");
    put(&f, "long", T + 20000, 3, "");
    apply(&f, T);
    shard_advance(&f.shard, T + 100000);
    assert_string_equal(kept_lines(f.kept), "session:short:visits = 0 ttl 600 at " AT(000000) "\n"
                                            "session:long:visits = 0 ttl 600 at " AT(000000) "\n"
                                            "session:long:visits = 1 ttl 600 at " AT(040000) "\n");
}

static void live_a_jump_beyond_the_end_leaves_the_last_moment(void **state)
{
    (void)state;
    open(session, false, 10 * SECOND, 45 * SECOND);
    put(&f, "s", T, 1, "");
    apply(&f, T);
    fixture_sends(&f, 0, "session:s:visits = 0 ttl 600 at " AT(000000) "\n");
    apply(&f, T + 36000); /* both ages lie behind, one of them beyond the end */
    fixture_sends(&f, 36000, "session:s:visits = 1 ttl 594 at " AT(036000) "\n");
    apply(&f, T + 100000);
    fixture_sends(&f, 100000, "");
}

/* ---- restarts ---- */

static void restore(int64_t owed_ms, int64_t clock_ms)
{
    struct visit record = {.at = {T, 1}};
    sl_view key = {"ann", 3};
    shard_restore(&f.shard, owed_ms);
    assert_true(shard_restore_operation(&f.shard, 0, JOURNAL_INSERT, hash_seeded("ann", 3, SL_KEY_USER), key, (char *)&record,
                                        NULL, false));
    shard_lane_full(&f.shard, 0, WAKE_RESTORED, 100 * SECOND);
    shard_advance(&f.shard, clock_ms);
}

static void after_a_restart_before_the_moment_it_comes(void **state)
{
    (void)state;
    open(a_minute, false, 10 * SECOND, 0);
    restore(T + 5000, T + 9000);
    fixture_sends(&f, 0, "");
    apply(&f, T + 10000);
    fixture_sends(&f, 1, "user:ann:visits_1m = 1 ttl 600 at " AT(010000) "\nuser:ann:page_1m - at " AT(010000) "\n");
}

static void after_a_restart_behind_the_moment_it_is_owed(void **state)
{
    (void)state;
    open(a_minute, false, 10 * SECOND, 0);
    restore(T + 9999, T + 12000);
    fixture_sends(&f, 0, "user:ann:visits_1m = 1 ttl 600 at " AT(012000) "\nuser:ann:page_1m - at " AT(012000) "\n");
}

static void what_was_acknowledged_before_a_restart_waits_its_turn(void **state)
{
    (void)state;
    open(a_minute, false, 10 * SECOND, 0);
    restore(T + 10000, T + 12000);
    fixture_sends(&f, 0, "");
    fixture_sends(&f, 100 * SECOND, "user:ann:visits_1m = 1 ttl 600 at " AT(012000) "\nuser:ann:page_1m - at " AT(012000) "\n");
}

/* ---- against brute force ---- */

static uint64_t seed;

static uint64_t random_below(uint64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
}

static int64_t expected(const int64_t *times_ms, size_t count, int64_t length_ms, int64_t now_ms)
{
    int64_t in_window[RECORDS];
    size_t in = 0;
    for (size_t i = 0; i < count; i++)
        if (times_ms[i] >= now_ms - length_ms)
            in_window[in++] = times_ms[i];
    return reached(in_window, in, now_ms);
}

/* At every moment at which anybody may look, the value is what the definition says. */
static void at_every_moment_it_is_as_defined(bool event_clock)
{
    for (uint64_t round = 1; round <= 20; round++) {
        seed = round;
        open(two, event_clock, 1 + (int64_t)random_below(60000), 1 + (int64_t)random_below(9000));
        int64_t times_ms[RECORDS], now_ms = T;
        size_t count = 0;
        for (size_t step = 0; step < 1500; step++) {
            now_ms += (int64_t)random_below(random_below(10) == 0 ? 20000 : 300);
            f.clock_ms = now_ms;
            if (random_below(4) == 0 && count < RECORDS) {
                times_ms[count] = now_ms + 1000 - (int64_t)random_below(random_below(5) == 0 ? 59000 : 2000);
                put(&f, "ann", times_ms[count], count + 1, "");
                count++;
            }
            apply(&f, now_ms);
            if (event_clock)
                shard_release(&f.shard); /* long windows have a pace */
            (void)shard_send(&f.shard, M + now_ms - T);
            for (size_t w = 0; w < 2 && count > 0; w++) {
                char key[40], value[24];
                (void)snprintf(key, sizeof key, "user:ann:visits_%s", two[w].name);
                (void)snprintf(value, sizeof value, "%lld", (long long)expected(times_ms, count, two[w].length_ms, now_ms));
                const char *kept = kept_value(f.kept, key);
                assert_string_equal(*kept == '\0' ? "0" : kept, value); /* a window that never held a record is silent */
            }
        }
        fixture_close(&f);
    }
}

static void with_the_event_clock_it_is_as_defined(void **state)
{
    (void)state;
    at_every_moment_it_is_as_defined(true);
}

static void live_it_is_as_defined(void **state)
{
    (void)state;
    at_every_moment_it_is_as_defined(false);
}

#define TEST(name) cmocka_unit_test_teardown(name, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_so_at_the_very_millisecond),
        TEST(a_jump_writes_it_at_its_time),
        TEST(an_age_as_long_as_the_window_is_reached_before_the_record_leaves),
        TEST(what_comes_late_has_its_age_at_once_and_an_earlier_copy_its_own),
        TEST(live_it_is_written_with_the_batch_that_passes_the_moment),
        TEST(a_session_has_ages_until_it_is_over),
        TEST(an_age_beyond_the_gap_is_reached_only_while_the_session_goes_on),
        TEST(live_a_jump_beyond_the_end_leaves_the_last_moment),
        TEST(after_a_restart_before_the_moment_it_comes),
        TEST(after_a_restart_behind_the_moment_it_is_owed),
        TEST(what_was_acknowledged_before_a_restart_waits_its_turn),
        cmocka_unit_test(with_the_event_clock_it_is_as_defined),
        cmocka_unit_test(live_it_is_as_defined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
