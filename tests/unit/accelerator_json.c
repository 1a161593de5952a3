/* The accelerator's JSON, read as if it were a line. */
#include "reader_fixture.h"

enum { URL, TITLE, REFERRER, PLATFORM, CAMPAIGN, DEVICE, ID, PRICE, EVERY_ID, TOTAL, STEP, LIST, COUNTRY, CITY, WIDTH };
static const sl_input inputs[] = {{"url", "page_url"},
                                  {"title", "page_title"},
                                  {"referrer", "page_referrer"},
                                  {"platform", "platform"},
                                  {"campaign", "mkt_campaign"},
                                  {"device", "@device_class"},
                                  {"id", "product[0].id"},
                                  {"price", "product[0].price"},
                                  {"every", "product[*].id"},
                                  {"total", "cart[0].total_value"},
                                  {"step", "checkout_step[0].step"},
                                  {"list", "event.name"},
                                  {"country", "@location"},
                                  {"city", "geo_city"},
                                  {"width", "dvce_screenwidth"},
                                  {0}};

static bool read(struct fixture *fixture, const char *message) { return read_bytes(fixture, message, strlen(message)); }

static void must_take(struct fixture *fixture, const char *message)
{
    if (!read(fixture, message))
        fail_msg("%s: %s", bad_reason_word(fixture->bad.reason), fixture->bad.message);
}

static void refused(struct fixture *fixture, const char *message, enum bad_reason reason)
{
    assert_false(read(fixture, message));
    assert_string_equal(bad_reason_word(fixture->bad.reason), bad_reason_word(reason));
}

#define EVENT(type, payload, enrich, rest)                                                                       \
    "{\"id\":\"e1\",\"type\":\"" type "\",\"timestamp\":\"2025-03-26T10:56:46.033Z\",\"payload\":{" payload "}," \
    "\"enrich\":{" enrich "},\"metadata\":{\"collector_tstamp\":\"2025-03-26T10:56:46.043Z\"}" rest "}"

static void a_page_view_has_its_columns(void **state)
{
    (void)state;
    struct fixture f = open_fixture(inputs);
    must_take(&f,
              EVENT("page_view", "\"page_url\":\"http:\\/\\/shop\\/?a=b\",\"page_title\":\"Shop\",\"referrer\":\"r\"",
                    "\"client\":{\"useragent\":\"curl/8\",\"device\":{\"screen_width\":3440}},\"marketing\":{"
                    "\"mkt_campaign\":\"winter\"},\"platform\":\"web\"",
                    ""));
    assert_int_equal(f.head.time_ms, 1742986606033);
    view_is(f.head.event_id, "e1");
    view_is(f.head.name, "page_view");
    assert_int_equal(f.head.event, 0);
    text_is(&f, URL, "http://shop/?a=b");
    text_is(&f, TITLE, "Shop");
    text_is(&f, REFERRER, "r");
    text_is(&f, PLATFORM, "web");
    text_is(&f, CAMPAIGN, "winter");
    text_is(&f, DEVICE, "Robot");
    text_is(&f, DEVICE, "Robot");
    assert_true(sl_event_number(f.event, WIDTH, 0) == 3440);
    text_is(&f, COUNTRY, "");
    text_is(&f, CITY, "");
    assert_int_equal(sl_event_count(f.event, EVERY_ID), 0);
    good(&f);
    close_fixture(&f);
}

static void other_events_have_the_page_in_enrich(void **state)
{
    (void)state;
    struct fixture f = open_fixture(inputs);
    must_take(&f, EVENT("product_view", "",
                        "\"client\":{\"page\":{\"page_url\":\"u\",\"page_referrer\":\"r\"}},"
                        "\"marketing\":null",
                        ""));
    text_is(&f, URL, "u");
    text_is(&f, REFERRER, "r");
    text_is(&f, CAMPAIGN, "");
    text_is(&f, DEVICE, "Unknown");
    close_fixture(&f);
}

static void entities_are_in_the_payload(void **state)
{
    (void)state;
    struct fixture f = open_fixture(inputs);
    must_take(&f,
              EVENT("add_to_cart", "\"product\":{\"id\":\"5\",\"price\":42.99},\"cart\":{\"total_value\":0}", "", ""));
    text_is(&f, ID, "5");
    assert_int_equal(sl_event_money(f.event, PRICE, -1), 42990000);
    assert_int_equal(sl_event_count(f.event, EVERY_ID), 1);
    assert_int_equal(sl_event_money(f.event, TOTAL, -1), 0);
    must_take(&f, EVENT("checkout_step", "\"checkout_step\":{\"step\":2},\"cart\":{}", "", ""));
    assert_true(sl_event_number(f.event, STEP, 0) == 2);
    assert_int_equal(sl_event_count(f.event, TOTAL), 0);
    must_take(&f, EVENT("list_view", "\"product\":{},\"list_name\":\"New series\"", "", ""));
    text_is(&f, LIST, "New series");
    assert_int_equal(sl_event_count(f.event, EVERY_ID), 0);
    must_take(&f, EVENT("list_view", "\"products\":[{\"id\":\"a\"},{\"id\":\"b\"}],\"list_name\":null", "", ""));
    text_is(&f, LIST, "");
    text_is(&f, ID, "a");
    assert_int_equal(sl_event_count(f.event, EVERY_ID), 2);
    text_at_is(&f, EVERY_ID, 1, "b");
    must_take(&f, EVENT("transaction", "", "", ""));
    text_is(&f, ID, "");
    good(&f);
    close_fixture(&f);
}

