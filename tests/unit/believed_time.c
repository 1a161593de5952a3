/* believed_time.c - which of three clocks is believed: the wall clock's, the running time's, or that of Kafka's timestamps. */
#include "engine/believed_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define T      1700000000000 /* what time it is when the machine has run for 0 ms */
#define HOUR   3600000
#define MINUTE 60000

static struct believed_time believed;

static int begin(void **state)
{
    (void)state;
    believed_time_init(&believed);
    return 0;
}
static int end(void **state)
{
    (void)state;
    believed_time_free(&believed);
    return 0;
}

/* After `running_ms`, while the wall clock is wrong by so much: by how much is what is believed wrong? */
static int64_t wrong_by(int64_t running_ms, int64_t wall_ahead_ms)
{
    struct moment now = {T + running_ms + wall_ahead_ms, running_ms};
    int64_t wrong_ms = believed_time_now(&believed, now) - T - running_ms;
    assert_int_equal(believed_time_held(&believed), wall_ahead_ms - wrong_ms);
    return wrong_ms;
}

static void message(int64_t running_ms, int64_t stamp_ahead_ms, bool live)
{
    believed_time_heard(&believed, running_ms, T + running_ms + stamp_ahead_ms, live);
}

static void without_messages_the_earlier_of_wall_clock_and_running_time(void **state)
{
    (void)state;
    assert_int_equal(wrong_by(0, 0), 0);
    assert_int_equal(wrong_by(1000, 0), 0);
    assert_int_equal(wrong_by(2000, HOUR), 0);
    assert_int_equal(wrong_by(3 * HOUR, HOUR), 0); /* however long it stays so */
    assert_int_equal(wrong_by(3 * HOUR + 1, -HOUR), -HOUR);
    assert_int_equal(wrong_by(3 * HOUR + 2, 0), 0);
}

static void messages_that_agree_with_the_running_time_keep_a_jump_out(void **state)
{
    (void)state;
    assert_int_equal(wrong_by(0, 0), 0);
    message(1000, -20, true); /* it was under way for 20 ms */
    assert_int_equal(wrong_by(1000, 0), -20);
    assert_int_equal(wrong_by(2000, HOUR), -20);
    assert_int_equal(wrong_by(3000, -HOUR), -20);
    message(4000, -5, true);
    assert_int_equal(wrong_by(4000, HOUR), -5);
    assert_int_equal(wrong_by(12 * HOUR, HOUR), -5); /* what it said ages */
    assert_int_equal(wrong_by(12 * HOUR + 1, 0), -5);
}

static void a_wall_clock_that_is_ahead_from_the_start_is_mended_by_a_message(void **state)
{
    (void)state;
    assert_int_equal(wrong_by(0, HOUR), HOUR); /* nobody knows better */
    message(1000, -10, true);
    assert_int_equal(wrong_by(1000, HOUR), -10);
    assert_int_equal(wrong_by(2000, 0), -10); /* and then by somebody */
}

static void one_that_is_behind_from_the_start_stays_believed(void **state)
{
    (void)state;
    assert_int_equal(wrong_by(0, -HOUR), -HOUR);
    message(1000, -10, true); /* one clock that is ahead of all others is not followed */
    assert_int_equal(wrong_by(1000, -HOUR), -HOUR);
    assert_int_equal(wrong_by(2000, 0), -10); /* two are */
    assert_int_equal(wrong_by(3000, -HOUR), -10);
}

/* The machine's running time stood still, unlike the world. */
static void a_jump_that_messages_agree_with_is_believed(void **state)
{
    (void)state;
    assert_int_equal(wrong_by(0, 0), 0);
    message(1000, -10, true);
    assert_int_equal(wrong_by(2000, 2 * HOUR), -10);
    message(3000, 2 * HOUR - 10, false); /* first what came meanwhile */
    assert_int_equal(wrong_by(3000, 2 * HOUR), 2 * HOUR - 10);
    assert_int_equal(wrong_by(4000, -HOUR), 2 * HOUR - 10);
}

static void messages_of_a_backlog_say_nothing_of_now(void **state)
{
    (void)state;
    assert_int_equal(wrong_by(0, 0), 0);
    message(1000, -5 * HOUR, false);
    assert_int_equal(wrong_by(1000, 0), 0);
    message(2000, -30, true);
    message(3000, -5 * HOUR, false);
    message(3000, -5 * HOUR, true); /* written by one whose clock is behind, while others are right */
    assert_int_equal(wrong_by(3000, 0), -30);
}

static void a_producer_that_was_ahead_is_forgotten(void **state)
{
    (void)state;
    assert_int_equal(wrong_by(0, 0), 0);
    message(1000, HOUR, true);
    message(2000, -10, true);
    assert_int_equal(wrong_by(2000, 0), 0);
    assert_int_equal(wrong_by(2001, 20), 20); /* a clock that is set right a little is followed */
    message(1000 + MINUTE, -10, true);
    assert_int_equal(wrong_by(1000 + MINUTE, 30), 30);
    message(1000 + 2 * MINUTE, -10, true);
    assert_int_equal(wrong_by(1000 + 2 * MINUTE, HOUR), -10);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(without_messages_the_earlier_of_wall_clock_and_running_time),
        TEST(messages_that_agree_with_the_running_time_keep_a_jump_out),
        TEST(a_wall_clock_that_is_ahead_from_the_start_is_mended_by_a_message),
        TEST(one_that_is_behind_from_the_start_stays_believed),
        TEST(a_jump_that_messages_agree_with_is_believed),
        TEST(messages_of_a_backlog_say_nothing_of_now),
        TEST(a_producer_that_was_ahead_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
