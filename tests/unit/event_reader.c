/* Messages as a whole: formats, what is refused and why, time, id, name, user and session. */
#include "reader_fixture.h"

#include <xxhash.h>

static const sl_input no_inputs[] = {{0}};

#define SNOWPLOW "com.snowplowanalytics.snowplow"
#define ECOMMERCE SNOWPLOW ".ecommerce"

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
        {"page_ping", "page_ping", SNOWPLOW, "", "page_ping"},
        {"struct", "event", "com.google.analytics", "", "struct"},
        {"transaction", "transaction", SNOWPLOW, "", "legacy_transaction"},
        {"transaction_item", "transaction_item", SNOWPLOW, "", "legacy_transaction_item"},
        {"ad_impression", "", "", "", "legacy_ad_impression"},
        {"product_view", "", "", "", "legacy_product_view"}, /* nothing but the action has its name */
        {"", "product_view", ECOMMERCE, "", ""},
        {"unstruct", "site_search", SNOWPLOW, "not looked at", "site_search"},
        {"unstruct", "play_event", SNOWPLOW ".media", "not looked at", "play_event"},
        {"unstruct", "add_to_cart", SNOWPLOW, "not looked at", "legacy_add_to_cart"},
        {"unstruct", "remove_from_cart", SNOWPLOW, "not looked at", "legacy_remove_from_cart"},
        {"unstruct", "product_view", SNOWPLOW, "not looked at", "legacy_product_view"},
        {"unstruct", "product_view", ECOMMERCE, "not looked at", "legacy_product_view"},
        {"unstruct", "snowplow_ecommerce_action", ECOMMERCE,
         UNSTRUCT(ACTION_SCHEMA, "{\"name\":\"x\",\"type\":\"trns_\\u0065rror\"}"), "trns_error"},
        {"unstruct", "snowplow_ecommerce_action", "", UNSTRUCT(ACTION_SCHEMA, "{\"type\":\"product_view\"}"), "product_view"},
        {"unstruct", "", ECOMMERCE, UNSTRUCT(ACTION_SCHEMA, "{\"type\":\"product_view\"}"), "product_view"},
        {"unstruct", "", "", UNSTRUCT(ACTION_SCHEMA, "{\"type\":\"refund\"}"), "refund"},
        {"unstruct", "snowplow_ecommerce_action", ECOMMERCE, UNSTRUCT(ACTION_SCHEMA, "{\"type\":null}"),
         "snowplow_ecommerce_action"},
        {"unstruct", "snowplow_ecommerce_action", ECOMMERCE, UNSTRUCT(ACTION_SCHEMA, "{\"type\":\"com.acme/wish\"}"),
         "snowplow_ecommerce_action"},
        {"unstruct", "snowplow_ecommerce_action", ECOMMERCE, "", "snowplow_ecommerce_action"},
        {"unstruct", "snowplow_ecommerce_action", SNOWPLOW, "not looked at", "snowplow_ecommerce_action"},
        {"unstruct", "snowplow_ecommerce_action", "com.acme", "not looked at", "com.acme/snowplow_ecommerce_action"},
        {"unstruct", "product_view", "io.other", "not looked at", "io.other/product_view"},
        {"unstruct", "product_view", "com.snowplowanalyticsx", "not looked at", "com.snowplowanalyticsx/product_view"},
        {"unstruct", "io.other/product_view", SNOWPLOW, "not looked at", ""}, /* no schema has such a name */
        {"unstruct", "page_view", "io.other", "not looked at", "io.other/page_view"},
        {"unstruct", "", "", UNSTRUCT("com.acme/wish/jsonschema/1-0-0", "{}"), "com.acme/wish"},
        {"unstruct", "wish", "", UNSTRUCT("com.acme\\/wish/jsonschema/1-0-0", "{}"), "com.acme/wish"},
        {"unstruct", "wish", "", "", ""}, /* whose? */
        {"unstruct", "", "", "", ""},
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

