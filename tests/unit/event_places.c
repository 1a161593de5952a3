/* Places in an event: what lanes get for their inputs, and which inputs are refused at load. */
#include "reader_fixture.h"

static void texts_numbers_amounts_and_flags_are_read(void **state)
{
    (void)state;
    enum { ID, NAME, PRICE, QUANTITY, GUEST, CITY, LEGACY, COOKIES, WIDTH, LATITUDE };
    static const sl_input inputs[] = {{"id", "product[0].id"},
                                      {"name", "product[0].name"},
                                      {"price", "product[0].price"},
                                      {"quantity", "product[0].quantity"},
                                      {"guest", "user[0].is_guest"},
                                      {"city", "geo_city"},
                                      {"legacy", "tr_total"},
                                      {"cookies", "br_cookies"},
                                      {"width", "br_viewwidth"},
                                      {"latitude", "geo_latitude"},
                                      {0}};
    struct fixture f = open_fixture(inputs);
    must_read(&f,
              LINE({COLUMN_GEO_CITY, "New York"}, {COLUMN_TR_TOTAL, "1E+3"}, {COLUMN_BR_COOKIES, "1"},
                   {COLUMN_BR_VIEWWIDTH, "2006"}, {COLUMN_GEO_LATITUDE, "-1.0E-4"},
                   {COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"id\":\"5\",\"name\":\"a longer name\",\"price\":42.99,"
                                                      "\"quantity\":2}") "," SHOP("user", "{\"is_guest\":true}"))}));
    text_is(&f, ID, "5");
    text_is(&f, NAME, "a longer name");
    assert_int_equal(sl_event_money(f.event, PRICE, -1), 42990000);
    assert_true(sl_event_number(f.event, PRICE, -1) == 42.99);
    assert_true(sl_event_number(f.event, QUANTITY, -1) == 2);
    assert_true(sl_event_flag(f.event, GUEST, false));
    text_is(&f, CITY, "New York");
    assert_int_equal(sl_event_money(f.event, LEGACY, -1), 1000000000);
    assert_true(sl_event_flag(f.event, COOKIES, false));
    assert_true(sl_event_number(f.event, WIDTH, -1) == 2006);
    assert_true(sl_event_number(f.event, LATITUDE, -1) == -1.0e-4);
    for (uint32_t input = ID; input <= LATITUDE; input++)
        assert_int_equal(sl_event_count(f.event, input), 1);
    good(&f);
    close_fixture(&f);
}

static void what_is_not_there_reads_as_missing(void **state)
{
    (void)state;
    enum { ID, PRICE, CITY, CART };
    static const sl_input inputs[] = {{"id", "product[0].id"},
                                      {"price", "product[0].price"},
                                      {"city", "geo_city"},
                                      {"cart", "cart[0].total_value"},
                                      {0}};
    struct fixture f = open_fixture(inputs);
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"id\":null,\"price\":null}"))}));
    for (uint32_t input = ID; input <= CART; input++) {
        text_is(&f, input, "");
        assert_int_equal(sl_event_count(f.event, input), 0);
        assert_int_equal(sl_event_money(f.event, input, 7), 7);
        assert_true(sl_event_number(f.event, input, 7) == 7);
        assert_true(sl_event_flag(f.event, input, true));
    }
    assert_int_equal(sl_event_count(f.event, 99), 0); /* an input that the lane has not */
    text_is(&f, 99, "");
    good(&f);
    close_fixture(&f);
}

static void a_number_or_boolean_is_its_text_where_one_is_asked_for(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"id", "product[0].id"}, {0}};
    const char *const texts[] = {"5", "5.0", "-1.50E+03", "12345678901234567890", "0", "true", "false"};
    struct fixture f = open_fixture(inputs);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char contexts[512];
        (void)snprintf(contexts, sizeof contexts, CONTEXTS(PRODUCT("{\"id\":  %s ,\"price\":1}")), texts[i]);
        must_read(&f, LINE({COLUMN_CONTEXTS, contexts}));
        text_is(&f, 0, texts[i]);
        good(&f);
    }
    close_fixture(&f);
}

