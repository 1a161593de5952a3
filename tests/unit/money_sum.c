/* Amounts added up: no number of them overflows. */
#include "base/decimal.h"

#include <shoplane/shoplane.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LARGEST INT64_C(99999999999000000)

static void is(const sl_sum *sum, const char *expected)
{
    char text[DECIMAL_MAX + 1];
    text[decimal_sum(sum->low, sum->high, text)] = '\0';
    assert_string_equal(text, expected);
}

static void a_sum_is_what_was_added(void **state)
{
    (void)state;
    sl_sum sum = {0, 0};
    is(&sum, "0");
    sl_sum_add(&sum, 42990000);
    sl_sum_add(&sum, -50000000);
    is(&sum, "-7.01");
    assert_int_equal(sl_sum_money(&sum), -7010000);
    sl_sum_add(&sum, 7010001);
    is(&sum, "0.000001");
    sl_sum_add(&sum, -1);
    is(&sum, "0");
    assert_int_equal(sl_sum_money(&sum), 0);
    for (int i = 0; i < 100; i++)
        sl_sum_add(&sum, LARGEST);
    is(&sum, "9999999999900");
    assert_true(sl_sum_mean(&sum, 100) == 99999999999.0);
    for (int i = 0; i < 200; i++)
        sl_sum_add(&sum, -LARGEST);
    is(&sum, "-9999999999900");
    assert_true(sl_sum_mean(&sum, 100) == -99999999999.0);
    assert_true(sl_sum_mean(&sum, 0) == 0);
}

/* Each step against 128-bit arithmetic, and the way back. */
static void both_ends_are_far(void **state)
{
    (void)state;
    static const int64_t steps[] = {INT64_MAX, INT64_MIN, LARGEST, -1, 1, INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, INT64_MIN, 0};
    __extension__ typedef __int128 wide;
    sl_sum sum = {0, 0};
    wide expected = 0;
    for (size_t round = 0; round < 1000; round++) {
        int64_t step = steps[round * round % (sizeof steps / sizeof *steps)];
        sl_sum_add(&sum, step);
        expected += step;
        assert_true(sum.low == (uint64_t)expected && sum.high == (int64_t)(expected >> 64));
        int64_t money = expected > INT64_MAX ? INT64_MAX : expected < INT64_MIN ? INT64_MIN : (int64_t)expected;
        assert_int_equal(sl_sum_money(&sum), money);
    }
}

static void the_largest_sums_are_printed(void **state)
{
    (void)state;
    is(&(sl_sum){UINT64_MAX, INT64_MAX}, "170141183460469231731687303715884.105727");
    is(&(sl_sum){0, INT64_MIN}, "-170141183460469231731687303715884.105728");
    is(&(sl_sum){0, 1}, "18446744073709.551616");
    is(&(sl_sum){UINT64_C(2003764205206896640), 54210}, "1000000000000000000");
    is(&(sl_sum){UINT64_C(2003764205207896650), 54210}, "1000000000000000001.00001");
    is(&(sl_sum){UINT64_C(2003764205206896639), 54210}, "999999999999999999.999999");
}

static void an_amount_stays_at_its_end(void **state)
{
    (void)state;
    assert_int_equal(sl_money_add(1, 2), 3);
    assert_int_equal(sl_money_add(-1, -2), -3);
    assert_int_equal(sl_money_add(INT64_MAX, 1), INT64_MAX);
    assert_int_equal(sl_money_add(INT64_MAX - 1, 1), INT64_MAX);
    assert_int_equal(sl_money_add(INT64_MAX, INT64_MAX), INT64_MAX);
    assert_int_equal(sl_money_add(INT64_MIN, -1), INT64_MIN);
    assert_int_equal(sl_money_add(INT64_MIN, INT64_MIN), INT64_MIN);
    assert_int_equal(sl_money_add(INT64_MIN, INT64_MAX), -1);
    assert_int_equal(sl_money_add(INT64_MAX, 0), INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sum_is_what_was_added),
        cmocka_unit_test(both_ends_are_far),
        cmocka_unit_test(the_largest_sums_are_printed),
        cmocka_unit_test(an_amount_stays_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
