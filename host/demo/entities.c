/* entities.c - see entities.h. Every entity keeps to its Iglu schema: required fields are there, limits hold, nothing
 * unknown is sent. */
#include "demo/entities.h"

#define ECOMMERCE "com.snowplowanalytics.snowplow.ecommerce"
#define SNOWPLOW "com.snowplowanalytics.snowplow"
#define ENTITY(name, version) "{\"schema\":\"iglu:" name "/jsonschema/" version "\",\"data\":"

const struct event_class event_classes[EVENT_KINDS] = {
    [EVENT_PAGE_VIEW] = {"page_view", SNOWPLOW, "page_view", "1-0-0", NULL, NULL},
    [EVENT_PAGE_PING] = {"page_ping", SNOWPLOW, "page_ping", "1-0-0", NULL, NULL},
    [EVENT_SCREEN_VIEW] = {"unstruct", SNOWPLOW ".mobile", "screen_view", "1-0-0", NULL, NULL},
    [EVENT_LINK_CLICK] = {"unstruct", SNOWPLOW, "link_click", "1-0-1", NULL, NULL},
    [EVENT_SITE_SEARCH] = {"unstruct", SNOWPLOW, "site_search", "1-0-0", NULL, "Search"},
#define ACTION(type, specification) {"unstruct", ECOMMERCE, "snowplow_ecommerce_action", "1-0-2", type, specification}
    [EVENT_PRODUCT_VIEW] = ACTION("product_view", "Track product view"),
    [EVENT_LIST_VIEW] = ACTION("list_view", "Product list view"),
    [EVENT_LIST_CLICK] = ACTION("list_click", "Product list click"),
    [EVENT_ADD_TO_CART] = ACTION("add_to_cart", "Add to cart"),
    [EVENT_REMOVE_FROM_CART] = ACTION("remove_from_cart", "Remove from cart"),
    [EVENT_CHECKOUT_STEP] = ACTION("checkout_step", "Checkout step"),
    [EVENT_TRANSACTION] = ACTION("transaction", "Transaction"),
    [EVENT_REFUND] = ACTION("refund", "Refund"),
    [EVENT_PROMO_VIEW] = ACTION("promo_view", "Internal promotion view"),
    [EVENT_PROMO_CLICK] = ACTION("promo_click", "Internal promotion click"),
    [EVENT_TRANSACTION_ERROR] = ACTION("trns_error", "Transaction error"),
};

const struct outside outsides[OUTSIDES] = {
    {"https://www.google.com/", "www.google.com", "/", "search", "Google"},
    {"https://www.bing.com/search", "www.bing.com", "/search", "search", "Bing"},
    {"https://www.instagram.com/", "www.instagram.com", "/", "social", "Instagram"},
    {"https://blog.example.org/best-socks", "blog.example.org", "/best-socks", "unknown", ""},
    {"https://mail.example.net/inbox", "mail.example.net", "/inbox", "email", ""},
};

static const struct device *device_of(const struct shop_event *event) { return &devices[event->profile->device]; }

bool event_is_app(const struct shop_event *event) { return event->visit != NULL && device_of(event)->kind == DEVICE_APP; }
bool event_has_page(const struct shop_event *event) { return event->visit != NULL && !event_is_app(event); }
bool event_has_timing(const struct shop_event *event) { return event_has_page(event) && !event->profile->no_timing; }

bool event_has_session_entity(const struct shop_event *event)
{
    const struct profile *profile = event->profile;
    return event->visit != NULL && !profile->no_cookies && !profile->no_ids && (event_is_app(event) || !profile->no_session_entity);
}

const char *event_platform(const struct shop_event *event)
{
    return event->visit == NULL ? "srv" : event_is_app(event) ? "mob" : "web";
}

bool event_user_id(struct buffer *out, const struct shop_event *event)
{
    if (!event->shopper->logged_in || event->profile->no_ids)
        return false;
    if (event->profile->sends_email) {
        buffer_literal(out, "shopper.");
        text_unsigned(out, event->profile->number);
        buffer_literal(out, "@mail.example");
    } else {
        buffer_byte(out, 'u');
        text_unsigned(out, 100000 + event->profile->number);
    }
    return true;
}

bool event_has_domain_user(const struct shop_event *event)
{
    return !event->profile->no_cookies && !event->profile->no_ids && !event_is_app(event);
}
bool event_has_network_user(const struct shop_event *event) { return !event->profile->no_ids; }

