/* emission_event_clock.c - with the event clock everything happens as if the clock stood exactly at the moment it was due:
 * steps and batches do not show. */
#include "shard_fixture.h"

#define NO_WINDOW {0}
static const struct window_settings ten_seconds[] = {
    {.name = "10s", .length_ms = 10 * SECOND, .emit_ms = 5 * SECOND, .burst = 1, .ttl_s = 20}, NO_WINDOW};
static const struct window_settings several[] = {
    {.name = "10s", .length_ms = 10 * SECOND, .emit_ms = 3 * SECOND, .burst = 1, .ttl_s = 60},
    {.name = "1m", .length_ms = 60 * SECOND, .emit_ms = 0, .ttl_s = 20},
    {.name = "5m", .length_ms = 300 * SECOND, .emit_ms = 17 * SECOND, .burst = 3, .ttl_s = 40},
    NO_WINDOW};
static const struct window_settings session[] = {{.name = "session",
                                                  .session = true,
                                                  .gap_ms = 30 * SECOND,
                                                  .max_ms = 120 * SECOND,
                                                  .lateness_ms = 10 * SECOND,
                                                  .emit_ms = 7 * SECOND,
                                                  .burst = 1,
                                                  .ttl_s = 40},
                                                 NO_WINDOW};

static struct fixture f;

static int close_fixture(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

static void a_jump_of_the_clock_writes_everything_at_its_time(void **state)
{
    (void)state;
    fixture_open(&f, ten_seconds, true);
    put(&f, "ann", T, 1, "home");
    put(&f, "ann", T + 1000, 2, "cart");
    apply(&f, T + 60000);
    assert_string_equal(
        kept_lines(f.kept),
        "user:ann:visits_10s = 1 ttl 20 at " AT(000000) "\nuser:ann:page_10s = home ttl 20 at " AT(000000) "\n"
        "user:ann:visits_10s = 2 ttl 20 at " AT(005000) "\nuser:ann:page_10s = cart ttl 20 at " AT(005000) "\n"
        "user:ann:visits_10s = 1 ttl 20 at " AT(010001) "\nuser:ann:page_10s = cart ttl 20 at " AT(010001) "\n"
        "user:ann:visits_10s = 0 ttl 20 at " AT(015001) "\nuser:ann:page_10s - at " AT(015001) "\n");
    assert_true(shard_send(&f.shard, 0)); /* nothing to write; what is of no use any more is forgotten */
    assert_int_equal(shard_keys(&f.shard), 0);
    assert_int_equal(f.shard.slab.used, 0);
}

static void the_clock_never_goes_back(void **state)
{
    (void)state;
    fixture_open(&f, ten_seconds, true);
    shard_advance(&f.shard, T + 5000);
    shard_advance(&f.shard, T);
    assert_int_equal(f.shard.clock_ms, T + 5000);
    put(&f, "ann", T - 5000, 1, "");
    put(&f, "ann", T - 5001, 2, "");
    apply(&f, T + 4000);
    assert_int_equal(f.shard.clock_ms, T + 5000);
    assert_int_equal(f.shard.counters.records, 1);
    assert_int_equal(f.shard.counters.late, 1);
}

static void the_clock_goes_no_further_than_others_allow(void **state)
{
    (void)state;
    fixture_open(&f, ten_seconds, true);
    f.clock_ms = T + 90000;
    put(&f, "ann", T, 1, "");
    f.parcel.clock_ms = T + 100000;
    shard_apply(&f.shard, &f.parcel, T + 1000);
    assert_int_equal(f.shard.clock_ms, T + 1000);
    assert_int_equal(f.shard.counters.late, 0);
    assert_string_equal(kept_lines(f.kept), "user:ann:visits_10s = 1 ttl 20 at " AT(001000) "\n");
}

static void nothing_is_written_before_the_time_is_known(void **state)
{
    (void)state;
    fixture_open(&f, ten_seconds, true);
    f.clock_ms = INT64_MIN;
    put(&f, "ann", T, 1, "");
    put(&f, "ann", T - 90000, 2, ""); /* nobody can say that it is late */
    apply(&f, INT64_MIN);
    assert_true(shard_send(&f.shard, 0));
    assert_string_equal(kept_lines(f.kept), "");
    shard_advance(&f.shard, T);
    (void)shard_send(&f.shard, 0);
    assert_string_equal(kept_value(f.kept, "user:ann:visits_10s"), "1");
}

/* ---- steps and batches do not show ---- */

static uint64_t seed;

static uint64_t random_below(uint64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
}

#define EVENTS 400

static struct {
    int64_t time_ms, clock_ms;
    uint64_t id;
    char key[8], page[24];
} events[EVENTS];

static void make_events(void)
{
    int64_t clock = T;
    for (size_t i = 0; i < EVENTS; i++) {
        clock += (int64_t)random_below(random_below(20) == 0 ? 120000 : 2500);
        events[i].clock_ms = clock;
        events[i].time_ms = clock + 2000 - (int64_t)random_below(random_below(10) == 0 ? 100000 : 4000);
        events[i].id = random_below(EVENTS); /* some twice */
        (void)snprintf(events[i].key, sizeof events[i].key, "s%d", (int)random_below(6));
        (void)snprintf(events[i].page, sizeof events[i].page, "%s", random_below(3) == 0 ? "" : "page");
        if (random_below(3) == 0)
            (void)snprintf(events[i].page, sizeof events[i].page, "the long page %d", (int)random_below(5));
    }
}

static int by_line(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* All lines in order; what has the same time in no particular order: of different keys, that is not promised. */
static char *in_order(const char *text)
{
    size_t count = 0;
    static char *lines[100000];
    char *copy = memory_text(text);
    for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        const char *time = strstr(line, " at ");
        assert_non_null(time);
        assert_true(count < sizeof lines / sizeof lines[0]);
        lines[count++] = memory_format("%s %s", time + 4, line);
    }
    qsort(lines, count, sizeof *lines, by_line);
    struct buffer out = {0};
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&out, "%s\n", lines[i]);
        free(lines[i]);
    }
    buffer_byte(&out, '\0');
    free(copy);
    return out.data;
}

