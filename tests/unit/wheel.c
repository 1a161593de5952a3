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

/* What is woken: blocks of a slab with a timer somewhere inside. */
struct sleeper {
    int64_t something;
    struct timer timer;
};

struct fixture {
    struct slab slab;
    struct wheel wheel;
    struct sleeper *sleepers[TIMERS];
};

static struct fixture *fixture_new(int64_t now_ms)
{
    struct fixture *f = calloc(1, sizeof *f);
    wheel_init(&f->wheel, &f->slab, offsetof(struct sleeper, timer), now_ms);
    for (int i = 0; i < TIMERS; i++) {
        f->sleepers[i] = slab_take(&f->slab, sizeof *f->sleepers[i]);
        memset(f->sleepers[i], 0, sizeof *f->sleepers[i]);
    }
    return f;
}

static void fixture_free(struct fixture *f)
{
    slab_free(&f->slab);
    free(f);
}

static uint64_t seed;

static uint64_t random_below(uint64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
}

/* Distances that end up on every level. */
static int64_t random_distance(void) { return 1 + (int64_t)random_below((uint64_t)1 << (1 + random_below(30))); }

static int64_t first_due(const struct fixture *f)
{
    int64_t first = WHEEL_NEVER;
    for (int i = 0; i < TIMERS; i++)
        if (timer_armed(&f->sleepers[i]->timer) && f->sleepers[i]->timer.due_ms < first)
            first = f->sleepers[i]->timer.due_ms;
    return first;
}

static void every_timer_comes_out_at_its_time(void **state)
{
    (void)state;
    for (seed = 1; seed < 40; seed++) {
        int64_t now = (int64_t)random_below(2) == 0 ? -5000 : 1700000000000;
        struct fixture *f = fixture_new(now);
        for (int step = 0; step < 3000; step++) {
            struct sleeper *sleeper = f->sleepers[random_below(TIMERS)];
            if (random_below(3) == 0)
                wheel_disarm(&f->wheel, sleeper);
            else
                wheel_arm(&f->wheel, sleeper, now + random_distance());
            if (random_below(4) != 0)
                continue;
            int64_t due = first_due(f);
            assert_true(wheel_bound(&f->wheel) <= due);
            now += random_distance();
            struct sleeper *fired = wheel_advance(&f->wheel, now);
            int count = 0;
            for (; fired != NULL; fired = wheel_after(&f->wheel, fired), count++) {
                assert_true(fired->timer.due_ms <= now);
                assert_false(timer_armed(&fired->timer));
            }
            assert_int_equal(count > 0, due <= now);
            assert_true(first_due(f) > now);
        }
        fixture_free(f);
    }
}

static void stepping_by_bounds_meets_each_timer_exactly_when_it_is_due(void **state)
{
    (void)state;
    seed = 7;
    struct fixture *f = fixture_new(1000);
    for (int i = 0; i < TIMERS; i++)
        wheel_arm(&f->wheel, f->sleepers[i], 1000 + random_distance());
    int met = 0;
    for (int64_t bound; (bound = wheel_bound(&f->wheel)) != WHEEL_NEVER;)
        for (struct sleeper *fired = wheel_advance(&f->wheel, bound); fired != NULL;
             fired = wheel_after(&f->wheel, fired), met++)
            assert_int_equal(fired->timer.due_ms, bound);
    assert_int_equal(met, TIMERS);
    fixture_free(f);
}

static void a_timer_may_be_armed_again_while_what_fired_is_walked(void **state)
{
    (void)state;
    struct fixture *f = fixture_new(0);
    for (int i = 0; i < 3; i++)
        wheel_arm(&f->wheel, f->sleepers[i], 10);
    int fired_count = 0;
    for (struct sleeper *fired = wheel_advance(&f->wheel, 10), *next; fired != NULL; fired = next, fired_count++) {
        next = wheel_after(&f->wheel, fired);
        wheel_arm(&f->wheel, fired, 20);
    }
    assert_int_equal(fired_count, 3);
    fired_count = 0;
    for (struct sleeper *fired = wheel_advance(&f->wheel, 1000000); fired != NULL; fired = wheel_after(&f->wheel, fired))
        fired_count++;
    assert_int_equal(fired_count, 3);
    assert_int_equal(wheel_bound(&f->wheel), WHEEL_NEVER);
    fixture_free(f);
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
