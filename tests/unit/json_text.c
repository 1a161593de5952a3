/* json_text.c - what json.loads of CPython 3.11 takes and refuses, by example; the SDK itself is asked by
 * integration/parse_oracle.sh. */
#include "snowplow/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static sl_view view(const char *text) { return (sl_view){text, strlen(text)}; }

/* Read from memory that ends with the text, so that a sanitizer sees a step beyond it. */
static bool is_json(sl_view text)
{
    char *copy = malloc(text.size + (text.size == 0));
    assert_non_null(copy);
    memcpy(copy, text.data, text.size);
    struct json_text json;
    struct json_text_value value;
    json_text_begin(&json, (sl_view){copy, text.size});
    bool good = json_text_value(&json, &value) && json_text_end(&json);
    assert_true(good == (json.fault == NULL));
    free(copy);
    return good;
}

static void json_is_taken(void **state)
{
    (void)state;
    static const char *const good[] = {"0",
                                       "-0",
                                       "1",
                                       "-12",
                                       "1.5",
                                       "0.0",
                                       "1e5",
                                       "1E+5",
                                       "1.5e-5",
                                       "1e999",
                                       "123456789012345678901234567890",
                                       "true",
                                       "false",
                                       "null",
                                       "\"\"",
                                       "\"a\"",
                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                       "\"\\u00e9\\uABCD\"",
                                       "\"\\ud83d\\ude00\"",
                                       "\"\\ud800\"",
                                       "\"\\udc00\\ud800\"",
                                       "\"\x7f\"",
                                       "\"\xc2\x85\xe2\x80\xa8\"",
                                       "{}",
                                       "[]",
                                       " { } ",
                                       "[ ]",
                                       "[1,2]",
                                       "{\"a\":1}",
                                       "\r\n\t {\"a\" : [ 1 , { \"b\" : null } ] , \"a\" : \"x\" } \r",
                                       "[[[[]]],[]]",
                                       "NaN",
                                       "Infinity",
                                       "-Infinity",
                                       "[NaN,-1]",
                                       "\"a string of more than eight bytes, with \\\" in it\""};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!is_json(view(good[i])))
            fail_msg("refused: %s", good[i]);
}

static void what_is_no_json_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"",
                                         " ",
                                         "+1",
                                         "01",
                                         "-01",
                                         "1.",
                                         ".5",
                                         "1.e5",
                                         "1e",
                                         "1e+",
                                         "-",
                                         "--1",
                                         "0x1",
                                         "1_0",
                                         "1 2",
                                         "-Inf",
                                         "-NaN",
                                         "nan",
                                         "Nan",
                                         "Infinit",
                                         "tru",
                                         "truex",
                                         "True",
                                         "nul",
                                         "'a'",
                                         "\"",
                                         "\"a",
                                         "\"\\\"",
                                         "\"\\",
                                         "\"\\x\"",
                                         "\"\\u12\"",
                                         "\"\\u12g4\"",
                                         "\"\\u\"",
                                         "\"\\ud800\\u12\"",
                                         "\"\x01\"",
                                         "\"\r\"",
                                         "\"1234567\x1f\"",
                                         "[",
                                         "]",
                                         "[1",
                                         "[1,",
                                         "[1,]",
                                         "[,1]",
                                         "[1 2]",
                                         "[1}",
                                         "{",
                                         "}",
                                         "{]",
                                         "{\"a\"}",
                                         "{\"a\":}",
                                         "{\"a\":1,}",
                                         "{,}",
                                         "{a:1}",
                                         "{1:1}",
                                         "{\"a\" 1}",
                                         "{\"a\":1 \"b\":2}",
                                         "{\"a\":1]",
                                         "[1]]",
                                         "\xef\xbb\xbf"
                                         "1",
                                         "\x0b"
                                         "1",
                                         "\xc2\xa0"
                                         "1",
                                         "\xd9\xa1",
                                         "//",
                                         "[1/**/]"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        if (is_json(view(broken[i])))
            fail_msg("taken: %s", broken[i]);
    assert_false(is_json((sl_view){"1\0", 2}));
    assert_false(is_json((sl_view){"\"\0\"", 3}));
    assert_false(is_json((sl_view){"[1\0]", 4}));
}

static void any_beginning_of_json_alone_is_none(void **state)
{
    (void)state;
    static const char whole[] =
        "{\"a\\u00e9\":[1.5e3,\"\\ud83d\\ude00 long enough for a word\",null,{\"b\":-Infinity}],\"c\":true}";
    assert_true(is_json(view(whole)));
    for (size_t size = 0; size + 1 < sizeof whole - 1; size++)
        assert_false(is_json((sl_view){whole, size}));
}

static void nesting_has_a_limit(void **state)
{
    (void)state;
    static const char *const pairs[] = {"[]", "{}"};
    for (size_t kind = 0; kind < 2; kind++) {
        for (int over = 0; over < 2; over++) {
            struct buffer text = {0};
            int depth = JSON_TEXT_DEPTH + over;
            for (int i = 0; i < depth; i++) {
                buffer_byte(&text, pairs[kind][0]);
                if (kind == 1 && i + 1 < depth)
                    buffer_literal(&text, "\"a\":");
            }
            for (int i = 0; i < depth; i++)
                buffer_byte(&text, pairs[kind][1]);
            assert_int_equal(is_json((sl_view){text.data, text.size}), over == 0);
            buffer_free(&text);
        }
    }
}

