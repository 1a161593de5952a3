/* wheel.c - timers against a sorted list: whatever is armed, moved and disarmed, what is due comes out at its time. */
#include "engine/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIMERS 500

static uint64_t seed;

static uint64_t random_below(uint64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
}

/* Distances that end up on every level. */
static int64_t random_distance(void) { return 1 + (int64_t)random_below((uint64_t)1 << (1 + random_below(30))); }

static int64_t first_due(const struct timer *timers)
{
    int64_t first = WHEEL_NEVER;
    for (int i = 0; i < TIMERS; i++)
        if (timer_armed(&timers[i]) && timers[i].due_ms < first)
            first = timers[i].due_ms;
    return first;
}

static void every_timer_comes_out_at_its_time(void **state)
{
    (void)state;
    for (seed = 1; seed < 40; seed++) {
        struct wheel *wheel = calloc(1, sizeof *wheel);
        struct timer timers[TIMERS];
        memset(timers, 0, sizeof timers);
        int64_t now = (int64_t)random_below(2) == 0 ? -5000 : 1700000000000;
        wheel_init(wheel, now);
        for (int step = 0; step < 3000; step++) {
            struct timer *timer = &timers[random_below(TIMERS)];
            if (random_below(3) == 0)
                wheel_disarm(wheel, timer);
            else
                wheel_arm(wheel, timer, now + random_distance());
            if (random_below(4) != 0)
                continue;
            int64_t due = first_due(timers);
            assert_true(wheel_bound(wheel) <= due);
            now += random_distance();
            struct timer *fired = wheel_advance(wheel, now);
            int count = 0;
            for (; fired != NULL; fired = fired->next, count++) {
                assert_true(fired->due_ms <= now);
                assert_false(timer_armed(fired));
            }
            assert_int_equal(count > 0, due <= now);
            assert_true(first_due(timers) > now);
        }
        free(wheel);
    }
}

static void stepping_by_bounds_meets_each_timer_exactly_when_it_is_due(void **state)
{
    (void)state;
    struct wheel *wheel = calloc(1, sizeof *wheel);
    struct timer timers[TIMERS];
    memset(timers, 0, sizeof timers);
    seed = 7;
    wheel_init(wheel, 1000);
    for (int i = 0; i < TIMERS; i++)
        wheel_arm(wheel, &timers[i], 1000 + random_distance());
    int met = 0;
    for (int64_t bound; (bound = wheel_bound(wheel)) != WHEEL_NEVER;)
        for (struct timer *fired = wheel_advance(wheel, bound); fired != NULL; fired = fired->next, met++)
            assert_int_equal(fired->due_ms, bound);
    assert_int_equal(met, TIMERS);
    free(wheel);
}

static void a_timer_may_be_armed_again_while_what_fired_is_walked(void **state)
{
    (void)state;
    struct wheel *wheel = calloc(1, sizeof *wheel);
    struct timer timers[3];
    memset(timers, 0, sizeof timers);
    wheel_init(wheel, 0);
    for (int i = 0; i < 3; i++)
        wheel_arm(wheel, &timers[i], 10);
    int fired_count = 0;
    for (struct timer *fired = wheel_advance(wheel, 10), *next; fired != NULL; fired = next, fired_count++) {
        next = fired->next;
        wheel_arm(wheel, fired, 20);
    }
    assert_int_equal(fired_count, 3);
    fired_count = 0;
    for (struct timer *fired = wheel_advance(wheel, 1000000); fired != NULL; fired = fired->next)
        fired_count++;
    assert_int_equal(fired_count, 3);
    assert_int_equal(wheel_bound(wheel), WHEEL_NEVER);
    free(wheel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_timer_comes_out_at_its_time),
        cmocka_unit_test(stepping_by_bounds_meets_each_timer_exactly_when_it_is_due),
        cmocka_unit_test(a_timer_may_be_armed_again_while_what_fired_is_walked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