struct uuid event_session(const struct shop_event *event)
{
    return event->earlier_session ? event->shopper->previous_session : event->shopper->session;
}
uint32_t event_session_index(const struct shop_event *event)
{
    return event->shopper->session_index - (event->earlier_session ? 1 : 0);
}

void event_address(struct buffer *out, const struct shop_event *event)
{
    uint32_t address = event->profile->address;
    if (event->visit == NULL) {
        buffer_literal(out, "192.0.2.10");
    } else if (address % 8 == 7) {
        buffer_literal(out, "2001:db8::");
        text_hex(out, address, 4);
    } else {
        text_put(out, address % 2 == 0 ? "198.51.100." : "203.0.113.");
        text_unsigned(out, 1 + (address >> 3) % 254);
    }
}

void event_fingerprint(struct buffer *out, const struct shop_event *event)
{
    text_hex(out, random_mix(event->id.high, 1), 16);
    text_hex(out, random_mix(event->id.low, 2), 16);
    text_hex(out, random_mix(event->id.low, 3), 8);
}

static void number_member(struct buffer *out, const char *start, uint64_t number)
{
    text_put(out, start);
    text_unsigned(out, number);
}
static void cents_member(struct buffer *out, const char *start, uint64_t cents)
{
    text_put(out, start);
    text_cents(out, cents);
}
static void dimension(struct buffer *out, const char *start, unsigned width, unsigned height)
{
    text_put(out, start);
    text_unsigned(out, width);
    buffer_byte(out, 'x');
    text_unsigned(out, height);
}

void browser_data(struct buffer *out, const struct shop_event *event)
{
    const struct device *device = device_of(event);
    dimension(out, "{\"viewport\":\"", device->view_width, device->view_height);
    dimension(out, "\",\"documentSize\":\"", device->view_width, event->visit->document_height);
    dimension(out, "\",\"resolution\":\"", device->screen_width, device->screen_height);
    number_member(out, "\",\"colorDepth\":", device->color_depth);
    buffer_literal(out, ",\"devicePixelRatio\":");
    text_put(out, device->pixel_ratio);
    text_put(out, event->profile->no_cookies ? ",\"cookiesEnabled\":false" : ",\"cookiesEnabled\":true");
    buffer_literal(out, ",\"online\":true,\"browserLanguage\":\"");
    text_put(out, places[event->profile->place].language);
    text_put(out, device->kind == DEVICE_BOT ? "\",\"documentLanguage\":\"en\",\"webdriver\":true"
                                             : "\",\"documentLanguage\":\"en\",\"webdriver\":false");
    if (device->memory_gb != 0)
        number_member(out, ",\"deviceMemory\":", device->memory_gb);
    number_member(out, ",\"hardwareConcurrency\":", device->cores);
    buffer_literal(out, ",\"tabId\":\"");
    text_uuid(out, event->visit->tab);
    buffer_literal(out, "\"}");
}

void timing_data(struct buffer *out, const struct shop_event *event)
{
    const uint16_t *timing = event->visit->timing;
    number_member(out, "{\"entryType\":\"navigation\",\"duration\":", timing[3]);
    number_member(out, ".5,\"nextHopProtocol\":\"h2\",\"fetchStart\":12.400000035762787,\"domainLookupStart\":", 13);
    number_member(out, ",\"domainLookupEnd\":14.800000011920929,\"connectStart\":14.800000011920929,\"connectEnd\":",
                  15u + timing[0] / 4u);
    number_member(out, ",\"requestStart\":", 15u + timing[0] / 3u);
    number_member(out, ".199999988079071,\"responseStart\":", 15u + timing[0]);
    number_member(out, ",\"responseEnd\":", 17u + timing[0]);
    number_member(out, ".699999988079071,\"transferSize\":", 2133u + timing[0]);
    number_member(out, ",\"encodedBodySize\":", 1833u + timing[0]);
    number_member(out, ",\"decodedBodySize\":", 4970u + timing[0]);
    number_member(out, ",\"domInteractive\":", timing[1]);
    number_member(out, ",\"domContentLoadedEventStart\":", timing[2]);
    number_member(out, ",\"domContentLoadedEventEnd\":", timing[2]);
    number_member(out, ".300000011920929,\"domComplete\":", timing[3]);
    number_member(out, ",\"loadEventStart\":", timing[3]);
    number_member(out, ",\"loadEventEnd\":", timing[3]);
    buffer_literal(out, ".5,\"type\":\"navigate\"}");
}

