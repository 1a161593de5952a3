/* watermark.c - how far partitions let the clock go, with a source that says of each partition what the test wants. */
#include "engine/watermark.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DISORDER 5000
#define IDLE 3000
#define WALL 1700000000000

struct fake_source {
    struct source source;
    struct {
        enum partition_state state;
        int64_t idle_since_ms;
    } partitions[6];
};

static enum partition_state fake_partition(struct source *source, int32_t partition, int64_t *idle_since_ms)
{
    struct fake_source *fake = (struct fake_source *)(void *)source;
    assert_in_range(partition, 0, source->partitions - 1);
    if (fake->partitions[partition].state == PARTITION_AT_END)
        *idle_since_ms = fake->partitions[partition].idle_since_ms;
    return fake->partitions[partition].state;
}

static const struct source_class fake_class = {.name = "fake", .partition = fake_partition};

static struct fake_source fake;
static struct believed_time time_of_all;

/* Both clocks of the machine show the same here. */
static void refresh(struct watermark *watermark, int64_t ms) { watermark_refresh(watermark, (struct moment){ms, ms}); }

/* Of a message that was written when it happened, or now, whichever is later. */
static void event(struct watermark *watermark, int32_t partition, int64_t time_ms)
{
    watermark_event(watermark, partition, time_ms, time_ms > WALL ? time_ms : WALL);
}

static void open_with(struct watermark *watermark, int32_t partitions, int worker, int workers, enum clock_kind clock)
{
    fake = (struct fake_source){.source = {.class = &fake_class, .workers = workers, .partitions = partitions}};
    believed_time_init(&time_of_all);
    watermark_init(watermark, &fake.source, &time_of_all, worker, workers, clock, DISORDER, IDLE);
    refresh(watermark, WALL);
}

static void at_end(int32_t partition, int64_t idle_since_ms)
{
    fake.partitions[partition].state = PARTITION_AT_END;
    fake.partitions[partition].idle_since_ms = idle_since_ms;
}

static void the_clock_stands_until_every_partition_has_spoken(void **state)
{
    (void)state;
    struct watermark w;
    open_with(&w, 3, 0, 1, CLOCK_EVENT);
    assert_int_equal(watermark_now(&w), WATERMARK_UNKNOWN);
    event(&w, 0, 100000);
    event(&w, 1, 90000);
    assert_int_equal(watermark_now(&w), WATERMARK_UNKNOWN);
    event(&w, 2, 120000);
    assert_int_equal(watermark_now(&w), 90000 - DISORDER);
    assert_int_equal(w.largest_ms, 120000);
    watermark_free(&w);
}

static void the_slowest_partition_decides_and_older_events_change_nothing(void **state)
{
    (void)state;
    struct watermark w;
    open_with(&w, 2, 0, 1, CLOCK_EVENT);
    event(&w, 0, 100000);
    event(&w, 1, 200000);
    event(&w, 0, 50000);
    assert_int_equal(watermark_now(&w), 100000 - DISORDER);
    event(&w, 0, 150000);
    assert_int_equal(watermark_now(&w), 150000 - DISORDER);
    event(&w, 0, 300000);
    assert_int_equal(watermark_now(&w), 200000 - DISORDER);
    refresh(&w, WALL); /* the wall clock is none of its business */
    assert_int_equal(watermark_now(&w), 200000 - DISORDER);
    watermark_free(&w);
}

static void a_worker_speaks_for_its_own_partitions_only(void **state)
{
    (void)state;
    struct watermark w;
    open_with(&w, 5, 1, 2, CLOCK_EVENT); /* 1 and 3 */
    event(&w, 1, 100000);
    event(&w, 3, 110000);
    assert_int_equal(watermark_now(&w), 100000 - DISORDER);
    watermark_free(&w);
    open_with(&w, 2, 3, 4, CLOCK_EVENT); /* none: others decide */
    assert_int_equal(watermark_now(&w), WATERMARK_NO_LIMIT);
    assert_true(watermark_at_end(&w));
    watermark_free(&w);
}

static void by_events_a_partition_at_its_end_limits_nobody_until_it_gives_again(void **state)
{
    (void)state;
    struct watermark w;
    open_with(&w, 2, 0, 1, CLOCK_EVENT);
    event(&w, 0, 100000);
    event(&w, 1, 200000);
    at_end(0, WALL - 1);
    refresh(&w, WALL); /* at once: there is no idle time by events */
    assert_int_equal(watermark_now(&w), 200000 - DISORDER);
    at_end(1, WALL);
    refresh(&w, WALL);
    assert_int_equal(watermark_now(&w), WATERMARK_NO_LIMIT);
    assert_true(watermark_at_end(&w));
    /* An event that comes all the same counts, whatever the partition seemed to be when the batch began. */
    event(&w, 0, 150000);
    assert_int_equal(watermark_now(&w), 150000 - DISORDER);
    event(&w, 1, 120000); /* older than what it gave: its largest is 200000 */
    assert_int_equal(watermark_now(&w), 150000 - DISORDER);
    watermark_free(&w);
}

