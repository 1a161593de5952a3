/* Dead letters: Snowplow's own form, JSON whatever the message was. */
#include "snowplow/bad_row.h"

#include "base/buffer.h"
#include "snowplow/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VIEW(text) ((sl_view){(text), strlen(text)})

#define HEAD                                                                                                       \
    "{\"schema\":\"iglu:com.snowplowanalytics.snowplow.badrows/loader_parsing_error/jsonschema/2-0-0\",\"data\":{" \
    "\"processor\":{\"artifact\":\"shoplane\",\"version\":\"0.1.0\"},\"failure\":"

static void is(const struct bad_row *bad, sl_view payload, const char *expected)
{
    struct buffer out = {0};
    bad_row_write(bad, payload, "0.1.0", &out);
    buffer_byte(&out, '\0');
    assert_string_equal(out.data, expected);

    struct json_parser *parser = json_parser_new();
    struct json json = {0};
    assert_null(json_read(parser, VIEW(expected), &json));
    json_free(&json);
    json_parser_free(parser);
    buffer_free(&out);
}

static void what_is_no_tsv_is_said_to_be_none(void **state)
{
    (void)state;
    struct bad_row bad;
    bad_row_set(&bad, BAD_NOT_TSV, "", VIEW(""), "no tabs");
    is(&bad, VIEW("hello"), HEAD "{\"type\":\"NotTSV\"},\"payload\":\"hello\"}}");
}

static void an_empty_message_has_an_empty_payload(void **state)
{
    (void)state;
    struct bad_row bad;
    bad_row_set(&bad, BAD_NOT_TSV, "", VIEW(""), "empty");
    is(&bad, (sl_view){NULL, 0}, HEAD "{\"type\":\"NotTSV\"},\"payload\":\"\"}}");
}

static void a_wrong_number_of_columns_is_told(void **state)
{
    (void)state;
    struct bad_row bad;
    bad_row_set(&bad, BAD_COLUMNS, "", VIEW(""), "columns");
    bad.fields = 3;
    is(&bad, VIEW("a\tb\tc"), HEAD "{\"type\":\"FieldNumberMismatch\",\"fieldCount\":3},\"payload\":\"a\\tb\\tc\"}}");
}

static void other_reasons_name_key_value_and_message(void **state)
{
    (void)state;
    struct bad_row bad;
    bad_row_set(&bad, BAD_VALUE, "product[0].id", VIEW("{\"a\": 5}"), "%s is %s", "it", "no text");
    is(&bad, VIEW("x"),
       HEAD "{\"type\":\"RowDecodingError\",\"errors\":[{\"type\":\"InvalidValue\",\"key\":\"product[0].id\",\"value\":"
            "\"{\\\"a\\\": 5}\",\"message\":\"it is no text\"}]},\"payload\":\"x\"}}");
}

static void what_is_not_utf8_is_there_twice(void **state)
{
    (void)state;
    struct bad_row bad;
    bad_row_set(&bad, BAD_NOT_TSV, "", VIEW(""), "-");
#define FFFD "\xef\xbf\xbd"
    is(&bad, (sl_view){"a\0b\xff\xc3\xa9\xc3", 7},
       HEAD "{\"type\":\"NotTSV\",\"payloadBase64\":\"YQBi/8Opww==\"},\"payload\":\"a\\u0000b" FFFD "\xc3\xa9" FFFD "\"}}");
    /* too long a form, half of a surrogate pair, beyond Unicode, cut off */
    is(&bad, VIEW("\xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82"),
       HEAD "{\"type\":\"NotTSV\",\"payloadBase64\":\"wIAg7aCAIPSQgIAg4oI=\"},\"payload\":\"" FFFD FFFD " " FFFD FFFD FFFD " " FFFD
            FFFD FFFD FFFD " " FFFD FFFD "\"}}");
    is(&bad, VIEW("\xf0\x9f\x91\x9f \xff"),
       HEAD "{\"type\":\"NotTSV\",\"payloadBase64\":\"8J+RnyD/\"},\"payload\":\"\xf0\x9f\x91\x9f " FFFD "\"}}");
    bad_row_set(&bad, BAD_ENCODING, "page_title", VIEW("-"), "-");
    is(&bad, VIEW("\xff"),
       HEAD "{\"type\":\"RowDecodingError\",\"errors\":[{\"type\":\"InvalidValue\",\"key\":\"page_title\",\"value\":\"-\",\"message\":"
            "\"-\"}],\"payloadBase64\":\"/w==\"},\"payload\":\"" FFFD "\"}}");
}

/* The schema: a key of at most 32 characters, at most 1024 fields. */
static void what_the_schema_bounds_is_bounded(void **state)
{
    (void)state;
    struct bad_row bad;
    bad_row_set(&bad, BAD_COLUMNS, "", VIEW(""), "columns");
    bad.fields = 2000;
    is(&bad, VIEW("x"), HEAD "{\"type\":\"FieldNumberMismatch\",\"fieldCount\":1024},\"payload\":\"x\"}}");
    bad_row_set(&bad, BAD_VALUE, "a_very_long_name_of_a_place[0].in_an_event", VIEW("v"), "m");
    is(&bad, VIEW("x"),
       HEAD "{\"type\":\"RowDecodingError\",\"errors\":[{\"type\":\"InvalidValue\",\"key\":\"a_very_long_name_of_a_place[0].i\",\"value\":"
            "\"v\",\"message\":\"m\"}]},\"payload\":\"x\"}}");
}

static void long_values_are_cut_between_characters(void **state)
{
    (void)state;
    char text[600];
    memset(text, 'a', sizeof text);
    struct bad_row bad;
    memcpy(text + sizeof bad.value - 2, "\xe2\x82\xac", 3); /* its first byte would just fit */
    bad_row_set(&bad, BAD_VALUE, "key", (sl_view){text, sizeof text}, "cut");
    assert_int_equal(strlen(bad.value), sizeof bad.value - 2);
    bad_row_set(&bad, BAD_VALUE, "key", (sl_view){text + 1, sizeof text - 1}, "cut");
    assert_int_equal(strlen(bad.value), sizeof bad.value - 3);
    bad_row_set(&bad, BAD_VALUE, "key", (sl_view){text, 5}, "whole");
    assert_string_equal(bad.value, "aaaaa");
}

static void every_reason_has_a_word(void **state)
{
    (void)state;
    for (int reason = 0; reason < BAD_REASONS; reason++)
        assert_string_not_equal(bad_reason_word((enum bad_reason)reason), "unknown");
    assert_string_equal(bad_reason_word(BAD_FUTURE), "future");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_tsv_is_said_to_be_none),
        cmocka_unit_test(an_empty_message_has_an_empty_payload),
        cmocka_unit_test(a_wrong_number_of_columns_is_told),
        cmocka_unit_test(other_reasons_name_key_value_and_message),
        cmocka_unit_test(what_is_not_utf8_is_there_twice),
        cmocka_unit_test(what_the_schema_bounds_is_bounded),
        cmocka_unit_test(long_values_are_cut_between_characters),
        cmocka_unit_test(every_reason_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