static void integers_have_a_limit_of_digits_and_other_numbers_none(void **state)
{
    (void)state;
    char digits[JSON_TEXT_DIGITS + 8];
    memset(digits, '9', sizeof digits);
    digits[0] = '-';
    assert_true(is_json((sl_view){digits, JSON_TEXT_DIGITS + 1}));
    assert_true(is_json((sl_view){digits + 1, JSON_TEXT_DIGITS}));
    assert_false(is_json((sl_view){digits + 1, JSON_TEXT_DIGITS + 1}));
    digits[JSON_TEXT_DIGITS + 2] = 'e';
    assert_true(is_json((sl_view){digits, JSON_TEXT_DIGITS + 4}));
    digits[JSON_TEXT_DIGITS + 2] = '.';
    assert_true(is_json((sl_view){digits, JSON_TEXT_DIGITS + 4}));
}

static void assert_text(sl_view found, const char *expected)
{
    if (found.size != strlen(expected) || (found.size != 0 && memcmp(found.data, expected, found.size) != 0))
        fail_msg("\"%.*s\" is not \"%s\"", (int)found.size, found.data, expected);
}

static void the_last_member_of_a_name_counts(void **state)
{
    (void)state;
    static const char *const names[] = {"schema", "data", "other"};
    struct json_text json;
    struct json_text_value values[3];
    json_text_begin(
        &json, view(" { \"data\" : [1] , \"x\":{\"schema\":0}, \"sch\\u0065ma\" :\"s\",\"data\":{\"a\": 2}, \"dat\":3,"
                    "\"data \":4, \"other\\u0000\":5 } rest"));
    assert_true(json_text_object(&json, names, values, 3));
    assert_int_equal(values[0].kind, JSON_TEXT_STRING);
    assert_text(values[0].text, "\"s\"");
    assert_int_equal(values[1].kind, JSON_TEXT_OBJECT);
    assert_text(values[1].text, "{\"a\": 2}");
    assert_int_equal(values[2].kind, JSON_TEXT_ABSENT);
    assert_text((sl_view){json.at, (size_t)(json.end - json.at)}, " rest");
    assert_int_equal(json.depth, 0);
    assert_false(json_text_end(&json));
}

static void an_array_is_walked(void **state)
{
    (void)state;
    struct json_text json;
    struct json_text_value value;
    struct buffer seen = {0};
    json_text_begin(&json, view(" [ 1 , [2,3] , \"a\\\"]\" ] "));
    for (bool more = json_text_first(&json); more; more = json_text_next(&json)) {
        assert_true(json_text_value(&json, &value));
        buffer_put(&seen, value.text.data, value.text.size);
        buffer_byte(&seen, ';');
    }
    assert_null(json.fault);
    assert_true(json_text_end(&json));
    assert_text((sl_view){seen.data, seen.size}, "1;[2,3];\"a\\\"]\";");
    buffer_free(&seen);
    json_text_begin(&json, view("[ ]"));
    assert_false(json_text_first(&json));
    assert_null(json.fault);
}

static void unescaped(const char *string, const char *expected)
{
    struct buffer out = {0};
    json_text_unescape(view(string), &out);
    assert_text((sl_view){out.data, out.size}, expected);
    buffer_free(&out);
}

static void escapes_stand_for_their_characters(void **state)
{
    (void)state;
    unescaped("\"\"", "");
    unescaped("\"a\\/b\\\\\\\"\\n\"", "a/b\\\"\n");
    unescaped("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\xc3\xa9\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9");
    unescaped("\"\\ud83d\\ud83d\\ude00\\udc00x\"", "\xff\xf0\x9f\x98\x80\xff"
                                                   "x");
}

static void infinity_is_written_as_a_number_that_reads_so(void **state)
{
    (void)state;
    struct json_text json;
    struct json_text_value value;
    struct buffer out = {0};
    json_text_begin(&json, view("[Infinity, -Infinity,\"\\\"Infinity\", {\"Infinity\":1e999}]"));
    assert_true(json_text_value(&json, &value));
    assert_true(value.has_infinity);
    assert_false(value.has_nan);
    json_text_write(&value, &out);
    assert_text((sl_view){out.data, out.size}, "[1e999, -1e999,\"\\\"Infinity\", {\"Infinity\":1e999}]");
    buffer_free(&out);
    json_text_begin(&json, view("{\"a\":[NaN]}"));
    assert_true(json_text_value(&json, &value));
    assert_true(value.has_nan);
    json_text_begin(&json, view("\"NaN Infinity\""));
    assert_true(json_text_value(&json, &value));
    assert_false(value.has_nan || value.has_infinity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_taken),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(any_beginning_of_json_alone_is_none),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(integers_have_a_limit_of_digits_and_other_numbers_none),
        cmocka_unit_test(the_last_member_of_a_name_counts),
        cmocka_unit_test(an_array_is_walked),
        cmocka_unit_test(escapes_stand_for_their_characters),
        cmocka_unit_test(infinity_is_written_as_a_number_that_reads_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