static void live_an_idle_partition_gives_the_wall_clock(void **state)
{
    (void)state;
    struct watermark w;
    open_with(&w, 2, 0, 1, CLOCK_LIVE);
    event(&w, 0, WALL - 60000);
    event(&w, 1, WALL - 1000);
    assert_int_equal(watermark_now(&w), WALL - 60000 - DISORDER);
    at_end(0, WALL - IDLE + 1);
    refresh(&w, WALL); /* not long enough */
    assert_int_equal(watermark_now(&w), WALL - 60000 - DISORDER);
    refresh(&w, WALL + 1);
    assert_int_equal(watermark_now(&w), WALL - 1000 - DISORDER); /* now the other one is behind */
    at_end(1, WALL - IDLE);
    refresh(&w, WALL + 500);
    assert_int_equal(watermark_now(&w), WALL + 500 - DISORDER);
    /* It has given the wall clock: an event of before does not take that back within the batch. */
    event(&w, 0, WALL - 30000);
    assert_int_equal(watermark_now(&w), WALL + 500 - DISORDER);
    fake.partitions[0].state = PARTITION_READING;
    refresh(&w, WALL + 600);
    assert_int_equal(watermark_now(&w), WALL - 30000 - DISORDER); /* who keeps the clock sees that it never goes back */
    watermark_free(&w);
}

static void live_a_topic_that_was_always_empty_goes_by_the_wall_clock(void **state)
{
    (void)state;
    struct watermark w;
    open_with(&w, 1, 0, 1, CLOCK_LIVE);
    at_end(0, WALL - 10000);
    refresh(&w, WALL);
    assert_int_equal(watermark_now(&w), WALL - DISORDER);
    assert_int_equal(w.largest_ms, INT64_MIN);
    watermark_free(&w);
}

static void live_events_ahead_of_the_wall_clock_stay_ahead(void **state)
{
    (void)state;
    struct watermark w;
    open_with(&w, 1, 0, 1, CLOCK_LIVE);
    event(&w, 0, WALL + 20000);
    at_end(0, WALL - 10000);
    refresh(&w, WALL);
    assert_int_equal(watermark_now(&w), WALL + 20000 - DISORDER);
    watermark_free(&w);
}

static void with_no_broker_in_reach_the_clock_stands(void **state)
{
    (void)state;
    for (int live = 0; live < 2; live++) {
        struct watermark w;
        open_with(&w, 2, 0, 1, live ? CLOCK_LIVE : CLOCK_EVENT);
        event(&w, 0, 100000);
        event(&w, 1, 90000);
        fake.partitions[0].state = fake.partitions[1].state = PARTITION_AWAY;
        refresh(&w, WALL + 3600000);
        assert_int_equal(watermark_now(&w), 90000 - DISORDER);
        assert_false(watermark_at_end(&w));
        watermark_free(&w);
        /* One that nothing is known of holds it too. */
        open_with(&w, 2, 0, 1, live ? CLOCK_LIVE : CLOCK_EVENT);
        event(&w, 0, 100000);
        fake.partitions[1].state = PARTITION_AWAY;
        refresh(&w, WALL + 3600000);
        assert_int_equal(watermark_now(&w), WATERMARK_UNKNOWN);
        watermark_free(&w);
    }
}

#define MINUTE 60000

static void an_event_moves_the_clock_no_further_than_its_message(void **state)
{
    (void)state;
    for (int32_t partitions = 1; partitions <= 4; partitions += 3) {
        struct watermark w;
        open_with(&w, partitions, 0, 1, CLOCK_EVENT);
        for (int32_t p = 0; p < partitions; p++)
            watermark_event(&w, p, WALL, WALL + 10);
        for (int32_t p = 0; p < partitions; p++)
            watermark_event(&w, p, WALL + 9 * MINUTE, WALL + 20); /* one wrong clock in each */
        assert_int_equal(watermark_now(&w), WALL + 20 - DISORDER);
        assert_int_equal(w.largest_ms, WALL + 20);
        assert_int_equal(w.largest[0], WALL + 20);
        assert_int_equal(w.ahead, partitions);
        watermark_event(&w, 0, WALL + 30, WALL + 30);
        watermark_event(&w, 0, WALL + 31 + DISORDER, WALL + 31); /* cut too, and not worth a figure */
        assert_int_equal(w.largest[0], WALL + 31);
        assert_int_equal(w.ahead, partitions);
        watermark_event(&w, 0, WALL + 32 + DISORDER, WALL + 31);
        assert_int_equal(w.ahead, partitions + 1);
        watermark_free(&w);
    }
}

