/* sdk_json.c - single columns and whole lines as the Python analytics SDK 0.2.3 gives them. The expected texts were taken
 * from the SDK; integration/parse_oracle.sh asks it anew. */
#include "snowplow/sdk_json.h"
#include "base/buffer.h"
#include "snowplow/columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static sl_view view(const char *text) { return (sl_view){text, strlen(text)}; }

struct cell {
    enum column column;
    sl_view value;
};

/* What a line with these columns, the others empty, becomes; or the reason why it is refused, in `bad`. Ends with a zero. */
static const char *written(struct sdk_json *writer, const struct cell *cells, size_t count, struct bad_row *bad)
{
    static struct buffer out;
    struct buffer line = {0};
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (i > 0)
            buffer_byte(&line, '\t');
        for (size_t j = 0; j < count; j++)
            if ((int)cells[j].column == i)
                buffer_put(&line, cells[j].value.data, cells[j].value.size);
    }
    buffer_reset(&out);
    buffer_literal(&out, "before ");
    char *exact = malloc(line.size);
    assert_non_null(exact);
    memcpy(exact, line.data, line.size);
    bool good = sdk_json_write(writer, (sl_view){exact, line.size}, &out, bad);
    free(exact);
    buffer_free(&line);
    buffer_byte(&out, '\0');
    assert_memory_equal(out.data, "before ", 7);
    if (!good)
        assert_int_equal(out.size, 8); /* nothing of a refused line stays */
    return good ? out.data + 7 : NULL;
}

static void takes_bytes(void **state, enum column column, sl_view value, const char *expected)
{
    struct bad_row bad;
    const char *found = written(*state, &(struct cell){column, value}, 1, &bad);
    if (found == NULL)
        fail_msg("%s refused for %s: %s", columns[column].name, value.data, bad.message);
    assert_string_equal(found, expected);
}

static void takes(void **state, enum column column, const char *value, const char *expected)
{
    takes_bytes(state, column, view(value), expected);
}

static void refuses(void **state, enum column column, const char *value, enum bad_reason reason)
{
    struct bad_row bad;
    const char *found = written(*state, &(struct cell){column, view(value)}, 1, &bad);
    if (found != NULL)
        fail_msg("%s taken: %s", value, found);
    assert_int_equal(bad.reason, reason);
    assert_string_equal(bad.key, columns[column].name);
    assert_true(bad.message[0] != '\0');
}

static void an_empty_column_is_left_out(void **state)
{
    struct bad_row bad;
    assert_string_equal(written(*state, NULL, 0, &bad), "{}");
    const struct cell cells[] = {{COLUMN_APP_ID, view("shop")},
                                 {COLUMN_TRUE_TSTAMP, view("2026-11-22 10:00:00.5")},
                                 {COLUMN_SE_VALUE, view("007")}};
    assert_string_equal(written(*state, cells, 3, &bad),
                        "{\"app_id\":\"shop\",\"se_value\":\"007\",\"true_tstamp\":\"2026-11-22T10:00:00.5Z\"}");
}

static void timestamps_are_not_checked(void **state)
{
    takes(state, COLUMN_ETL_TSTAMP, "not  a time\r", "{\"etl_tstamp\":\"notTTaTtime\\rZ\"}");
}

static void texts_are_escaped(void **state)
{
    takes(state, COLUMN_USER_ID, "\"\\/\x01\x7f\r\xc3\xa9\xf0\x9f\x98\x80",
          "{\"user_id\":\"\\\"\\\\/\\u0001\x7f\\r\xc3\xa9\xf0\x9f\x98\x80\"}");
    takes_bytes(state, COLUMN_USER_ID, (sl_view){"a\0b", 3}, "{\"user_id\":\"a\\u0000b\"}");
    takes(state, COLUMN_USER_ID, "\xc2\x84\xc2\x85\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
          "{\"user_id\":\"\xc2\x84\\u0085\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\"}");
}

