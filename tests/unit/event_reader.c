/* Messages as a whole: formats, what is refused and why, time, id, name, user and session. */
#include "reader_fixture.h"

#include <xxhash.h>

static const sl_input no_inputs[] = {{0}};

static void refused(struct fixture *fixture, bool good_one, enum bad_reason reason)
{
    assert_false(good_one);
    assert_string_equal(bad_reason_word(fixture->bad.reason), bad_reason_word(reason));
}

static void a_line_has_time_id_and_name(void **state)
{
    (void)state;
    struct fixture f = open_fixture(no_inputs);
    must_read(&f, LINE({COLUMN_PLATFORM, "web"}));
    assert_int_equal(f.head.time_ms, 1742986606033);
    view_is(f.head.event_id, "4ba8f147-05cf-48c6-b218-0def4f209181");
    assert_true(f.head.id == XXH3_64bits("4ba8f147-05cf-48c6-b218-0def4f209181", 36));
    view_is(f.head.name, "page_view");
    assert_int_equal(f.head.event, 0);
    assert_int_equal(f.event->at.time_ms, f.head.time_ms);
    assert_true(f.event->at.id == f.head.id);
    assert_int_equal(sl_event_kind(f.event), 3);
    close_fixture(&f);
}

static void what_is_no_line_is_refused_by_its_kind(void **state)
{
    (void)state;
    struct fixture f = open_fixture(no_inputs);
    refused(&f, read_bytes(&f, "", 0), BAD_NOT_TSV);
    refused(&f, read_bytes(&f, "hello", 5), BAD_NOT_TSV);
    refused(&f, read_bytes(&f, "a\tb\tc", 5), BAD_COLUMNS);
    assert_int_equal(f.bad.fields, 3);
    char tabs[400];
    memset(tabs, '\t', sizeof tabs);
    for (size_t count = 1; count < sizeof tabs; count++) {
        if (count == COLUMN_COUNT - 1)
            continue;
        refused(&f, read_bytes(&f, tabs, count), BAD_COLUMNS);
        assert_int_equal(f.bad.fields, (int)count + 1);
    }
    refused(&f, read_bytes(&f, "a\tb\xff", 4), BAD_ENCODING);
    refused(&f, read_bytes(&f, "a\tb\0c", 5), BAD_ENCODING);
    refused(&f, read_line(&f, LINE({COLUMN_PAGE_TITLE, "half \xc3"})), BAD_ENCODING);
    refused(&f, read_bytes(&f, "{\"id\":", 6), BAD_JSON);
    close_fixture(&f);
}

static void compressed_messages_say_what_to_do(void **state)
{
    (void)state;
    struct fixture f = open_fixture(no_inputs);
    refused(&f, read_bytes(&f, "\x28\xb5\x2f\xfd\x00", 5), BAD_NOT_TSV);
    assert_non_null(strstr(f.bad.message, "zstd"));
    assert_non_null(strstr(f.bad.message, "compression.enabled"));
    refused(&f, read_bytes(&f, "\x1f\x8b\x08", 3), BAD_NOT_TSV);
    assert_non_null(strstr(f.bad.message, "gzip"));
    close_fixture(&f);
}

static void a_line_may_begin_with_a_brace(void **state)
{
    (void)state;
    struct fixture f = open_fixture(no_inputs);
    must_read(&f, LINE({COLUMN_APP_ID, "{shop}"}));
    view_is(f.head.name, "page_view");
    close_fixture(&f);
}

