/* ledger.c - which mark what is open belongs to, and what is acknowledged by that. */
#include "engine/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct ledger ledger;

static void mark(int64_t clock_ms)
{
    const struct journal_position positions[2] = {{1, (uint64_t)clock_ms}, {2, (uint64_t)clock_ms * 10}};
    ledger_mark(&ledger, clock_ms, positions);
}

static int open_ledger(void **state)
{
    (void)state;
    ledger_init(&ledger, 2, 5);
    return 0;
}

static int close_ledger(void **state)
{
    (void)state;
    ledger_free(&ledger);
    return 0;
}

static void nothing_open_nothing_owed(void **state)
{
    (void)state;
    assert_null(ledger_oldest(&ledger));
    mark(10);
    assert_null(ledger_oldest(&ledger));
    ledger_close(&ledger, ledger_open(&ledger));
    assert_null(ledger_oldest(&ledger));
}

static void before_the_first_checkpoint_all_is_owed(void **state)
{
    (void)state;
    uint8_t since = ledger_open(&ledger);
    assert_int_not_equal(since, 0);
    mark(10);
    const struct ledger_mark *oldest = ledger_oldest(&ledger);
    assert_int_equal(oldest->clock_ms, 5);
    assert_int_equal(oldest->positions[0].bytes, 0);
    ledger_close(&ledger, since);
    assert_null(ledger_oldest(&ledger));
}

static void what_is_open_belongs_to_the_mark_that_was_the_newest(void **state)
{
    (void)state;
    mark(10);
    uint8_t first = ledger_open(&ledger);
    mark(20);
    uint8_t second = ledger_open(&ledger), third = ledger_open(&ledger);
    mark(30);
    assert_int_equal(ledger_oldest(&ledger)->clock_ms, 10);
    assert_int_equal(ledger_oldest(&ledger)->positions[1].sequence, 2);
    assert_int_equal(ledger_oldest(&ledger)->positions[1].bytes, 100);
    ledger_close(&ledger, second);
    assert_int_equal(ledger_oldest(&ledger)->clock_ms, 10);
    ledger_close(&ledger, first);
    assert_int_equal(ledger_oldest(&ledger)->clock_ms, 20);
    ledger_close(&ledger, third);
    assert_null(ledger_oldest(&ledger));
    ledger_close(&ledger, ledger_open(&ledger)); /* at 30 */
    mark(40);
    first = ledger_open(&ledger);
    assert_int_equal(ledger_oldest(&ledger)->clock_ms, 40);
    ledger_close(&ledger, first);
}

static void marks_in_between_that_have_nothing_open_are_passed_over(void **state)
{
    (void)state;
    uint8_t since = ledger_open(&ledger);
    mark(10);
    uint8_t then = ledger_open(&ledger);
    for (int64_t clock = 20; clock < 20000; clock += 10)
        mark(clock); /* each takes the place of the one before, but for the first */
    ledger_close(&ledger, then);
    uint8_t now = ledger_open(&ledger);
    ledger_close(&ledger, since);
    assert_int_equal(ledger_oldest(&ledger)->clock_ms, 19990);
    ledger_close(&ledger, now);
}

/* Never less than is open: when marks run out, more counts as owed than need be. */
static void when_all_marks_are_in_use_the_newest_stands_for_more(void **state)
{
    (void)state;
    uint8_t since[LEDGER_MARKS + 10];
    for (int i = 0; i < LEDGER_MARKS + 10; i++) {
        since[i] = ledger_open(&ledger);
        mark(10 * (i + 1));
    }
    int64_t last = (LEDGER_MARKS - 1) * 10; /* the last that had a place */
    for (int i = 0; i < LEDGER_MARKS + 10; i++) {
        int64_t opened_at = i == 0 ? 5 : 10 * i;
        assert_int_equal(ledger_oldest(&ledger)->clock_ms, opened_at < last ? opened_at : last);
        ledger_close(&ledger, since[i]);
    }
    assert_null(ledger_oldest(&ledger));
    mark(5000);
    since[0] = ledger_open(&ledger);
    assert_int_equal(ledger_oldest(&ledger)->clock_ms, 5000);
    ledger_close(&ledger, since[0]);
}

/* Its records came to the journal before the marks, its values go to the sink after them. */
static void a_lane_that_was_filled_is_owed_from_its_beginning(void **state)
{
    (void)state;
    mark(10);
    uint8_t before = ledger_open(&ledger);
    mark(20);
    ledger_begin_lane(&ledger, 1);
    uint8_t filled = ledger_open(&ledger);
    mark(30);
    assert_int_equal(ledger_oldest(&ledger)->positions[1].bytes, 0);
    assert_int_equal(ledger_oldest(&ledger)->positions[0].bytes, 10);
    ledger_close(&ledger, before);
    assert_int_equal(ledger_oldest(&ledger)->clock_ms, 20);
    assert_int_equal(ledger_oldest(&ledger)->positions[1].sequence, 0);
    assert_int_equal(ledger_oldest(&ledger)->positions[1].bytes, 0);
    assert_int_equal(ledger_oldest(&ledger)->positions[0].bytes, 20);
    ledger_close(&ledger, filled);
    filled = ledger_open(&ledger);
    assert_int_equal(ledger_oldest(&ledger)->positions[1].bytes, 300);
    ledger_close(&ledger, filled);
}

/* Against the plainest model: the clock of each that is open. */
static void however_they_come_and_go_what_is_open_is_owed(void **state)
{
    (void)state;
    uint64_t seed = 11;
    uint8_t since[100] = {0};
    int64_t opened_at[100], newest = 5;
    for (int64_t step = 0; step < 200000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t i = (seed >> 33) % 110;
        if (i >= 100) {
            newest = 10 + step;
            mark(newest);
        } else if (since[i] == 0) {
            since[i] = ledger_open(&ledger);
            opened_at[i] = newest;
        } else {
            ledger_close(&ledger, since[i]);
            since[i] = 0;
        }
        int64_t oldest = INT64_MAX;
        for (size_t j = 0; j < 100; j++)
            if (since[j] != 0 && opened_at[j] < oldest)
                oldest = opened_at[j];
        const struct ledger_mark *is = ledger_oldest(&ledger);
        assert_true((is == NULL) == (oldest == INT64_MAX));
        if (is != NULL)
            assert_true(is->clock_ms <= oldest);
    }
    for (size_t j = 0; j < 100; j++)
        if (since[j] != 0)
            ledger_close(&ledger, since[j]);
    assert_null(ledger_oldest(&ledger));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_ledger, close_ledger)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_open_nothing_owed),
        TEST(before_the_first_checkpoint_all_is_owed),
        TEST(what_is_open_belongs_to_the_mark_that_was_the_newest),
        TEST(marks_in_between_that_have_nothing_open_are_passed_over),
        TEST(when_all_marks_are_in_use_the_newest_stands_for_more),
        TEST(a_lane_that_was_filled_is_owed_from_its_beginning),
        TEST(however_they_come_and_go_what_is_open_is_owed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