static void integers_are_those_of_python(void **state)
{
    static const char *const good[][2] = {{"0", "0"},
                                          {"007", "7"},
                                          {"-0", "0"},
                                          {"-00", "0"},
                                          {"+5", "5"},
                                          {"-12", "-12"},
                                          {" 5 ", "5"},
                                          {"\x0b"
                                           "5\r",
                                           "5"},
                                          {"1_000", "1000"},
                                          {"0_0", "0"},
                                          {"123456789012345678901234567890", "123456789012345678901234567890"},
                                          {"\xd9\xa3\xd9\xa4", "34"},
                                          {"\xef\xbc\x95", "5"},
                                          {"\xf0\x9d\x9f\x99", "1"},
                                          {"\xc2\xa0"
                                           "5\xe3\x80\x80",
                                           "5"},
                                          {"\xd9\xa1_0", "10"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char expected[80];
        (void)snprintf(expected, sizeof expected, "{\"txn_id\":%s}", good[i][1]);
        takes(state, COLUMN_TXN_ID, good[i][0], expected);
    }
    static const char *const broken[] = {" ",
                                         "+",
                                         "-",
                                         "_1",
                                         "1_",
                                         "1__0",
                                         "- 5",
                                         "+-5",
                                         "1.0",
                                         "1e5",
                                         "0x1f",
                                         "5\x7f",
                                         "\0345",
                                         ("\xe2\x80\x8b"
                                          "5"),
                                         "\xc2\xb2",
                                         "abc",
                                         "nan",
                                         "-_1"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        refuses(state, COLUMN_TXN_ID, broken[i], BAD_VALUE);
}

static void integers_have_a_limit_of_digits(void **state)
{
    char digits[4302] = {'-'};
    memset(digits + 1, '0', 4300);
    takes(state, COLUMN_TXN_ID, digits, "{\"txn_id\":0}");
    digits[0] = '0';
    refuses(state, COLUMN_TXN_ID, digits, BAD_VALUE);
}

static void doubles_are_those_of_python(void **state)
{
    static const char *const good[][2] = {{"42.99", "42.99"},
                                          {"5", "5.0"},
                                          {"-0", "-0.0"},
                                          {"-0.0", "-0.0"},
                                          {"1e5", "100000.0"},
                                          {"5.", "5.0"},
                                          {".5", "0.5"},
                                          {"1_0.5", "10.5"},
                                          {"1e1_0", "10000000000.0"},
                                          {" +1.50 ", "1.5"},
                                          {"0.1", "0.1"},
                                          {"1e400", "1e999"},
                                          {"-inf", "-1e999"},
                                          {"+Infinity", "1e999"},
                                          {"4.9e-324", "5e-324"},
                                          {"1e-400", "0.0"},
                                          {"0e99999999999999999999", "0.0"},
                                          {"9007199254740993", "9007199254740992.0"},
                                          {"0.30000000000000004", "0.30000000000000004"},
                                          {"\xd9\xa1.\xef\xbc\x95", "1.5"}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char expected[80];
        (void)snprintf(expected, sizeof expected, "{\"tr_total\":%s}", good[i][1]);
        takes(state, COLUMN_TR_TOTAL, good[i][0], expected);
    }
    static const char *const broken[] = {" ",     ".",       "+",      "1e",  "1e+",  "e5",    "1_.5",  "1._5", "1e_1",
                                         "0x1p3", "infinit", "nan(1)", "1,5", "nan_", "1.5.5", "\0345", "NaN",  "-nan"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        refuses(state, COLUMN_TR_TOTAL, broken[i], BAD_VALUE);
}

static void booleans_are_0_or_1(void **state)
{
    takes(state, COLUMN_BR_COOKIES, "1", "{\"br_cookies\":true}");
    takes(state, COLUMN_BR_COOKIES, "0", "{\"br_cookies\":false}");
    refuses(state, COLUMN_BR_COOKIES, "true", BAD_VALUE);
    refuses(state, COLUMN_BR_COOKIES, "2", BAD_VALUE);
    refuses(state, COLUMN_BR_COOKIES, "11", BAD_VALUE);
}

#define ENTITY(uri, data)  "{\"schema\":\"iglu:" uri "\",\"data\":" data "}"
#define CONTEXTS(entities) "{\"schema\":\"iglu:any/thing/here/1-0-0\",\"data\":[" entities "]}"

static void contexts_of_one_key_become_one_array(void **state)
{
    takes(state, COLUMN_CONTEXTS,
          CONTEXTS(ENTITY("com.acme/product/jsonschema/1-0-0", "{\"id\":1}") "," ENTITY(
              "com.acme/page/jsonschema/2-0-0", "null") "," ENTITY("com_acme/Product/avro/1-7-3", "[2]")),
          "{\"contexts_com_acme_product_1\":[{\"id\":1},[2]],\"contexts_com_acme_page_2\":[null]}");
}

static void keys_are_made_from_schemas_as_by_the_sdk(void **state)
{
    static const char *const keys[][2] = {
        {"com.acme/addToCart/jsonschema/1-0-0", "com_acme_add_to_cart_1"},
        {"com.Acme-Shop/HTTPHeader/j/10-20-30", "com_acme-shop_httpheader_10"},
        {"a/http_Header/j/1-0-0", "a_http_header_1"},
        {"a/aBCdE9F-G/j/1-0-0", "a_a_bcd_e9_f-_g_1"},
        {"a..b/_A/j/1-0-0", "a__b__a_1"},
        {"a\\/b\\u004a\\/c\\/1-0-0\\n", "a_b_j_1"}, /* Python's $ */
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char column[200], expected[200];
        (void)snprintf(column, sizeof column, CONTEXTS(ENTITY("%s", "0")), keys[i][0]);
        (void)snprintf(expected, sizeof expected, "{\"contexts_%s\":[0]}", keys[i][1]);
        takes(state, COLUMN_CONTEXTS, column, expected);
    }
    static const char *const broken[] = {"a/b/c/0-0-0",      "a/b/c/01-0-0", "a/b/c/1-0",         "a/b/c/1-0-0-0",
                                         "a/b/c/1-00-0",     "a/b/1-0-0",    "/b/c/1-0-0",        "a b/b/c/1-0-0",
                                         "a/b.b/c/1-0-0",    "a/b/c/1-0-0 ", "a/b/c/1-0-0\\n\\n", "a/b/c/1-0-0\\r",
                                         "\\u00e4/b/c/1-0-0"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        char column[200];
        (void)snprintf(column, sizeof column, CONTEXTS(ENTITY("%s", "0")), broken[i]);
        refuses(state, COLUMN_CONTEXTS, column, BAD_SCHEMA);
    }
}

static void derived_contexts_replace_those_of_their_key(void **state)
{
    struct bad_row bad;
    const struct cell cells[] = {
        {COLUMN_CONTEXTS,
         view(CONTEXTS(ENTITY("a/b/c/1-0-0", "1") "," ENTITY("a/d/c/1-0-0", "2") "," ENTITY("a/b/c/1-0-0", "3")))},
        {COLUMN_EVENT_NAME, view("x")},
        {COLUMN_DERIVED_CONTEXTS, view(CONTEXTS(ENTITY("a/b/c/1-0-9", "4")))}};
    assert_string_equal(written(*state, cells, 3, &bad),
                        "{\"contexts_a_d_1\":[2],\"contexts_a_b_1\":[4],\"event_name\":\"x\"}");
    assert_string_equal(written(*state, cells, 1, &bad), "{\"contexts_a_b_1\":[1,3],\"contexts_a_d_1\":[2]}");
}

static void values_inside_contexts_keep_their_text(void **state)
{
    takes(
        state, COLUMN_CONTEXTS,
        CONTEXTS(ENTITY("a/b/c/1-0-0",
                        "{ \"a\" : 123456789012345678901234567890 , \"b\":\"\\ud800\",\"c\":1.50,\r\"d\":[Infinity]}")),
        "{\"contexts_a_b_1\":[{ \"a\" : 123456789012345678901234567890 , \"b\":\"\\ud800\",\"c\":1.50, \"d\":[1e999]}]}");
}

static void contexts_of_the_wrong_shape_are_refused(void **state)
{
    takes(state, COLUMN_CONTEXTS, CONTEXTS(""), "{}");
    takes(state, COLUMN_CONTEXTS, "{\"data\":{ }}", "{}");
    takes(state, COLUMN_CONTEXTS, "{\"data\":\"\"}", "{}");
    takes(state, COLUMN_CONTEXTS, "{\"data\":1,\"x\":NaN,\"data\":[]}", "{}");
    refuses(state, COLUMN_CONTEXTS, "{\"data\":{\"a\":1}}", BAD_VALUE);
    refuses(state, COLUMN_CONTEXTS, "{\"data\":\"a\"}", BAD_VALUE);
    refuses(state, COLUMN_CONTEXTS, "{\"data\":null}", BAD_VALUE);
    refuses(state, COLUMN_CONTEXTS, "{}", BAD_VALUE);
    refuses(state, COLUMN_CONTEXTS, "[]", BAD_VALUE);
    refuses(state, COLUMN_CONTEXTS, CONTEXTS("[]"), BAD_VALUE);
    refuses(state, COLUMN_CONTEXTS, CONTEXTS("{}"), BAD_SCHEMA);
    refuses(state, COLUMN_CONTEXTS, CONTEXTS("{\"data\":1,\"schema\":null}"), BAD_SCHEMA);
    refuses(state, COLUMN_CONTEXTS, CONTEXTS("{\"schema\":\"iglu:a/b/c/1-0-0\"}"), BAD_VALUE);
    refuses(state, COLUMN_CONTEXTS, CONTEXTS(ENTITY("a/b/c/1-0-0", "[NaN]")), BAD_VALUE);
    refuses(state, COLUMN_CONTEXTS, CONTEXTS("") "x", BAD_JSON);
    refuses(state, COLUMN_CONTEXTS, " ", BAD_JSON);
    refuses(state, COLUMN_DERIVED_CONTEXTS, "{\"data\":[}", BAD_JSON);
}

static void an_unstructured_event_stands_alone(void **state)
{
    takes(state, COLUMN_UNSTRUCT_EVENT, "{\"data\":" ENTITY("a/linkClick/c/2-0-0", "{\"x\":[]}") "}",
          "{\"unstruct_event_a_link_click_2\":{\"x\":[]}}");
    refuses(state, COLUMN_UNSTRUCT_EVENT, "{\"data\":[]}", BAD_VALUE);
    refuses(state, COLUMN_UNSTRUCT_EVENT, "{\"data\":{}}", BAD_SCHEMA);
    refuses(state, COLUMN_UNSTRUCT_EVENT, "{\"data\":\"data schema\"}", BAD_VALUE);
}

static void very_many_keys_find_their_contexts(void **state)
{
    enum { KEYS = 20000 };
    struct buffer column = {0}, expected = {0};
    struct bad_row bad;
    buffer_literal(&column, "{\"data\":[");
    buffer_byte(&expected, '{');
    for (int i = 0; i < 2 * KEYS; i++)
        buffer_printf(&column, "%s" ENTITY("v/n%d/f/1-0-0", "%d"), i == 0 ? "" : ",", i % KEYS, i);
    for (int i = 0; i < KEYS; i++)
        buffer_printf(&expected, "%s\"contexts_v_n%d_1\":[%d,%d]", i == 0 ? "" : ",", i, i, i + KEYS);
    buffer_literal(&column, "]}");
    buffer_put(&expected, "}", 2);
    assert_string_equal(written(*state, &(struct cell){COLUMN_CONTEXTS, {column.data, column.size}}, 1, &bad),
                        expected.data);
    buffer_free(&column);
    buffer_free(&expected);
    contexts_of_one_key_become_one_array(state); /* nothing of it stays */
}

static void the_first_columns_error_is_told(void **state)
{
    struct bad_row bad;
    const struct cell cells[] = {
        {COLUMN_TXN_ID, view("x")}, {COLUMN_CONTEXTS, view("{")}, {COLUMN_DERIVED_CONTEXTS, view("[")}};
    assert_null(written(*state, cells, 3, &bad));
    assert_string_equal(bad.key, "txn_id");
    assert_null(written(*state, cells + 1, 2, &bad));
    assert_string_equal(bad.key, "contexts");
    assert_null(written(*state, cells + 2, 1, &bad));
    assert_string_equal(bad.key, "derived_contexts");
}

static void a_line_has_131_columns_of_utf8(void **state)
{
    struct buffer line = {0}, out = {0};
    struct bad_row bad;
    assert_false(sdk_json_write(*state, view(""), &out, &bad));
    assert_int_equal(bad.reason, BAD_NOT_TSV);
    assert_false(sdk_json_write(*state, view("{\"event_id\":1}"), &out, &bad));
    assert_int_equal(bad.reason, BAD_NOT_TSV);
    for (int i = 0; i < COLUMN_COUNT; i++)
        buffer_byte(&line, '\t');
    assert_false(sdk_json_write(*state, (sl_view){line.data, line.size}, &out, &bad));
    assert_int_equal(bad.reason, BAD_COLUMNS);
    assert_int_equal(bad.fields, 132);
    assert_false(sdk_json_write(*state, (sl_view){line.data, line.size - 2}, &out, &bad));
    assert_int_equal(bad.fields, 130);
    assert_true(sdk_json_write(*state, (sl_view){line.data, line.size - 1}, &out, &bad));
    static const char *const broken[] = {"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_null(written(*state, &(struct cell){COLUMN_USER_ID, view(broken[i])}, 1, &bad));
        assert_int_equal(bad.reason, BAD_ENCODING);
    }
    buffer_free(&line);
    buffer_free(&out);
}

static int make(void **state)
{
    *state = sdk_json_new();
    return 0;
}

static int release(void **state)
{
    sdk_json_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_column_is_left_out),
        cmocka_unit_test(timestamps_are_not_checked),
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(integers_are_those_of_python),
        cmocka_unit_test(integers_have_a_limit_of_digits),
        cmocka_unit_test(doubles_are_those_of_python),
        cmocka_unit_test(booleans_are_0_or_1),
        cmocka_unit_test(contexts_of_one_key_become_one_array),
        cmocka_unit_test(keys_are_made_from_schemas_as_by_the_sdk),
        cmocka_unit_test(derived_contexts_replace_those_of_their_key),
        cmocka_unit_test(values_inside_contexts_keep_their_text),
        cmocka_unit_test(contexts_of_the_wrong_shape_are_refused),
        cmocka_unit_test(an_unstructured_event_stands_alone),
        cmocka_unit_test(very_many_keys_find_their_contexts),
        cmocka_unit_test(the_first_columns_error_is_told),
        cmocka_unit_test(a_line_has_131_columns_of_utf8),
    };
    return cmocka_run_group_tests(tests, make, release);
}