/* Everything that is written of the events: in batches of up to `batch`, with steps of the clock between them or not. */
static char *run(const struct window_settings *windows, size_t batch, bool steps)
{
    fixture_open(&f, windows, true);
    for (size_t i = 0; i < EVENTS; i++) {
        f.clock_ms = events[i].clock_ms;
        put(&f, events[i].key, events[i].time_ms, events[i].id, events[i].page);
        if (random_below(batch) == 0 || i + 1 == EVENTS)
            apply(&f, events[i].clock_ms);
        for (int64_t step = events[i].clock_ms; steps && f.parcel.count == 0 && i + 1 < EVENTS;) {
            step += 1 + (int64_t)random_below(3000);
            if (step > events[i + 1].clock_ms)
                break;
            shard_advance(&f.shard, step);
            assert_true(shard_send(&f.shard, 0));
        }
    }
    shard_advance(&f.shard, T + 100000000);
    assert_true(shard_send(&f.shard, 0)); /* nothing to write; what is of no use any more is forgotten */
    assert_int_equal(shard_keys(&f.shard), 0);
    assert_int_equal(f.shard.slab.used, 0);
    char *lines = in_order(kept_lines(f.kept));
    fixture_close(&f);
    return lines;
}

static void steps_and_batches_do_not_show(void **state)
{
    (void)state;
    static const struct window_settings *const all[] = {ten_seconds, several, session};
    for (uint64_t round = 1; round <= 15; round++) {
        seed = round;
        make_events();
        for (size_t w = 0; w < 3; w++) {
            char *one_by_one = run(all[w], 1, true), *in_one_go = run(all[w], EVENTS * 100, false),
                 *mixed = run(all[w], 20, true);
            assert_true(strlen(one_by_one) > 10000);
            assert_string_equal(one_by_one, in_one_go);
            assert_string_equal(one_by_one, mixed);
            free(one_by_one);
            free(in_one_go);
            free(mixed);
        }
    }
}

#define TEST(name) cmocka_unit_test_teardown(name, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_jump_of_the_clock_writes_everything_at_its_time),
        TEST(the_clock_never_goes_back),
        TEST(the_clock_goes_no_further_than_others_allow),
        TEST(nothing_is_written_before_the_time_is_known),
        cmocka_unit_test(steps_and_batches_do_not_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