void session_data(struct buffer *out, const struct shop_event *event)
{
    const struct shopper *shopper = event->shopper;
    bool app = event_is_app(event);
    buffer_literal(out, "{\"userId\":\"");
    text_uuid(out, app ? event->profile->network_user : event->profile->domain_user);
    buffer_literal(out, "\",\"sessionId\":\"");
    text_uuid(out, event_session(event));
    number_member(out, "\",\"eventIndex\":", shopper->event_index);
    number_member(out, ",\"sessionIndex\":", event_session_index(event));
    if (!event->earlier_session && uuid_is_set(shopper->previous_session)) {
        buffer_literal(out, ",\"previousSessionId\":\"");
        text_uuid(out, shopper->previous_session);
        buffer_literal(out, "\",\"storageMechanism\":\"");
    } else {
        buffer_literal(out, ",\"previousSessionId\":null,\"storageMechanism\":\"");
    }
    text_put(out, app ? "SQLITE" : "COOKIE_1");
    buffer_literal(out, "\",\"firstEventId\":\"");
    text_uuid(out, event->earlier_session ? event->id : shopper->first_event);
    buffer_literal(out, "\",\"firstEventTimestamp\":\"");
    text_iso(out, event->earlier_session ? event->time_ms : shopper->first_event_ms);
    buffer_literal(out, "\"}");
}

void specification_data(struct buffer *out, const struct shop_event *event)
{
    buffer_literal(out, "{\"id\":\"");
    text_uuid(out, uuid_of(random_mix(7001, event->kind), random_mix(7002, event->kind)));
    buffer_literal(out, "\",\"name\":\"");
    text_put(out, event_classes[event->kind].specification);
    buffer_literal(out, "\",\"data_product_id\":\"9f1b7e3a-6c55-4d0e-8a41-2f6f1f0c7d11\","
                        "\"data_product_name\":\"E-commerce Web - Shoplane demo\"}");
}

void cart_data(struct buffer *out, const struct shop_event *event)
{
    buffer_literal(out, "{\"cart_id\":\"c");
    text_unsigned(out, event->profile->number);
    cents_member(out, "\",\"total_value\":", event->cart_cents);
    buffer_literal(out, ",\"currency\":\"" CURRENCY "\"}");
}

void checkout_data(struct buffer *out, const struct shop_event *event)
{
    number_member(out, "{\"step\":", event->step);
    if (event->step >= 2)
        text_put(out, event->profile->number % 3 == 0 ? ",\"payment_method\":\"paypal\",\"delivery_provider\":null"
                                                      : ",\"payment_method\":\"card\"");
    if (event->step == 1 && event->profile->number % 5 == 0)
        buffer_literal(out, ",\"account_type\":\"guest checkout\",\"marketing_opt_in\":false");
    buffer_byte(out, '}');
}

void promotion_data(struct buffer *out, const struct world *world, const struct shop_event *event)
{
    const struct promotion *promotion = &promotions[event->promotion];
    buffer_literal(out, "{\"id\":");
    text_json(out, promotion->id);
    if (promotion->name != NULL) {
        buffer_literal(out, ",\"name\":");
        text_json(out, promotion->name);
    }
    buffer_literal(out, ",\"type\":");
    text_json(out, promotion->type);
    if (promotion->slot != NULL) {
        buffer_literal(out, ",\"slot\":");
        text_json(out, promotion->slot);
    }
    buffer_literal(out, ",\"product_ids\":[");
    text_json(out, world->catalogue->products[promotion->product].id);
    number_member(out, "],\"position\":", event->promotion + 1u);
    buffer_byte(out, '}');
}

void item_data(struct buffer *out, const struct world *world, const struct shop_event *event, uint16_t i)
{
    product_data(out, &world->catalogue->products[event->items[i].product], event->time_ms, event->items[i].quantity,
                 event->first_position == 0 ? 0 : event->first_position + i);
}