static void the_accelerators_names_are_those_of_a_line(void **state)
{
    (void)state;
    const struct {
        const char *type, *vendor, *expected;
    } cases[] = {
        {"page_view", SNOWPLOW, "page_view"},
        {"struct", "com.google.analytics", "struct"},
        {"unstruct", "com.acme", "unstruct"}, /* this format does not say more of it */
        {"transaction", ECOMMERCE, "transaction"},
        {"transaction", "", "transaction"},
        {"transaction", SNOWPLOW, "legacy_transaction"},
        {"transaction_item", SNOWPLOW, "legacy_transaction_item"},
        {"transaction", "io.other", "io.other/transaction"},
        {"new_action", ECOMMERCE, "new_action"},
        {"new_action", "", "new_action"},
        {"io.other/transaction", "", ""},
        {"", ECOMMERCE, ""},
    };
    struct fixture f = open_fixture(no_inputs);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char message[400];
        int size = snprintf(message, sizeof message,
                            "{\"id\":\"e1\",\"type\":\"%s\",\"timestamp\":\"2025-03-26T10:56:46.033Z\",\"metadata\":{"
                            "\"event_vendor\":\"%s\"}}", cases[i].type, cases[i].vendor);
        assert_true(read_bytes(&f, message, (size_t)size));
        view_is(f.head.name, cases[i].expected);
    }
    close_fixture(&f);
}

/* A lane that lists any vendor gets the event under its own number, unless another lane names the vendor. */
static void a_name_may_be_wanted_of_any_vendor(void **state)
{
    (void)state;
    struct fixture f = {.plan = plan_new()};
    const char *const names[] = {"*/wish", "com.acme/wish", "*/page_view", "wish", "*/refund"};
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(plan_add_event(f.plan, names[i]), i);
        assert_string_equal(plan_event_name(f.plan, i), names[i]);
    }
    f.lane = plan_add_inputs(f.plan, no_inputs, NULL);
    plan_seal(f.plan);
    f.reader = reader_new(f.plan);
    const struct {
        const char *event, *event_name, *vendor;
        int32_t number;
    } cases[] = {{"unstruct", "wish", "com.acme", 1},
                 {"unstruct", "wish", "io.other", 0},
                 {"unstruct", "wish", SNOWPLOW, 3},
                 {"unstruct", "wishes", "com.acme", -1},
                 {"page_view", "page_view", SNOWPLOW, 2},
                 {"unstruct", "page_view", "io.other", 2},
                 {"unstruct", "refund", SNOWPLOW, -1}}; /* legacy_refund */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        must_read(&f, LINE({COLUMN_EVENT, cases[i].event}, {COLUMN_EVENT_NAME, cases[i].event_name},
                           {COLUMN_EVENT_VENDOR, cases[i].vendor}));
        assert_int_equal(f.head.event, cases[i].number);
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
        {"{\"data\":{\"schema\":\"iglu:a/b/jsonschema/1-0-0\",\"data\":{\"type\":[5]}}}", BAD_VALUE},
    };
    struct fixture f = open_fixture(no_inputs);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(&f,
                read_line(&f, LINE({COLUMN_EVENT, "unstruct"}, {COLUMN_EVENT_NAME, "snowplow_ecommerce_action"}, {COLUMN_EVENT_VENDOR, ECOMMERCE},
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

static void open_without(struct fixture *f, const char *const *nobody, size_t count)
{
    *f = (struct fixture){.plan = plan_new()};
    plan_set_nobody(f->plan, nobody, count);
    f->lane = plan_add_inputs(f->plan, no_inputs, NULL);
    plan_seal(f->plan);
    f->reader = reader_new(f->plan);
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
    view_is(reader_session(f.reader), "12");
    good(&f);
    must_read(&f, LINE({COLUMN_CONTEXTS, CLIENT_SESSION("{\"sessionId\":[12]}")}));
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
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"id\":[5]}"))}));
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