static void user_and_session_are_found(void **state)
{
    (void)state;
    struct fixture f = open_fixture(inputs);
    must_take(&f, EVENT("page_view", "", "\"user\":{\"user_id\":\"ann\",\"domain_userid\":\"d\"}",
                        ",\"session\":{\"sessionId\":\"entity\",\"userId\":\"d\"}"));
    view_is(reader_user(f.reader), "ann");
    view_is(reader_session(f.reader), "entity");
    must_take(&f, EVENT("page_view", "", "\"user\":{\"domain_userid\":\"d\",\"network_userid\":\"n\"}",
                        ",\"session\":{\"domain_sessionid\":\"column\",\"domain_sessionidx\":3}"));
    view_is(reader_user(f.reader), "d");
    view_is(reader_session(f.reader), "column");
    must_take(&f, EVENT("page_view", "", "\"user\":{\"network_userid\":\"n\"}", ""));
    view_is(reader_user(f.reader), "n");
    view_is(reader_session(f.reader), "");
    good(&f);
    close_fixture(&f);
}

static void what_can_not_be_an_event_is_refused(void **state)
{
    (void)state;
    struct fixture f = open_fixture(inputs);
    refused(&f, "{", BAD_JSON);
    refused(&f, "{}", BAD_VALUE);
    refused(&f, "{\"id\":null,\"timestamp\":\"2025-03-26T10:56:46Z\"}", BAD_VALUE);
    refused(&f, "{\"id\":[5],\"timestamp\":\"2025-03-26T10:56:46Z\"}", BAD_VALUE);
    assert_string_equal(f.bad.key, "id");
    refused(&f, "{\"id\":\"e\"}", BAD_TIME);
    refused(&f, "{\"id\":\"e\",\"timestamp\":\"soon\"}", BAD_TIME);
    refused(&f, "{\"id\":\"e\",\"timestamp\":\"2025-03-26T10:56:46Z\",\"type\":{}}", BAD_VALUE);
    refused(&f, EVENT("page_view", "", "", "}"), BAD_JSON);
    close_fixture(&f);
}

static void the_time_falls_back_to_the_collectors(void **state)
{
    (void)state;
    struct fixture f = open_fixture(inputs);
    must_take(&f,
              "{\"id\":\"e\",\"type\":\"x\",\"metadata\":{\"collector_tstamp\":\"2025-03-26T10:56:46.043999999Z\"}}");
    assert_int_equal(f.head.time_ms, 1742986606043);
    must_take(&f,
              "{\"id\":\"e\",\"type\":\"x\",\"timestamp\":\"2030-01-01T00:00:00Z\",\"metadata\":{\"collector_tstamp\":"
              "\"2025-03-26T10:56:46.043Z\"}}");
    assert_int_equal(f.head.time_ms, 1742986606043);
    close_fixture(&f);
}

static void a_text_of_another_type_spoils_the_event(void **state)
{
    (void)state;
    struct fixture f = open_fixture(inputs);
    must_take(&f, EVENT("product_view", "\"product\":{\"id\":5}", "\"user\":{\"user_id\":1}", ""));
    text_is(&f, ID, "5");
    view_is(reader_user(f.reader), "1");
    good(&f);
    must_take(&f, EVENT("product_view", "\"product\":{\"id\":[5]}", "\"platform\":{},\"user\":{\"user_id\":[1]}", ""));
    text_is(&f, ID, "");
    spoilt(&f, BAD_VALUE, "product[0].id");
    must_take(&f, EVENT("product_view", "", "\"platform\":{},\"user\":{\"user_id\":{}}", ""));
    view_is(reader_user(f.reader), "");
    spoilt(&f, BAD_VALUE, "enrich.user.user_id");
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_view_has_its_columns),
        cmocka_unit_test(other_events_have_the_page_in_enrich),
        cmocka_unit_test(entities_are_in_the_payload),
        cmocka_unit_test(user_and_session_are_found),
        cmocka_unit_test(what_can_not_be_an_event_is_refused),
        cmocka_unit_test(the_time_falls_back_to_the_collectors),
        cmocka_unit_test(a_text_of_another_type_spoils_the_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
