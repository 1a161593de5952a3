/* accelerator.c - one event as the live-shopper accelerator's transformation writes it: only what its features need, under
 * id, type, timestamp, payload, enrich, session, metadata. */
#include "demo/entities.h"
#include "demo/formats.h"

static void time_member(struct buffer *out, const char *start, int64_t time_ms)
{
    text_put(out, start);
    text_iso(out, time_ms);
    buffer_byte(out, '"');
}

static void items(struct buffer *out, const struct world *world, const struct shop_event *event)
{
    buffer_literal(out, ",\"products\":[");
    for (uint16_t i = 0; i < event->item_count; i++) {
        if (i != 0)
            buffer_byte(out, ',');
        item_data(out, world, event, i);
    }
    buffer_byte(out, ']');
}

static void payload(struct buffer *out, const struct world *world, const struct shop_event *event)
{
    size_t start = out->size; /* every member begins with a comma; the first becomes the brace */
    switch (event->kind) {
    case EVENT_PAGE_VIEW:
        buffer_literal(out, ",\"page_title\":");
        {
            struct buffer title = {0};
            page_title(&title, world, event->visit->page);
            buffer_json_text(out, title.data, title.size);
            buffer_free(&title);
        }
        buffer_literal(out, ",\"page_url\":\"");
        page_url(out, world, event->visit->page);
        buffer_byte(out, '"');
        if (event->visit->referrer.kind != PAGE_NONE) {
            buffer_literal(out, ",\"referrer\":\"");
            page_url(out, world, event->visit->referrer);
            buffer_byte(out, '"');
        }
        break;
    case EVENT_PRODUCT_VIEW:
    case EVENT_ADD_TO_CART:
    case EVENT_REMOVE_FROM_CART:
        buffer_literal(out, ",\"product\":");
        item_data(out, world, event, 0);
        if (event->kind != EVENT_PRODUCT_VIEW) {
            buffer_literal(out, ",\"cart\":");
            cart_data(out, event);
        }
        break;
    case EVENT_LIST_VIEW:
    case EVENT_LIST_CLICK:
        items(out, world, event);
        buffer_literal(out, ",\"list_name\":");
        text_json(out, event->list_name == NULL ? "" : event->list_name);
        break;
    case EVENT_CHECKOUT_STEP:
        buffer_literal(out, ",\"checkout_step\":");
        checkout_data(out, event);
        buffer_literal(out, ",\"cart\":{}");
        break;
    case EVENT_PROMO_VIEW:
    case EVENT_PROMO_CLICK:
        buffer_literal(out, ",\"promotion\":");
        promotion_data(out, world, event);
        break;
    default: /* the transformation leaves the others' payload empty */
        break;
    }
    if (out->size == start) {
        buffer_literal(out, "{}");
        return;
    }
    if (event_classes[event->kind].specification != NULL) {
        buffer_literal(out, ",\"specification\":");
        specification_data(out, event);
    }
    out->data[start] = '{';
    buffer_byte(out, '}');
}

static void page(struct buffer *out, const struct world *world, const struct shop_event *event)
{
    if (!event_has_page(event)) {
        buffer_literal(out, "{}");
        return;
    }
    buffer_literal(out, "{\"page_url\":\"");
    page_url(out, world, event->visit->page);
    if (event->visit->referrer.kind != PAGE_NONE) {
        buffer_literal(out, "\",\"page_referrer\":\"");
        page_url(out, world, event->visit->referrer);
    }
    buffer_literal(out, "\",\"page_urlscheme\":\"https\",\"page_urlhost\":\"" SHOP_HOST "\",\"page_urlpath\":\"");
    page_path(out, world, event->visit->page);
    buffer_literal(out, "\",\"page_urlport\":443,\"page_urlquery\":\"");
    size_t before = out->size;
    page_query(out, world, event->visit->page);
    if (out->size == before)
        out->size -= strlen(",\"page_urlquery\":\"");
    else
        buffer_byte(out, '"');
    buffer_byte(out, '}');
}

static void marketing(struct buffer *out, const struct shop_event *event)
{
    if (!event_has_page(event) || event->visit->page.campaign == 0) {
        buffer_literal(out, "null");
        return;
    }
    const struct campaign *campaign = &campaigns[event->visit->page.campaign - 1];
    const char *const names[] = {"mkt_medium", "mkt_source", "mkt_term", "mkt_content", "mkt_campaign"};
    const char *const values[] = {campaign->medium, campaign->source, campaign->term, campaign->content, campaign->name};
    char before = '{';
    for (size_t i = 0; i < 5; i++) {
        if (values[i] == NULL)
            continue;
        buffer_byte(out, before);
        before = ',';
        text_json(out, names[i]);
        buffer_byte(out, ':');
        text_json(out, values[i]);
    }
    buffer_byte(out, '}');
}