static void a_text_that_is_an_object_or_a_list_spoils_the_event(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"id", "product[0].id"}, {0}};
    const char *wrong[] = {"{}", "[]", "{\"a\":\"5\"}", "[\"5\"]"};
    struct fixture f = open_fixture(inputs);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char contexts[512];
        (void)snprintf(contexts, sizeof contexts, CONTEXTS(PRODUCT("{\"id\":%s}")), wrong[i]);
        must_read(&f, LINE({COLUMN_CONTEXTS, contexts}));
        text_is(&f, 0, "");
        spoilt(&f, BAD_VALUE, "product[0].id");
        struct bad_row bad;
        (void)reader_failed(f.reader, &bad);
        assert_string_equal(bad.value, wrong[i]);
    }
    close_fixture(&f);
}

static void an_amount_of_another_type_is_missing(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"price", "product[0].price"}, {0}};
    const char *wrong[] = {"\"42.99\"", "true", "{}", "[1]", "-1", "100000000000", "null", "\"\""};
    struct fixture f = open_fixture(inputs);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char contexts[512];
        (void)snprintf(contexts, sizeof contexts, CONTEXTS(PRODUCT("{\"price\":%s}")), wrong[i]);
        must_read(&f, LINE({COLUMN_CONTEXTS, contexts}));
        int64_t micros;
        assert_false(sl_event_has_money(f.event, 0, &micros));
        good(&f);
        struct odd_amount odd;
        bool nothing = i >= sizeof wrong / sizeof *wrong - 2; /* null, and the empty text, are no amounts of another type */
        assert_int_equal(reader_odd_amount(f.reader, &odd), !nothing);
        if (nothing)
            continue;
        view_is(odd.value, wrong[i]);
        assert_string_equal(odd.path, "product[0].price");
        assert_int_equal(odd.first, i == 0); /* said once */
    }
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"price\":\"1\",\"price\":1}"))}));
    assert_int_equal(sl_event_money(f.event, 0, -1), 1000000);
    close_fixture(&f);
}

/* Of an event one is told; of all events, of all lanes and readers, one at each place for the first time. */
static void an_amount_that_is_none_is_told_once_a_place(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"price", "product[0].price"}, {"total", "tr_total"}, {"again", "product[0].price"}, {0}};
    struct fixture f = open_fixture(inputs);
    struct odd_amount odd;
    must_read(&f, LINE({COLUMN_TR_TOTAL, "many"}, {COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"price\":1}"))}));
    assert_false(reader_odd_amount(f.reader, &odd)); /* nobody asked */
    assert_int_equal(sl_event_money(f.event, 0, 7), 1000000);
    assert_false(reader_odd_amount(f.reader, &odd));
    assert_int_equal(sl_event_money(f.event, 1, 7), 7);
    assert_true(reader_odd_amount(f.reader, &odd));
    view_is(odd.value, "many");
    assert_true(odd.first);
    must_read(&f, LINE({COLUMN_TR_TOTAL, "more"}, {COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"price\":\"1\"}"))}));
    assert_int_equal(sl_event_money(f.event, 2, 7), 7);
    assert_int_equal(sl_event_money(f.event, 1, 7), 7);
    assert_true(reader_odd_amount(f.reader, &odd));
    view_is(odd.value, "\"1\"");
    assert_true(odd.first);
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"price\":\"2\"}"))}));
    assert_int_equal(sl_event_money(f.event, 0, 7), 7);
    assert_true(reader_odd_amount(f.reader, &odd));
    assert_false(odd.first);
    must_read(&f, LINE({COLUMN_TR_TOTAL, ""}));
    assert_int_equal(sl_event_money(f.event, 1, 7), 7);
    assert_false(reader_odd_amount(f.reader, &odd));
    close_fixture(&f);
}

