/* decimal.c - numbers as FEATURES.md section 0 wants them written. */
#include "base/decimal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *money(int64_t micros)
{
    static char out[DECIMAL_MAX + 1];
    out[decimal_money(micros, out)] = '\0';
    return out;
}

static const char *number(double value)
{
    static char out[DECIMAL_MAX + 1];
    out[decimal_f64(value, out)] = '\0';
    return out;
}

static void money_has_no_exponent_and_no_trailing_zeros(void **state)
{
    (void)state;
    assert_string_equal(money(0), "0");
    assert_string_equal(money(42990000), "42.99");
    assert_string_equal(money(28500000), "28.5");
    assert_string_equal(money(1), "0.000001");
    assert_string_equal(money(-3100000), "-3.1");
    assert_string_equal(money(9999999000000), "9999999");
    assert_string_equal(money(INT64_MAX), "9223372036854.775807");
    assert_string_equal(money(INT64_MIN), "-9223372036854.775808");
}

static void a_double_is_the_shortest_text_that_reads_back(void **state)
{
    (void)state;
    assert_string_equal(number(0), "0");
    assert_string_equal(number(-0.0), "0");
    assert_string_equal(number(1), "1");
    assert_string_equal(number(100000), "100000");
    assert_string_equal(number(0.1), "0.1");
    assert_string_equal(number(1.0 / 3), "0.3333333333333333");
    assert_string_equal(number(2.0 / 3), "0.6666666666666666");
    assert_string_equal(number(42.99), "42.99");
    assert_string_equal(number(5e-324), "5e-324");
    assert_string_equal(number(1e21), "1e+21");
    assert_string_equal(number(123456789012345680000.0), "123456789012345680000");
    assert_string_equal(number(0.000001), "0.000001");
    assert_string_equal(number(1.5e-7), "1.5e-7");
}

static void every_double_reads_back(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double value = i % 2 == 0 ? (double)(seed >> 20) / (double)(1 + (seed & 0xffff)) : (double)(seed >> 33) / 1e6;
        assert_true(strtod(number(value), NULL) == value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(money_has_no_exponent_and_no_trailing_zeros),
        cmocka_unit_test(a_double_is_the_shortest_text_that_reads_back),
        cmocka_unit_test(every_double_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