static void the_time_is_never_later_than_the_collectors(void **state)
{
    (void)state;
    struct fixture f = open_fixture(no_inputs);
    must_read(&f, LINE({COLUMN_DERIVED_TSTAMP, "2031-01-01 00:00:00"}));
    assert_int_equal(f.head.time_ms, 1742986606043);
    must_read(&f, LINE({COLUMN_DERIVED_TSTAMP, ""}));
    assert_int_equal(f.head.time_ms, 1742986606043);
    must_read(&f, LINE({COLUMN_DERIVED_TSTAMP, "yesterday"}));
    assert_int_equal(f.head.time_ms, 1742986606043);
    must_read(&f, LINE({COLUMN_COLLECTOR_TSTAMP, "nonsense"}));
    assert_int_equal(f.head.time_ms, 1742986606033);
    refused(&f, read_line(&f, LINE({COLUMN_COLLECTOR_TSTAMP, ""}, {COLUMN_DERIVED_TSTAMP, "2025-02-30 00:00:00"})),
            BAD_TIME);
    assert_string_equal(f.bad.value, "2025-02-30 00:00:00");
    close_fixture(&f);
}

static void an_event_without_an_id_is_refused(void **state)
{
    (void)state;
    struct fixture f = open_fixture(no_inputs);
    refused(&f, read_line(&f, LINE({COLUMN_EVENT_ID, ""})), BAD_VALUE);
    assert_string_equal(f.bad.key, "event_id");
    close_fixture(&f);
}

static void names_are_those_of_the_features(void **state)
{
    (void)state;
    const struct {
        const char *event, *event_name, *vendor, *unstruct, *expected;
    } cases[] = {
        {"page_ping", "page_ping", "com.snowplowanalytics.snowplow", "", "page_ping"},
        {"unstruct", "site_search", "com.snowplowanalytics.snowplow", "not looked at", "site_search"},
        {"unstruct", "snowplow_ecommerce_action", "", UNSTRUCT(ACTION_SCHEMA, "{\"type\":\"product_view\"}"),
         "product_view"},
        {"unstruct", "snowplow_ecommerce_action", "com.snowplowanalytics.snowplow.ecommerce",
         UNSTRUCT(ACTION_SCHEMA, "{\"name\":\"x\",\"type\":\"trns_\\u0065rror\"}"), "trns_error"},
        {"unstruct", "snowplow_ecommerce_action", "com.acme", "not looked at", "snowplow_ecommerce_action"},
        {"unstruct", "", "", UNSTRUCT("com.acme/wish/jsonschema/1-0-0", "{}"), "wish"},
        {"unstruct", "", "", UNSTRUCT(ACTION_SCHEMA, "{\"type\":\"refund\"}"), "refund"},
        {"unstruct", "", "", "", ""},
        {"unstruct", "snowplow_ecommerce_action", "", UNSTRUCT(ACTION_SCHEMA, "{\"type\":null}"),
         "snowplow_ecommerce_action"},
        {"unstruct", "snowplow_ecommerce_action", "", "", "snowplow_ecommerce_action"},
    };
    struct fixture f = open_fixture(no_inputs);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        must_read(&f, LINE({COLUMN_EVENT, cases[i].event}, {COLUMN_EVENT_NAME, cases[i].event_name},
                           {COLUMN_EVENT_VENDOR, cases[i].vendor}, {COLUMN_UNSTRUCT_EVENT, cases[i].unstruct}));
        view_is(f.head.name, cases[i].expected);
        assert_int_equal(f.head.event, strcmp(cases[i].expected, "product_view") == 0 ? 1 : -1);
    }
    close_fixture(&f);
}

static void an_action_that_can_not_be_opened_is_refused(void **state)
{
    (void)state;
    const struct {
        const char *unstruct;
        enum bad_reason reason;
    } cases[] = {
        {"{\"schema\":", BAD_JSON},
        {"[]", BAD_JSON},
        {"{\"schema\":\"iglu:a/b/jsonschema/1-0-0\"}", BAD_JSON},
        {"{\"data\":5}", BAD_JSON},
        {"{\"data\":{\"data\":{}}}", BAD_SCHEMA},
        {"{\"data\":{\"schema\":7,\"data\":{}}}", BAD_SCHEMA},
        {"{\"data\":{\"schema\":\"iglu:a/b/jsonschema/1-0\",\"data\":{}}}", BAD_SCHEMA},
        {"{\"data\":{\"schema\":\"iglu:a/b/jsonschema/1-0-0\"}}", BAD_JSON},
        {"{\"data\":{\"schema\":\"iglu:a/b/jsonschema/1-0-0\",\"data\":{\"type\":5}}}", BAD_VALUE},
    };
    struct fixture f = open_fixture(no_inputs);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(&f,
                read_line(&f, LINE({COLUMN_EVENT, "unstruct"}, {COLUMN_EVENT_NAME, "snowplow_ecommerce_action"},
                                   {COLUMN_UNSTRUCT_EVENT, cases[i].unstruct})),
                cases[i].reason);
    close_fixture(&f);
}

