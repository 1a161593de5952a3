/* JSON as a flat list: everything is checked, nothing is lost, in whatever order it is asked for. */
#include "snowplow/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VIEW(text) ((sl_view){(text), strlen(text)})

struct fixture {
    struct json_parser *parser;
    struct json json;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    fixture.parser = json_parser_new();
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    json_free(&fixture->json);
    json_parser_free(fixture->parser);
    return 0;
}

static const char *read(struct fixture *fixture, const char *text)
{
    return json_read(fixture->parser, VIEW(text), &fixture->json);
}

static void raw_is(const struct json *json, uint32_t node, const char *expected)
{
    assert_int_not_equal(node, 0);
    sl_view raw = json_raw(json, node);
    assert_int_equal(raw.size, strlen(expected));
    assert_memory_equal(raw.data, expected, raw.size);
}

static void values_are_found_by_their_path(void **state)
{
    struct fixture *fixture = *state;
    const struct json *json = &fixture->json;
    assert_null(read(fixture, "{\"a\":{\"b\":{\"c\":1.50}},\"text\" : \"x\\ty\" ,\"list\":[1,[],{}],\"no\":null}"));
    raw_is(json, json_follow(json, 0, "a.b.c"), "1.50");
    raw_is(json, json_follow(json, 0, "a.b"), "{\"c\":1.50}");
    raw_is(json, json_follow(json, 0, "text"), "x\\ty");
    raw_is(json, json_follow(json, 0, "list"), "[1,[],{}]");
    assert_true(json_is(json, json_follow(json, 0, "no"), JSON_NULL));
    assert_int_equal(json_follow(json, 0, "a.c"), 0);
    assert_int_equal(json_follow(json, 0, "a.b.c.d"), 0);
    assert_int_equal(json_follow(json, 0, "list.a"), 0);
}

static void spaces_do_not_matter(void **state)
{
    struct fixture *fixture = *state;
    const struct json *json = &fixture->json;
    assert_null(read(fixture, " \n{ \"a b\" \t: \r [ true , false ] , \"c\" : { \"d\" : -0.5e+3 } } \t"));
    raw_is(json, json_follow(json, 0, "a b"), "[ true , false ]");
    raw_is(json, json_follow(json, 0, "c"), "{ \"d\" : -0.5e+3 }");
    raw_is(json, json_follow(json, 0, "c.d"), "-0.5e+3");
}

static void of_equal_keys_the_last_wins(void **state)
{
    struct fixture *fixture = *state;
    const struct json *json = &fixture->json;
    assert_null(read(fixture, "{\"a\":1,\"b\":2,\"\\u0061\":3}"));
    raw_is(json, json_find(json, 0, "a", 1), "3");
    raw_is(json, json_find(json, 0, "b", 1), "2");
}

static void whatever_is_broken_is_seen(void **state)
{
    struct fixture *fixture = *state;
    const char *broken[] = {
        "",
        " ",
        "1",
        "[]",
        "\"a\"",
        "{",
        "}",
        "{]",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":,}",
        "{\"a\":1,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,,\"b\":2}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:2}",
        "{\"a\":\"b\":1}",
        "{\"a\":\"b\":1}}",
        "{\"a\":1}}",
        "{\"a\":1}]",
        "{\"a\":1}{}",
        "{\"a\":1},{}",
        "{\"a\":1} x",
        "{\"a\":1}\"",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1}",
        "{\"a\":[}]}",
        "{\"a\":{}",
        "{\"a\":{\"b\":1}",
        "{\"a\":[{\"b\":1]}",
        "{\"a\":tru}",
        "{\"a\":True}",
        "{\"a\":truex}",
        "{\"a\":nul}",
        "{\"a\":nulll}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":0x1}",
        "{\"a\":1\"b\"}",
        "{\"a\":\"b\"1}",
        "{\"a\":\"b}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"\\q\":1}",
        "{\"a\":\"\\\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"line\nbreak\"}",
        "{\"a\":\\\"b\"}",
        "{'a':1}",
        "{\"a\":1/**/}",
        "{\"a\":\"\xff\"}",
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        if (read(fixture, broken[i]) == NULL)
            fail_msg("%s was taken", broken[i]);
}