static void a_text_that_is_kept_is_not_too_long(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"title", "page_title"}, {"id", "product[0].id"}, {0}};
    struct fixture f = {.plan = plan_new()};
    f.lane = plan_add_inputs(f.plan, inputs, NULL);
    plan_set_text_max(f.plan, 10);
    plan_seal(f.plan);
    f.reader = reader_new(f.plan);
    must_read(&f, LINE({COLUMN_PAGE_TITLE, "0123456789"}, {COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"id\":\"\\u00e9 23456789\"}"))}));
    text_is(&f, 0, "0123456789");
    good(&f);
    view_is(sl_event_view(f.event, 1), "\u00e9 23456789"); /* 11 bytes to look at */
    good(&f);
    assert_true(sl_text_empty(sl_event_text(f.event, 1)));
    spoilt(&f, BAD_SIZE, "product[0].id");
    struct bad_row bad;
    (void)reader_failed(f.reader, &bad);
    assert_string_equal(bad.message, "product[0].id has 11 bytes, and a text that is kept at most 10");
    assert_string_equal(bad.value, "\u00e9 23456789");
    must_read(&f, LINE({COLUMN_PAGE_TITLE, "01234567890"}));
    assert_true(sl_text_empty(sl_event_text(f.event, 0)));
    spoilt(&f, BAD_SIZE, "page_title");
    must_read(&f, LINE({COLUMN_PAGE_TITLE, "t"}));
    sl_text made = sl_event_keep_text(f.event, VIEW("0123456789"));
    view_is(reader_text(f.reader, &made), "0123456789");
    good(&f);
    assert_true(sl_text_empty(sl_event_keep_text(f.event, VIEW("01234567890"))));
    spoilt(&f, BAD_SIZE, "a text that a lane makes of it");
    close_fixture(&f);
}

static void entities_are_counted_and_kept_in_order(void **state)
{
    (void)state;
    enum { EVERY, SECOND, EVERY_PRICE, FIRST };
    static const sl_input inputs[] = {{"every", "product[*].id"},
                                      {"second", "product[1].id"},
                                      {"prices", "product[*].price"},
                                      {"first", "product[0].id"},
                                      {0}};
    struct fixture f = open_fixture(inputs);
    must_read(&f, LINE({COLUMN_CONTEXTS,
                        CONTEXTS(PRODUCT("{\"id\":\"a\",\"price\":1}") "," SHOP("cart", "{}") "," PRODUCT(
                            "{\"id\":\"a product's longer id\"}") "," PRODUCT("{\"price\":3,\"id\":\"c\"}"))}));
    assert_int_equal(sl_event_count(f.event, EVERY), 3);
    text_at_is(&f, EVERY, 0, "a");
    text_at_is(&f, EVERY, 1, "a product's longer id");
    text_at_is(&f, EVERY, 2, "c");
    text_at_is(&f, EVERY, 3, "");
    text_is(&f, SECOND, "a product's longer id");
    text_at_is(&f, SECOND, 1, "");
    text_is(&f, FIRST, "a");
    assert_int_equal(sl_event_money_at(f.event, EVERY_PRICE, 0, -1), 1000000);
    assert_int_equal(sl_event_money_at(f.event, EVERY_PRICE, 1, -1), -1);
    assert_int_equal(sl_event_money_at(f.event, EVERY_PRICE, 2, -1), 3000000);
    good(&f);
    close_fixture(&f);
}

static void derived_entities_replace_those_of_the_tracker(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"id", "product[*].id"}, {"cart", "cart[0].cart_id"}, {0}};
    struct fixture f = open_fixture(inputs);
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS(PRODUCT("{\"id\":\"t1\"}") "," PRODUCT("{\"id\":\"t2\"}") "," SHOP(
                                             "cart", "{\"cart_id\":\"c\"}"))},
                       {COLUMN_DERIVED_CONTEXTS, CONTEXTS(PRODUCT("{\"id\":\"derived\"}"))}));
    assert_int_equal(sl_event_count(f.event, 0), 1);
    text_is(&f, 0, "derived");
    text_is(&f, 1, "c");
    close_fixture(&f);
}