static void the_user_is_the_best_known_id(void **state)
{
    (void)state;
    struct fixture f = open_fixture(no_inputs);
    must_read(&f, LINE({COLUMN_USER_ID, "ann"}, {COLUMN_DOMAIN_USERID, "d"}, {COLUMN_NETWORK_USERID, "n"}));
    view_is(reader_user(f.reader), "ann");
    must_read(&f, LINE({COLUMN_DOMAIN_USERID, "d"}, {COLUMN_NETWORK_USERID, "n"}));
    view_is(reader_user(f.reader), "d");
    must_read(&f, LINE({COLUMN_NETWORK_USERID, "n"}));
    view_is(reader_user(f.reader), "n");
    must_read(&f, LINE({COLUMN_USER_ID, ""}));
    view_is(reader_user(f.reader), "");
    close_fixture(&f);
}

#define CLIENT_SESSION(data) CONTEXTS(ENTITY("com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2", data))

static void the_session_is_the_columns_else_the_entitys(void **state)
{
    (void)state;
    struct fixture f = open_fixture(no_inputs);
    must_read(&f, LINE({COLUMN_DOMAIN_SESSIONID, "column"}, {COLUMN_CONTEXTS, "broken, but not looked at"}));
    view_is(reader_session(f.reader), "column");
    good(&f);
    must_read(&f, LINE({COLUMN_CONTEXTS, CLIENT_SESSION("{\"sessionId\":\"entity\"}")}));
    view_is(reader_session(f.reader), "entity");
    must_read(&f, LINE({COLUMN_CONTEXTS, CLIENT_SESSION("{\"sessionId\":null}")}));
    view_is(reader_session(f.reader), "");
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS("")}));
    view_is(reader_session(f.reader), "");
    good(&f);
    must_read(&f, LINE({COLUMN_CONTEXTS, CLIENT_SESSION("{\"sessionId\":12}")}));
    view_is(reader_session(f.reader), "");
    spoilt(&f, BAD_VALUE, "client_session[0].sessionId");
    must_read(&f, LINE({COLUMN_CONTEXTS, "client_session is in iglu:com.snowplowanalytics.snowplow/client_session/"}));
    view_is(reader_session(f.reader), "");
    spoilt(&f, BAD_JSON, "contexts");
    close_fixture(&f);
}

static void nothing_of_a_spoilt_event_is_left_for_the_next(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"id", "product[0].id"}, {0}};
    struct fixture f = open_fixture(inputs);
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"id\":5}"))}));
    text_is(&f, 0, "");
    spoilt(&f, BAD_VALUE, "product[0].id");
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"id\":\"5\"}"))}));
    text_is(&f, 0, "5");
    good(&f);
    must_read(&f, LINE({COLUMN_CONTEXTS, ""}));
    text_is(&f, 0, "");
    good(&f);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_id_and_name),
        cmocka_unit_test(what_is_no_line_is_refused_by_its_kind),
        cmocka_unit_test(compressed_messages_say_what_to_do),
        cmocka_unit_test(a_line_may_begin_with_a_brace),
        cmocka_unit_test(the_time_is_never_later_than_the_collectors),
        cmocka_unit_test(an_event_without_an_id_is_refused),
        cmocka_unit_test(names_are_those_of_the_features),
        cmocka_unit_test(an_action_that_can_not_be_opened_is_refused),
        cmocka_unit_test(the_user_is_the_best_known_id),
        cmocka_unit_test(the_session_is_the_columns_else_the_entitys),
        cmocka_unit_test(nothing_of_a_spoilt_event_is_left_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