/* Cut anywhere, a text is broken, and nothing beyond its end is read (the sanitizers look at the exact copy). */
static void a_text_cut_anywhere_is_broken(void **state)
{
    struct fixture *fixture = *state;
    const char *whole =
        "{\"schema\":\"iglu:a/b/jsonschema/1-0-0\",\"data\":[{\"x\":[1,2,{\"y\":\"\\u00e9\\\\\"}],\"z\":null},"
        "{},[],\"\",-1.5e7,true,false]}";
    for (size_t size = 0; size < strlen(whole); size++) {
        char *cut = malloc(size + 1);
        memcpy(cut, whole, size);
        char *exact = realloc(cut, size == 0 ? 1 : size);
        assert_non_null(json_read(fixture->parser, (sl_view){exact, size}, &fixture->json));
        free(exact);
    }
    assert_null(read(fixture, whole));
}

static void nesting_ends_at_100(void **state)
{
    struct fixture *fixture = *state;
    for (int depth = 99; depth <= 101; depth++) {
        char text[512] = "{\"a\":";
        for (int i = 1; i < depth; i++)
            strcat(text, "[");
        for (int i = 1; i < depth; i++)
            strcat(text, "]");
        strcat(text, "}");
        const char *wrong = read(fixture, text);
        if (depth <= 100)
            assert_null(wrong);
        else
            assert_string_equal(wrong, "is nested deeper than 100");
    }
}

static void escapes_are_undone(void **state)
{
    (void)state;
    const struct {
        const char *raw, *text;
    } cases[] = {
        {"plain", "plain"},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t"},
        {"\\u0041\\u00e9\\u20AC", "A\xc3\xa9\xe2\x82\xac"},
        {"\\ud83d\\udc5f!", "\xf0\x9f\x91\x9f!"},
        {"\\ud83d", "\xef\xbf\xbd"},
        {"\\ud83d\\n", "\xef\xbf\xbd\n"},
        {"\\ud83d\\u0041", "\xef\xbf\xbd"
                           "A"},
        {"\\udc5f\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[64];
        size_t size = json_unescape(VIEW(cases[i].raw), out);
        assert_int_equal(size, strlen(cases[i].text));
        assert_memory_equal(out, cases[i].text, size);
    }
}

static void numbers_become_the_nearest_double(void **state)
{
    (void)state;
    double number;
    assert_true(json_double(VIEW("42.99"), &number));
    assert_true(number == 42.99);
    assert_true(json_double(VIEW("-1E+3"), &number));
    assert_true(number == -1000);
    assert_true(json_double(VIEW("1e-999"), &number));
    assert_true(number == 0);
    assert_false(json_double(VIEW("1e999"), &number));
    assert_false(json_double(VIEW("-1e999"), &number));
}

static void long_texts_need_no_more_than_memory(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 20000 };
    char *text = malloc(COUNT * 16 + 64);
    size_t size = (size_t)sprintf(text, "{\"list\":[");
    for (int i = 0; i < COUNT; i++)
        size += (size_t)sprintf(text + size, "%s{\"n\":%d}", i == 0 ? "" : ",", i);
    size += (size_t)sprintf(text + size, "]}");
    assert_null(json_read(fixture->parser, (sl_view){text, size}, &fixture->json));
    assert_int_equal(fixture->json.count, 2 + 2 * COUNT);
    raw_is(&fixture->json, 1 + 2 * COUNT, "19999");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_found_by_their_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spaces_do_not_matter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_equal_keys_the_last_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whatever_is_broken_is_seen, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_cut_anywhere_is_broken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_ends_at_100, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_texts_need_no_more_than_memory, set_up, tear_down),
        cmocka_unit_test(escapes_are_undone),
        cmocka_unit_test(numbers_become_the_nearest_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