static void other_vendors_and_models_are_told_apart(void **state)
{
    (void)state;
    enum { OURS, SECOND_MODEL, ACME };
    static const sl_input inputs[] = {{"ours", "product[0].id"},
                                      {"second", "com.snowplowanalytics.snowplow.ecommerce/product/2[0].id"},
                                      {"acme", "com.acme-shop/product/1[0].id"},
                                      {0}};
    struct fixture f = open_fixture(inputs);
    must_read(&f,
              LINE({COLUMN_CONTEXTS,
                    CONTEXTS(ENTITY("com.acme-shop/product/jsonschema/1-2-3", "{\"id\":\"acme\"}") "," ENTITY(
                        "com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/2-0-0", "{\"id\":\"two\"}"))}));
    text_is(&f, OURS, "");
    text_is(&f, SECOND_MODEL, "two");
    text_is(&f, ACME, "acme");
    close_fixture(&f);
}

static void json_may_be_written_in_any_way(void **state)
{
    (void)state;
    enum { ID, NESTED };
    static const sl_input inputs[] = {{"id", "product[0].id"}, {"nested", "product[0].size.eu.half"}, {0}};
    struct fixture f = open_fixture(inputs);
    /* slashes escaped, data before schema, equal keys, spaces, an escaped key */
    must_read(&f,
              LINE({COLUMN_CONTEXTS,
                    " { \"data\" : [ { \"data\" : { \"id\" : 1 , \"\\u0069d\" : \"caf\\u00e9 \\\"x\\\"\" , \"size\":{"
                    "\"eu\":{\"half\":\"44\"}} } , \"schema\" : \"iglu:com.snowplowanalytics.snowplow.ecommerce\\/"
                    "product\\/jsonschema\\/1-0-0\" } ] } "}));
    text_is(&f, ID, "caf\xc3\xa9 \"x\"");
    text_is(&f, ID, "caf\xc3\xa9 \"x\"");
    text_is(&f, NESTED, "44");
    /* a schema's name hidden from the eye */
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS("{\"schema\":\"iglu:com.snowplowanalytics.snowplow.ecommerce/"
                                                  "pr\\u006fduct/jsonschema/1-0-0\",\"data\":{\"id\":\"7\"}}")}));
    text_is(&f, ID, "7");
    good(&f);
    close_fixture(&f);
}

static void data_need_not_be_an_object(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"id", "product[*].id"}, {0}};
    struct fixture f = open_fixture(inputs);
    must_read(&f, LINE({COLUMN_CONTEXTS, CONTEXTS(PRODUCT("[]") "," PRODUCT("\"x\"") "," PRODUCT("null"))}));
    assert_int_equal(sl_event_count(f.event, 0), 3);
    text_at_is(&f, 0, 1, "");
    good(&f);
    close_fixture(&f);
}