static void client(struct buffer *out, const struct world *world, const struct shop_event *event,
                   const struct delivery *delivery)
{
    const struct device *device = &devices[event->visit == NULL ? device_count - 1 : event->profile->device];
    buffer_literal(out, "{\"useragent\":");
    text_json(out, device->useragent);
    if (event_has_page(event)) {
        buffer_literal(out, ",\"browser\":");
        browser_data(out, event);
    }
    buffer_literal(out, ",\"device\":{");
    if (delivery->sent_ms != 0) {
        time_member(out, "\"created_tstamp\":\"", delivery->created_ms);
        time_member(out, ",\"sent_tstamp\":\"", delivery->sent_ms);
        if (event->visit != NULL) {
            buffer_literal(out, ",\"screen_width\":");
            text_unsigned(out, device->screen_width);
            buffer_literal(out, ",\"screen_height\":");
            text_unsigned(out, device->screen_height);
            buffer_literal(out, ",\"os_timezone\":");
            text_json(out, places[event->profile->place].timezone);
        }
    }
    buffer_literal(out, "},\"page\":");
    page(out, world, event);
    buffer_byte(out, '}');
}

static void user(struct buffer *out, const struct shop_event *event)
{
    buffer_byte(out, '{');
    if (event->shopper->logged_in && !event->profile->no_ids) {
        buffer_literal(out, "\"user_id\":\"");
        event_user_id(out, event);
        buffer_literal(out, "\",");
    }
    if (event_has_domain_user(event)) {
        buffer_literal(out, "\"domain_userid\":\"");
        text_uuid(out, event->profile->domain_user);
        buffer_literal(out, "\",");
    }
    if (event_has_network_user(event)) {
        buffer_literal(out, "\"network_userid\":\"");
        text_uuid(out, event->profile->network_user);
        buffer_literal(out, "\",");
    }
    buffer_literal(out, "\"ip_address\":\"");
    event_address(out, event);
    buffer_literal(out, "\"}");
}

static void session(struct buffer *out, const struct shop_event *event)
{
    if (event_has_session_entity(event)) {
        session_data(out, event);
    } else if (event_has_domain_user(event) && uuid_is_set(event_session(event))) {
        buffer_literal(out, "{\"domain_sessionid\":\"");
        text_uuid(out, event_session(event));
        buffer_byte(out, '"');
        if (event->visit != NULL) {
            buffer_literal(out, ",\"domain_sessionidx\":");
            text_unsigned(out, event_session_index(event));
        }
        buffer_byte(out, '}');
    } else {
        buffer_literal(out, "{}");
    }
}

void accelerator_write(struct buffer *out, const struct world *world, const struct shop_event *event,
                       const struct delivery *delivery)
{
    const struct event_class *class = &event_classes[event->kind];
    if (out->capacity - out->size < 8192)
        buffer_grow(out, 8192);
    buffer_literal(out, "{\"id\":\"");
    text_uuid(out, event->id);
    buffer_literal(out, "\",\"type\":\"");
    text_put(out, class->type != NULL ? class->type : class->column);
    time_member(out, "\",\"timestamp\":\"", delivery->derived_ms);
    buffer_literal(out, ",\"payload\":");
    payload(out, world, event);
    buffer_literal(out, ",\"enrich\":{\"client\":");
    client(out, world, event, delivery);
    if (event_has_timing(event)) {
        buffer_literal(out, ",\"performance\":");
        timing_data(out, event);
    }
    buffer_literal(out, ",\"user\":");
    user(out, event);
    buffer_literal(out, ",\"marketing\":");
    marketing(out, event);
    buffer_literal(out, ",\"platform\":\"");
    text_put(out, event_platform(event));
    buffer_literal(out, "\"},\"session\":");
    session(out, event);
    buffer_literal(out, ",\"metadata\":{\"event_vendor\":\"");
    text_put(out, class->vendor);
    buffer_literal(out, "\",\"event_format\":\"jsonschema\",\"event_version\":\"");
    text_put(out, class->version);
    buffer_literal(out, "\",\"event_fingerprint\":\"");
    event_fingerprint(out, event);
    time_member(out, "\",\"app_id\":\"" APP_ID "\",\"etl_tstamp\":\"", delivery->etl_ms);
    time_member(out, ",\"collector_tstamp\":\"", delivery->collector_ms);
    buffer_literal(out, ",\"v_tracker\":\"js-4.6.0\",\"v_collector\":\"ssc-3.7.0-kafka\",\"v_etl\":\"snowplow-enrich-kafka-6.10.0\","
                        "\"name_tracker\":\"sp\"}}");
}