static void a_jump_of_the_wall_clock_moves_no_idle_partition(void **state)
{
    (void)state;
    static const int64_t jumps[] = {60 * MINUTE, -60 * MINUTE};
    for (size_t i = 0; i < 2; i++) {
        for (int heard = 0; heard < 2; heard++) {
            struct watermark w;
            open_with(&w, 1, 0, 1, CLOCK_LIVE);
            at_end(0, WALL - IDLE);
            refresh(&w, WALL);
            if (heard)
                watermark_event(&w, 0, WALL + 100, WALL + 100);
            at_end(0, WALL + 100);
            refresh(&w, WALL + 100);
            int64_t before = watermark_now(&w);
            watermark_refresh(&w, (struct moment){WALL + 200 + jumps[i], WALL + 200});
            assert_int_equal(watermark_now(&w), before); /* nor is it idle sooner */
            watermark_refresh(&w, (struct moment){WALL + 5000 + jumps[i], WALL + 5000});
            bool stands = jumps[i] < 0 && !heard; /* nobody says that the wall clock is wrong: it is the earlier one */
            assert_int_equal(watermark_now(&w), (stands ? WALL + (heard ? 100 : 0) + 5000 + jumps[i] : WALL + 5000) - DISORDER);
            refresh(&w, WALL + 6000); /* and back */
            assert_int_equal(watermark_now(&w), WALL + 6000 - DISORDER);
            watermark_free(&w);
        }
    }
}

static void a_file_goes_by_its_largest_event(void **state)
{
    (void)state;
    struct watermark w;
    fake = (struct fake_source){.source = {.class = &fake_class, .workers = 4, .partitions = 1, .ordered = true}};
    watermark_init(&w, &fake.source, &time_of_all, 2, 4, CLOCK_EVENT, DISORDER, IDLE); /* partition 0 is not "its own" */
    assert_int_equal(watermark_now(&w), WATERMARK_UNKNOWN);
    watermark_event(&w, 0, 100000, 1000); /* it has no message that could say more */
    watermark_event(&w, 0, 90000, 1000);
    assert_int_equal(watermark_now(&w), 100000 - DISORDER);
    assert_int_equal(w.ahead, 0);
    watermark_free(&w);
}

/* Random events, ends and outages of six partitions: the least is what a look at all of them says. */
static void the_least_is_right_however_it_came_about(void **state)
{
    (void)state;
    uint64_t seed = 17;
    for (int round = 0; round < 60; round++) {
        struct watermark w;
        int32_t partitions = 1 + round % 6;
        open_with(&w, partitions, 0, 1, CLOCK_EVENT);
        int64_t largest[6] = {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN};
        bool ended[6] = {false};
        for (int step = 0; step < 500; step++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            int32_t p = (int32_t)((seed >> 33) % (uint64_t)partitions);
            if (seed >> 60 == 0) {
                fake.partitions[p].state = fake.partitions[p].state == PARTITION_READING ? PARTITION_AT_END
                                                                                         : PARTITION_READING;
                refresh(&w, WALL);
                for (int32_t i = 0; i < partitions; i++)
                    ended[i] = fake.partitions[i].state == PARTITION_AT_END;
            } else {
                int64_t time = 1000000 + step * 10 + (int64_t)(seed >> 40) % 1000;
                event(&w, p, time);
                largest[p] = time > largest[p] ? time : largest[p];
                ended[p] = false;
            }
            int64_t least = INT64_MAX;
            for (int32_t i = 0; i < partitions; i++)
                if (!ended[i] && largest[i] < least)
                    least = largest[i];
            bool bare = least == INT64_MAX || least == INT64_MIN;
            assert_int_equal(watermark_now(&w), bare ? least : least - DISORDER);
        }
        watermark_free(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clock_stands_until_every_partition_has_spoken),
        cmocka_unit_test(the_slowest_partition_decides_and_older_events_change_nothing),
        cmocka_unit_test(a_worker_speaks_for_its_own_partitions_only),
        cmocka_unit_test(by_events_a_partition_at_its_end_limits_nobody_until_it_gives_again),
        cmocka_unit_test(live_an_idle_partition_gives_the_wall_clock),
        cmocka_unit_test(live_a_topic_that_was_always_empty_goes_by_the_wall_clock),
        cmocka_unit_test(live_events_ahead_of_the_wall_clock_stay_ahead),
        cmocka_unit_test(with_no_broker_in_reach_the_clock_stands),
        cmocka_unit_test(an_event_moves_the_clock_no_further_than_its_message),
        cmocka_unit_test(a_jump_of_the_wall_clock_moves_no_idle_partition),
        cmocka_unit_test(a_file_goes_by_its_largest_event),
        cmocka_unit_test(the_least_is_right_however_it_came_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