static void transaction_data(struct buffer *out, const struct shop_event *event)
{
    uint64_t quantity = 0;
    for (uint16_t i = 0; i < event->item_count; i++)
        quantity += event->items[i].quantity;
    buffer_literal(out, "{\"transaction_id\":\"T-");
    text_hex(out, event->order, 8);
    cents_member(out, "\",\"revenue\":", event->revenue_cents);
    text_put(out, event->profile->number % 3 == 0 ? ",\"currency\":\"" CURRENCY "\",\"payment_method\":\"paypal\""
                                                  : ",\"currency\":\"" CURRENCY "\",\"payment_method\":\"card\"");
    number_member(out, ",\"total_quantity\":", quantity);
    cents_member(out, ",\"tax\":", event->revenue_cents / 6);
    if (event->order % 3 != 0)
        cents_member(out, ",\"shipping\":", event->order % 2 == 0 ? 0 : 495);
    if (event->order % 8 == 0)
        buffer_literal(out, ",\"discount_code\":\"WELCOME\\u00e9\",\"discount_amount\":5");
    buffer_literal(out, ",\"credit_order\":false}");
}

static void ecommerce_entities(struct buffer *out, const struct world *world, const struct shop_event *event)
{
    for (uint16_t i = 0; i < event->item_count; i++) {
        buffer_literal(out, ENTITY(ECOMMERCE "/product", "1-0-0"));
        item_data(out, world, event, i);
        buffer_literal(out, "},");
    }
    switch (event->kind) {
    case EVENT_ADD_TO_CART:
    case EVENT_REMOVE_FROM_CART:
        buffer_literal(out, ENTITY(ECOMMERCE "/cart", "1-0-0"));
        cart_data(out, event);
        buffer_literal(out, "},");
        break;
    case EVENT_CHECKOUT_STEP:
        buffer_literal(out, ENTITY(ECOMMERCE "/checkout_step", "1-0-0"));
        checkout_data(out, event);
        buffer_literal(out, "},");
        break;
    case EVENT_PROMO_VIEW:
    case EVENT_PROMO_CLICK:
        buffer_literal(out, ENTITY(ECOMMERCE "/promotion", "1-0-0"));
        promotion_data(out, world, event);
        buffer_literal(out, "},");
        break;
    case EVENT_REFUND:
        buffer_literal(out, ENTITY(ECOMMERCE "/refund", "1-0-0") "{\"transaction_id\":\"T-");
        text_hex(out, event->order, 8);
        cents_member(out, "\",\"currency\":\"" CURRENCY "\",\"refund_amount\":", event->revenue_cents);
        buffer_literal(out, ",\"refund_reason\":");
        text_json(out, event->reason);
        buffer_literal(out, "}},");
        break;
    case EVENT_TRANSACTION_ERROR:
        buffer_literal(out, ENTITY(ECOMMERCE "/transaction_error", "1-0-0")
                       "{\"error_code\":\"E123\",\"error_shortcode\":\"CARD_DECLINE\",\"error_description\":\"Card refused\","
                       "\"error_type\":\"hard\",\"resolution\":\"client_retry\"}},");
        /* fall through */
    case EVENT_TRANSACTION:
        buffer_literal(out, ENTITY(ECOMMERCE "/transaction", "1-0-0"));
        transaction_data(out, event);
        buffer_literal(out, "},");
        break;
    default:
        break;
    }
}

static void page_and_user(struct buffer *out, const struct shop_event *event)
{
    static const char *const types[] = {
        [PAGE_NONE] = "other", [PAGE_OUTSIDE] = "other",   [PAGE_HOME] = "homepage", [PAGE_LIST] = "product list",
        [PAGE_PRODUCT] = "product page", [PAGE_SEARCH] = "search", [PAGE_CART] = "cart", [PAGE_SIGN_IN] = "sign-in",
        [PAGE_PAYMENT] = "payment", [PAGE_THANKS] = "thank you", [PAGE_HELP] = "help",
    };
    buffer_literal(out, ENTITY(ECOMMERCE "/page", "1-0-0") "{\"type\":\"");
    text_put(out, types[event->visit->page.kind]);
    buffer_literal(out, "\",\"language\":\"EN\",\"locale\":\"en-GB\"}},");
    if (event->shopper->logged_in && !event->profile->no_ids) {
        buffer_literal(out, ENTITY(ECOMMERCE "/user", "1-0-0") "{\"id\":\"");
        event_user_id(out, event);
        buffer_literal(out, "\",\"is_guest\":false}},");
    }
}

