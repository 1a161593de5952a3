/* Amounts: exact whatever the number of digits, half-even, judged before they are rounded. */
#include "snowplow/money.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void is(const char *text, int64_t expected)
{
    int64_t micros = -1;
    if (!money_read((sl_view){text, strlen(text)}, &micros))
        fail_msg("\"%s\" was refused", text);
    if (micros != expected)
        fail_msg("\"%s\" became %lld", text, (long long)micros);
}

static void is_missing(const char *text)
{
    int64_t micros;
    if (money_read((sl_view){text, strlen(text)}, &micros))
        fail_msg("\"%s\" was taken for %lld", text, (long long)micros);
}

static void decimals_are_micros(void **state)
{
    (void)state;
    is("42.99", 42990000);
    is("0", 0);
    is("7", 7000000);
    is("0.000001", 1);
    is("0.1", 100000);
    is("12000000", 12000000000000);
    is("9999999", 9999999000000);
    is("99999999999", 99999999999000000);
    is("99999999998.9999995", 99999999999000000);
    is("9.9999999999e10", 99999999999000000);
    is("0.30000000000000004", 300000);
    is("200.00000000000000000000000000000000000000000000000000000000000000000000", 200000000);
}

static void exponents_shift_the_point(void **state)
{
    (void)state;
    is("1E+3", 1000000000);
    is("1e3", 1000000000);
    is("4299e-2", 42990000);
    is("0.00004299e6", 42990000);
    is("1e-6", 1);
    is("0e999999999999999999999999", 0);
    is("1e-999999999999999999999999", 0);
    is("0.0000000000000000000000000000001e31", 1000000);
    is("10000000000000000000000000000000e-31", 1000000);
}

static void halves_go_to_the_even_micro(void **state)
{
    (void)state;
    is("0.0000005", 0);
    is("0.0000015", 2);
    is("0.0000025", 2);
    is("0.00000050000000000000000000000000000001", 1);
    is("0.00000049999999999999999999999999999999", 0);
    is("5e-7", 0);
    is("5.1e-7", 1);
    is("15e-7", 2);
    is("9e-8", 0);
    is("1.2345675", 1234568);
    is("1.2345665", 1234566);
}

static void what_is_out_of_range_is_missing(void **state)
{
    (void)state;
    is_missing("-1");
    is_missing("-0.0000001");
    is_missing("100000000000");
    is_missing("99999999999.0000001");
    is_missing("99999999999.00000000000000000000000000000001");
    is_missing("1e11");
    is_missing("1e999999999999999999999999");
    is_missing("99999999999999999999999999999999");
}

static void minus_zero_is_zero(void **state)
{
    (void)state;
    is("-0", 0);
    is("-0.000", 0);
    is("-0e5", 0);
}

static void only_the_grammar_of_json_is_a_number(void **state)
{
    (void)state;
    const char *wrong[] = {"",     "-",        "+1", ".5",   "5.",  "01",   "00",    "1e",    "1e+", "1.e3",
                           "0x10", "1 ",       " 1", "1,5",  "1_0", "NaN",  "inf",   "1.2.3", "--1", "e5",
                           "-.5",  "Infinity", "1f", "1e5.", "1-",  "true", "\"1\"", "-01"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        is_missing(wrong[i]);
        assert_false(number_is((sl_view){wrong[i], strlen(wrong[i])}));
    }
    assert_true(number_is((sl_view){"-12.5E-3", 8}));
}

/* The same by decimal long division on small integers: every micro around a half, in several spellings. */
static void spellings_agree(void **state)
{
    (void)state;
    for (long tenths = 1; tenths < 400; tenths++) { /* tenths of a micro */
        long micro = tenths / 10, rest = tenths % 10;
        long expected = micro + (rest > 5 || (rest == 5 && micro % 2 != 0));
        char text[64];
        (void)snprintf(text, sizeof text, "%lde-7", tenths);
        is(text, expected);
        (void)snprintf(text, sizeof text, "0.%07ld", tenths);
        is(text, expected);
        (void)snprintf(text, sizeof text, "0.0000000%07ldE7", tenths);
        is(text, expected);
        (void)snprintf(text, sizeof text, "%ld00000.0e-12", tenths);
        is(text, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_micros),
        cmocka_unit_test(exponents_shift_the_point),
        cmocka_unit_test(halves_go_to_the_even_micro),
        cmocka_unit_test(what_is_out_of_range_is_missing),
        cmocka_unit_test(minus_zero_is_zero),
        cmocka_unit_test(only_the_grammar_of_json_is_a_number),
        cmocka_unit_test(spellings_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