static void an_opened_column_is_checked_to_its_end(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"id", "product[0].id"}, {0}};
    const struct {
        const char *contexts;
        enum bad_reason reason;
    } cases[] = {
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}")) "}", BAD_JSON},
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}") ",{\"schema\":\"iglu:a/b/jsonschema/1-0-0\",\"data\":{\"x\":tru}}"),
         BAD_JSON},
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}") ",{\"schema\":\"iglu:a/b/jsonschema/1-0-0\"}"), BAD_JSON},
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}") ",5"), BAD_JSON},
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}") ",{\"data\":{}}"), BAD_SCHEMA},
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}") ",{\"schema\":\"iglu:a/b/1-0-0\",\"data\":{}}"), BAD_SCHEMA},
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}") ",{\"schema\":\"iglu:a/b/c/01-0-0\",\"data\":{}}"), BAD_SCHEMA},
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}") ",{\"schema\":\"iglu:a/b/c/0-0-0\",\"data\":{}}"), BAD_SCHEMA},
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}") ",{\"schema\":\"iglu:a/b.c/c/1-0-0\",\"data\":{}}"), BAD_SCHEMA},
        {CONTEXTS(PRODUCT("{\"id\":\"5\"}") ",{\"schema\":\"iglu:a/b/c/1-0-0 \",\"data\":{}}"), BAD_SCHEMA},
        {CONTEXTS("{\"schema\":\"\",\"data\":{}}," PRODUCT("{\"id\":\"5\"}")), BAD_SCHEMA},
        {"{\"data\":" PRODUCT("{\"id\":\"5\"}") "}", BAD_JSON},
        {"{\"date\":[" PRODUCT("{\"id\":\"5\"}") "]}", BAD_JSON},
        {"[" PRODUCT("{\"id\":\"5\"}") "]", BAD_JSON},
    };
    struct fixture f = open_fixture(inputs);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        must_read(&f, LINE({COLUMN_CONTEXTS, cases[i].contexts}));
        text_is(&f, 0, "");
        spoilt(&f, cases[i].reason, "contexts");
    }
    must_read(&f, LINE({COLUMN_DERIVED_CONTEXTS, CONTEXTS(PRODUCT("{\"id\":\"5\"}")) "x"}));
    text_is(&f, 0, "");
    spoilt(&f, BAD_JSON, "derived_contexts");
    close_fixture(&f);
}

static void the_events_own_fields_are_read(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"name", "event.name"}, {"deep", "event.a.b"}, {0}};
    struct fixture f = open_fixture(inputs);
    must_read(&f,
              LINE({COLUMN_EVENT, "unstruct"}, {COLUMN_EVENT_NAME, "snowplow_ecommerce_action"},
                   {COLUMN_UNSTRUCT_EVENT,
                    UNSTRUCT(ACTION_SCHEMA, "{\"type\":\"list_view\",\"name\":\"New series\",\"a\":{\"b\":\"c\"}}")}));
    text_is(&f, 0, "New series");
    text_is(&f, 1, "c");
    must_read(&f, LINE({COLUMN_EVENT, "page_view"}));
    text_is(&f, 0, "");
    assert_int_equal(sl_event_count(f.event, 0), 0);
    good(&f);
    close_fixture(&f);
}

#define YAUAA(data)     ENTITY("nl.basjes/yauaa_context/jsonschema/1-0-4", data)
#define UA_PARSER(data) ENTITY("com.snowplowanalytics.snowplow/ua_parser_context/jsonschema/1-0-0", data)

static void the_device_is_what_the_best_source_says(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"device", "@device_class"}, {0}};
    const struct {
        const char *derived, *contexts, *type, *agent, *expected;
    } cases[] = {
        {CONTEXTS(YAUAA("{\"deviceClass\":\"Robot Mobile\"}") "," UA_PARSER("{\"deviceFamily\":\"iPad\"}")), "",
         "Computer", "curl", "Robot Mobile"},
        {CONTEXTS(UA_PARSER("{\"deviceFamily\":\"iPad\",\"osFamily\":\"iOS\",\"useragentFamily\":\"Mobile Safari\"}")),
         "", "Computer", "curl", "Tablet"},
        {CONTEXTS(YAUAA("{\"deviceClass\":null}")), "", "Mobile", "curl", "Mobile"},
        {CONTEXTS(UA_PARSER("{\"deviceFamily\":\"Other\",\"osFamily\":\"Other\"}")), "", "Computer", "curl", "Computer"},
        {CONTEXTS(""), CONTEXTS(YAUAA("{\"deviceClass\":\"TV\"}")), "Mobile", "curl", "TV"},
        {CONTEXTS(YAUAA("{\"deviceClass\":\"Watch\"}")), CONTEXTS(YAUAA("{\"deviceClass\":\"TV\"}")), "", "", "Watch"},
        {"", "", "Game console", "curl", "Game console"},
        {"", "", "", "curl/8.0", "Robot"},
        {"", "", "", "", "Unknown"},
    };
    struct fixture f = open_fixture(inputs);
    for (int again = 0; again < 2; again++) { /* found, then remembered */
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            must_read(&f, LINE({COLUMN_DERIVED_CONTEXTS, cases[i].derived}, {COLUMN_CONTEXTS, cases[i].contexts},
                               {COLUMN_DVCE_TYPE, cases[i].type}, {COLUMN_USERAGENT, cases[i].agent}));
            text_is(&f, 0, cases[i].expected);
            good(&f);
        }
    }
    for (int again = 0; again < 2; again++) {
        must_read(&f, LINE({COLUMN_DERIVED_CONTEXTS, CONTEXTS(YAUAA("{\"deviceClass\":[]}"))}));
        (void)sl_event_view(f.event, 0);
        spoilt(&f, BAD_VALUE, "yauaa_context[0].deviceClass");
    }
    close_fixture(&f);
}