static void app_entities(struct buffer *out, const struct shop_event *event)
{
    const struct device *device = device_of(event);
    buffer_literal(out, ENTITY(SNOWPLOW "/mobile_context", "1-0-3") "{\"osType\":");
    text_json(out, device->os);
    buffer_literal(out, ",\"osVersion\":");
    text_json(out, device->os_version);
    buffer_literal(out, ",\"deviceManufacturer\":");
    text_json(out, device->brand);
    buffer_literal(out, ",\"deviceModel\":");
    text_json(out, device->device_family);
    buffer_literal(out, ",\"carrier\":null,\"networkType\":\"wifi\",\"batteryLevel\":71,\"isPortrait\":true,\"resolution\":\"");
    dimension(out, "", device->screen_width, device->screen_height);
    buffer_literal(out, "\",\"physicalMemory\":5916696576,\"availableStorage\":40960000000,\"scale\":");
    text_put(out, device->pixel_ratio);
    buffer_literal(out, "}},");
}

void contexts_column(struct buffer *out, const struct world *world, const struct shop_event *event)
{
    buffer_literal(out, ENTITY(SNOWPLOW "/contexts", "1-0-0") "[");
    ecommerce_entities(out, world, event);
    if (event_classes[event->kind].specification != NULL) {
        buffer_literal(out, ENTITY(SNOWPLOW "/event_specification", "1-0-4"));
        specification_data(out, event);
        buffer_literal(out, "},");
    }
    if (event->visit != NULL)
        page_and_user(out, event);
    if (event_is_app(event))
        app_entities(out, event);
    if (event_has_page(event)) {
        buffer_literal(out, ENTITY(SNOWPLOW "/web_page", "1-0-0") "{\"id\":\"");
        text_uuid(out, event->visit->page_id);
        buffer_literal(out, "\"}},");
        buffer_literal(out, ENTITY(SNOWPLOW "/browser_context", "2-0-0"));
        browser_data(out, event);
        buffer_literal(out, "},");
    }
    if (event_has_timing(event)) {
        buffer_literal(out, ENTITY("org.w3/PerformanceNavigationTiming", "1-0-0"));
        timing_data(out, event);
        buffer_literal(out, "},");
    }
    if (event_has_session_entity(event)) {
        buffer_literal(out, ENTITY(SNOWPLOW "/client_session", "1-0-2"));
        session_data(out, event);
        buffer_literal(out, "},");
    }
    out->size--; /* the last comma: every event has an entity */
    buffer_literal(out, "]}");
}

static void unstruct_data(struct buffer *out, const struct shop_event *event)
{
    switch (event->kind) {
    case EVENT_SCREEN_VIEW:
        buffer_literal(out, "{\"name\":\"");
        text_put(out, event->visit->page.kind == PAGE_PRODUCT ? "Product" : "Shop");
        buffer_literal(out, "\",\"id\":\"");
        text_uuid(out, event->visit->page_id);
        buffer_literal(out, "\"}");
        break;
    case EVENT_LINK_CLICK:
        buffer_literal(out, "{\"targetUrl\":\"https://" SHOP_HOST "/help/shipping#returns\",\"elementId\":\"size-guide\","
                            "\"elementClasses\":[\"link\",\"is-\\\"quoted\\\"\"],\"elementTarget\":\"\"}");
        break;
    case EVENT_SITE_SEARCH:
        buffer_literal(out, "{\"terms\":[");
        text_json(out, search_terms[event->term]);
        number_member(out, "],\"totalResults\":", event->results);
        number_member(out, ",\"pageResults\":", event->results < 24 ? event->results : 24);
        buffer_byte(out, '}');
        break;
    default:
        buffer_literal(out, "{\"type\":\"");
        text_put(out, event_classes[event->kind].type);
        if (event->list_name != NULL) {
            buffer_literal(out, "\",\"name\":");
            text_json(out, event->list_name);
            buffer_byte(out, '}');
        } else {
            buffer_literal(out, "\"}");
        }
    }
}

void unstruct_column(struct buffer *out, const struct shop_event *event)
{
    const struct event_class *class = &event_classes[event->kind];
    buffer_literal(out, ENTITY(SNOWPLOW "/unstruct_event", "1-0-0") "{\"schema\":\"iglu:");
    text_put(out, class->vendor);
    buffer_byte(out, '/');
    text_put(out, class->name);
    buffer_literal(out, "/jsonschema/");
    text_put(out, class->version);
    buffer_literal(out, "\",\"data\":");
    unstruct_data(out, event);
    buffer_literal(out, "}}");
}