static void an_id_that_stands_for_no_one_is_no_id(void **state)
{
    (void)state;
    static const char zeros[] = "00000000-0000-0000-0000-000000000000",
                      longer[] = "the-one-id-that-our-own-shop-sends-for-everybody-whom-it-does-not-know";
    static const char *const nobody[] = {"Null", "-", zeros, longer};
    struct fixture f;
    open_without(&f, nobody, 4);
    must_read(&f, LINE({COLUMN_USER_ID, "null"}, {COLUMN_DOMAIN_USERID, "d"}, {COLUMN_NETWORK_USERID, zeros}));
    view_is(reader_user(f.reader), "d");
    must_read(&f, LINE({COLUMN_USER_ID, "NULL"}, {COLUMN_DOMAIN_USERID, "-"}, {COLUMN_NETWORK_USERID, "n"}));
    view_is(reader_user(f.reader), "n");
    must_read(&f, LINE({COLUMN_USER_ID, "nUlL"}, {COLUMN_DOMAIN_USERID, longer}, {COLUMN_NETWORK_USERID, zeros}));
    view_is(reader_user(f.reader), "");
    view_is(reader_user(f.reader), "");
    must_read(&f, LINE({COLUMN_USER_ID, "nulls"}));
    view_is(reader_user(f.reader), "nulls");
    must_read(&f, LINE({COLUMN_USER_ID, "00000000-0000-0000-0000-000000000001"}));
    view_is(reader_user(f.reader), "00000000-0000-0000-0000-000000000001");
    must_read(&f, LINE({COLUMN_DOMAIN_SESSIONID, "null"}, {COLUMN_CONTEXTS, CLIENT_SESSION("{\"sessionId\":\"entity\"}")}));
    view_is(reader_session(f.reader), "entity");
    must_read(&f, LINE({COLUMN_DOMAIN_SESSIONID, zeros}, {COLUMN_CONTEXTS, CLIENT_SESSION("{\"sessionId\":\"Null\"}")}));
    view_is(reader_session(f.reader), "");
    close_fixture(&f);
    open_without(&f, NULL, 0);
    must_read(&f, LINE({COLUMN_USER_ID, "null"}));
    view_is(reader_user(f.reader), "null");
    close_fixture(&f);
}

/* Each of a shopper's features carries the id. */
static void an_id_has_512_bytes_at_most(void **state)
{
    (void)state;
    char id[KEY_MAX + 2], contexts[1000];
    struct fixture f = open_fixture(no_inputs);
    for (int size = KEY_MAX; size <= KEY_MAX + 1; size++) {
        memset(id, 'x', (size_t)size);
        id[size] = '\0';
        (void)snprintf(contexts, sizeof contexts, CLIENT_SESSION("{\"sessionId\":\"%s\"}"), id);
        const char *const keys[] = {"user_id", "network_userid", "domain_sessionid", "client_session[0].sessionId"};
        for (int i = 0; i < 4; i++) {
            must_read(&f, i == 0   ? LINE({COLUMN_USER_ID, id}, {COLUMN_DOMAIN_USERID, "d"})
                          : i == 1 ? LINE({COLUMN_NETWORK_USERID, id})
                          : i == 2 ? LINE({COLUMN_DOMAIN_SESSIONID, id})
                                   : LINE({COLUMN_CONTEXTS, contexts}));
            good(&f); /* nobody asked */
            view_is(i < 2 ? reader_user(f.reader) : reader_session(f.reader), id);
            if (size == KEY_MAX)
                good(&f);
            else
                spoilt(&f, BAD_SIZE, keys[i]);
        }
    }
    struct bad_row bad;
    (void)reader_failed(f.reader, &bad);
    assert_string_equal(bad.message, "client_session[0].sessionId has 513 bytes, and an id at most 512");
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
        cmocka_unit_test(the_accelerators_names_are_those_of_a_line),
        cmocka_unit_test(a_name_may_be_wanted_of_any_vendor),
        cmocka_unit_test(an_action_that_can_not_be_opened_is_refused),
        cmocka_unit_test(the_user_is_the_best_known_id),
        cmocka_unit_test(the_session_is_the_columns_else_the_entitys),
        cmocka_unit_test(an_id_that_stands_for_no_one_is_no_id),
        cmocka_unit_test(an_id_has_512_bytes_at_most),
        cmocka_unit_test(nothing_of_a_spoilt_event_is_left_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