static void the_location_is_country_and_region(void **state)
{
    (void)state;
    static const sl_input inputs[] = {{"location", "@location"}, {"user", "@user"}, {"session", "@session"}, {0}};
    struct fixture f = open_fixture(inputs);
    must_read(&f, LINE({COLUMN_GEO_COUNTRY, "NL"}, {COLUMN_GEO_REGION, "NH"}, {COLUMN_DOMAIN_USERID, "u"},
                       {COLUMN_DOMAIN_SESSIONID, "s"}));
    for (int i = 0; i < 100; i++)
        text_is(&f, 0, "NL-NH");
    text_is(&f, 1, "u");
    text_is(&f, 2, "s");
    must_read(&f, LINE({COLUMN_GEO_COUNTRY, "NL"}));
    text_is(&f, 0, "NL");
    must_read(&f, LINE({COLUMN_GEO_REGION, "NH"}));
    text_is(&f, 0, "");
    close_fixture(&f);
}

static void an_input_that_is_no_place_is_refused_with_what_would_be_right(void **state)
{
    (void)state;
    const struct {
        const char *path, *advice;
    } cases[] = {
        {"page_ulr", "page_url"},
        {"@device", "@device_class"},
        {"contexts", "product[0].price"},
        {"product.price", "product[0].price"},
        {"product", "product[0].field"},
        {"produkt[0].price", "product"},
        {"product[0]", "product[0].field"},
        {"product[0].", "product[0].field"},
        {"product[0].a..b", "product[0].field"},
        {"product[x].price", "[0]"},
        {"product[-1].price", "[0]"},
        {"product[].price", "[0]"},
        {"product[0", "product[0].field"},
        {"com.acme/wish[0].a", "com.acme/wishlist/1[0].field"},
        {"com.acme/wish/x[0].a", "com.acme/wishlist/1[0].field"},
        {"com.acme/wish/1/2[0].a", "com.acme/wishlist/1[0].field"},
        {"event.", "event.field"},
        {"", "event.name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const sl_input inputs[] = {{"good", "page_url"}, {"mine", cases[i].path}, {0}};
        struct plan *plan = plan_new();
        struct error error = {0};
        assert_int_equal(plan_add_inputs(plan, inputs, &error), -1);
        assert_non_null(strstr(error.what, "\"mine\""));
        assert_non_null(strstr(error.what, cases[i].path));
        if (strstr(error.advice, cases[i].advice) == NULL)
            fail_msg("%s: %s", cases[i].path, error.advice);
        plan_free(plan);
    }
}

static void kept_is(const struct fixture *f, const char *bytes, size_t size, const char *expected, size_t expected_size)
{
    char *short_lived = malloc(size + 1); /* whoever makes a text may have it on the stack */
    memcpy(short_lived, bytes, size);
    sl_text text = sl_event_keep_text(f->event, (sl_view){short_lived, size});
    free(short_lived);
    sl_view kept = reader_text(f->reader, &text);
    assert_int_equal(kept.size, expected_size);
    assert_memory_equal(kept.data, expected, expected_size);
}

static void a_text_of_the_lanes_making_is_kept(void **state)
{
    (void)state;
    enum { CITY };
    static const sl_input inputs[] = {{"city", "geo_city"}, {0}};
    struct fixture f = open_fixture(inputs);
    for (int message = 0; message < 2; message++) {
        must_read(&f, LINE({COLUMN_GEO_CITY, "New York City"}));
        kept_is(&f, "", 0, "", 0);
        kept_is(&f, "short", 5, "short", 5);
        sl_text first = sl_event_keep_text(f.event, (sl_view){"a longer text", 13}), city = sl_event_text(f.event, CITY);
        for (int i = 0; i < 200; i++)
            kept_is(&f, "one more of these", 16, "one more of these", 16);
        view_is(reader_text(f.reader, &first), "a longer text");
        view_is(reader_text(f.reader, &city), "New York City");
        kept_is(&f, "caf\xc3\xa9 \xc3 and more", 16, "caf\u00e9 \ufffd and more", 18);
        good(&f);
    }
    /* Too long, and across the limit. */
    char *long_text = malloc(SL_TEXT_MADE_MAX + 8);
    memset(long_text, 'x', SL_TEXT_MADE_MAX + 8);
    memcpy(long_text + SL_TEXT_MADE_MAX - 2, "\u20ac", 3);
    kept_is(&f, long_text, SL_TEXT_MADE_MAX + 8, long_text, SL_TEXT_MADE_MAX - 2);
    kept_is(&f, long_text, SL_TEXT_MADE_MAX - 2, long_text, SL_TEXT_MADE_MAX - 2);
    good(&f);
    /* Beyond a megabyte of them the event is no good, for a reason of its own; the next is. */
    for (int i = 0; i < 17; i++)
        (void)sl_event_keep_text(f.event, (sl_view){long_text, SL_TEXT_MADE_MAX - 2});
    spoilt(&f, BAD_SIZE, "");
    must_read(&f, LINE({COLUMN_GEO_CITY, "New York City"}));
    kept_is(&f, "a longer text", 13, "a longer text", 13);
    good(&f);
    free(long_text);
    close_fixture(&f);
}

static void equal_names_have_one_number(void **state)
{
    (void)state;
    struct plan *plan = plan_new();
    assert_int_equal(plan_add_event(plan, "page_view"), 0);
    assert_int_equal(plan_add_event(plan, "list_view"), 1);
    assert_int_equal(plan_add_event(plan, "page_view"), 0);
    assert_int_equal(plan_add_inputs(plan, NULL, NULL), 0);
    plan_free(plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_numbers_amounts_and_flags_are_read),
        cmocka_unit_test(what_is_not_there_reads_as_missing),
        cmocka_unit_test(a_number_or_boolean_is_its_text_where_one_is_asked_for),
        cmocka_unit_test(a_text_that_is_an_object_or_a_list_spoils_the_event),
        cmocka_unit_test(an_amount_of_another_type_is_missing),
        cmocka_unit_test(an_amount_that_is_none_is_told_once_a_place),
        cmocka_unit_test(a_text_that_is_kept_is_not_too_long),
        cmocka_unit_test(entities_are_counted_and_kept_in_order),
        cmocka_unit_test(derived_entities_replace_those_of_the_tracker),
        cmocka_unit_test(other_vendors_and_models_are_told_apart),
        cmocka_unit_test(json_may_be_written_in_any_way),
        cmocka_unit_test(data_need_not_be_an_object),
        cmocka_unit_test(an_opened_column_is_checked_to_its_end),
        cmocka_unit_test(the_events_own_fields_are_read),
        cmocka_unit_test(the_device_is_what_the_best_source_says),
        cmocka_unit_test(the_location_is_country_and_region),
        cmocka_unit_test(an_input_that_is_no_place_is_refused_with_what_would_be_right),
        cmocka_unit_test(a_text_of_the_lanes_making_is_kept),
        cmocka_unit_test(equal_names_have_one_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
