/* enriched.c - one event as Enrich writes it: 131 columns between tabs, empty where there is nothing. The comments give the
 * number of the column that is written next. */
#include "demo/entities.h"
#include "demo/formats.h"

#define TABS "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t"

static void tabs(struct buffer *out, size_t count) { buffer_put(out, TABS, count); }

static void column(struct buffer *out, const char *text)
{
    text_put(out, text);
    buffer_byte(out, '\t');
}
static void number_column(struct buffer *out, uint64_t number)
{
    text_unsigned(out, number);
    buffer_byte(out, '\t');
}
static void time_column(struct buffer *out, int64_t time_ms)
{
    if (time_ms != 0)
        text_time(out, time_ms);
    buffer_byte(out, '\t');
}
static void uuid_column(struct buffer *out, struct uuid uuid, bool present)
{
    if (present)
        text_uuid(out, uuid);
    buffer_byte(out, '\t');
}

/* 30...46: address of the page (29) is begun by the caller. */
static void page_columns(struct buffer *out, const struct world *world, const struct shop_event *event)
{
    if (!event_has_page(event)) {
        tabs(out, 16); /* 29...44 */
        tabs(out, 2);  /* 45, 46 */
        return;
    }
    struct page page = event->visit->page, referrer = event->visit->referrer;
    bool referred = referrer.kind != PAGE_NONE, outside = referrer.kind == PAGE_OUTSIDE;
    page_url(out, world, page); /* 29 */
    buffer_byte(out, '\t');
    if (event->kind == EVENT_PAGE_VIEW || event->kind == EVENT_PAGE_PING)
        page_title(out, world, page); /* 30 */
    buffer_byte(out, '\t');
    if (referred)
        page_url(out, world, referrer); /* 31 */
    buffer_literal(out, "\thttps\t" SHOP_HOST "\t443\t"); /* 32...34 */
    page_path(out, world, page);
    buffer_byte(out, '\t');
    page_query(out, world, page); /* 36 */
    buffer_byte(out, '\t');
    column(out, page_fragment(page));
    if (!referred) {
        tabs(out, 9); /* 38...46 */
        return;
    }
    buffer_literal(out, "https\t"); /* 38 */
    column(out, page_host(referrer));
    buffer_literal(out, "443\t");
    page_path(out, world, referrer); /* 41 */
    buffer_byte(out, '\t');
    page_query(out, world, referrer);
    buffer_byte(out, '\t');
    column(out, page_fragment(referrer)); /* 43 */
    column(out, outside ? outsides[referrer.which].medium : "internal");
    column(out, outside ? outsides[referrer.which].source : "");
    buffer_byte(out, '\t'); /* 46 */
}

static const struct campaign *campaign_of(const struct shop_event *event)
{
    if (!event_has_page(event) || event->visit->page.campaign == 0)
        return NULL;
    return &campaigns[event->visit->page.campaign - 1];
}

/* 47...51 */
static void campaign_columns(struct buffer *out, const struct campaign *campaign)
{
    if (campaign == NULL) {
        tabs(out, 5);
        return;
    }
    const char *const values[] = {campaign->medium, campaign->source, campaign->term, campaign->content, campaign->name};
    for (size_t i = 0; i < 5; i++)
        column(out, values[i] == NULL ? "" : values[i]);
}

/* 12...28 */
static void person_columns(struct buffer *out, const struct shop_event *event, const struct place *place)
{
    (void)event_user_id(out, event); /* 12 */
    buffer_byte(out, '\t');
    event_address(out, event); /* 13 */
    tabs(out, 2);
    uuid_column(out, event->profile->domain_user, event_has_domain_user(event)); /* 15 */
    if (event_has_domain_user(event) && event->visit != NULL)
        text_unsigned(out, event_session_index(event)); /* 16 */
    buffer_byte(out, '\t');
    uuid_column(out, event->profile->network_user, event_has_network_user(event)); /* 17 */
    column(out, place->country);
    column(out, place->region);
    column(out, place->city);
    column(out, place->zip);
    column(out, place->latitude);
    column(out, place->longitude);
    column(out, place->region_name); /* 24 */
    tabs(out, 4);
}

/* 77...115: what the browser says of itself. */
static void device_columns(struct buffer *out, const struct shop_event *event, const struct place *place)
{
    const struct device *device = &devices[event->profile->device];
    column(out, event->visit == NULL ? devices[device_count - 1].useragent : device->useragent); /* 77 */
    tabs(out, 5);
    if (event->visit == NULL) {
        tabs(out, 16); /* 83...98 */
        tabs(out, 16); /* 99...114 */
    } else {
        column(out, place->language); /* 83 */
        tabs(out, 9);
        if (event_is_app(event)) {
            tabs(out, 7); /* 93...99 */
        } else {
            column(out, event->profile->no_cookies ? "0" : "1"); /* 93 */
            number_column(out, device->color_depth);
            number_column(out, device->view_width);
            number_column(out, device->view_height); /* 96 */
            tabs(out, 3);
        }
        column(out, place->timezone); /* 100 */
        tabs(out, 2);
        number_column(out, device->screen_width); /* 103 */
        number_column(out, device->screen_height);
        if (event_is_app(event)) {
            tabs(out, 3); /* 105...107 */
        } else {
            column(out, "UTF-8");
            number_column(out, device->view_width);
            number_column(out, event->visit->document_height); /* 107 */
        }
        tabs(out, 7);
    }
    column(out, place->timezone); /* 115 */
}

void enriched_write(struct buffer *out, const struct world *world, const struct shop_event *event,
                    const struct delivery *delivery)
{
    static const struct place nowhere = {0, "", "", "", "", "", "", "", "", ""};
    const struct event_class *class = &event_classes[event->kind];
    const struct place *place = event->visit == NULL ? &nowhere : &places[event->profile->place];
    const struct campaign *campaign = campaign_of(event);
    const struct derived *derived = &world->derived[event->visit == NULL ? device_count - 1 : event->profile->device];
    bool server = event->visit == NULL;
    if (out->capacity - out->size < 8192)
        buffer_grow(out, 8192);

    column(out, APP_ID); /* 0 */
    column(out, event_platform(event));
    time_column(out, delivery->etl_ms);
    time_column(out, delivery->collector_ms);
    time_column(out, delivery->created_ms); /* 4 */
    column(out, class->column);
    uuid_column(out, event->id, true); /* 6 */
    buffer_byte(out, '\t');
    text_put(out, server ? "server\tnode-4.6.0\t" : event_is_app(event) ? "app\tios-6.0.8\t" : "sp\tjs-4.6.0\t"); /* 8, 9 */
    buffer_literal(out, "ssc-3.7.0-kafka\tsnowplow-enrich-kafka-6.10.0\t");
    person_columns(out, event, place);
    page_columns(out, world, event);
    campaign_columns(out, campaign);
    contexts_column(out, world, event); /* 52 */
    tabs(out, 6);
    if (class->column[0] == 'u')
        unstruct_column(out, event); /* 58 */
    tabs(out, 15);
    if (event->kind == EVENT_PAGE_PING) { /* 73...76 */
        buffer_literal(out, "0\t0\t0\t");
        number_column(out, event->visit->scroll);
    } else {
        tabs(out, 4);
    }
    device_columns(out, event, place);
    column(out, campaign != NULL && campaign->click_id != NULL ? campaign->click_id : ""); /* 116 */
    column(out, campaign != NULL && campaign->network != NULL ? campaign->network : "");
    buffer_byte(out, '\t');
    time_column(out, delivery->sent_ms); /* 119 */
    tabs(out, 2);
    if (event->profile->no_yauaa && !server)
        buffer_put(out, derived->plain, derived->plain_size); /* 122 */
    else
        buffer_put(out, derived->all, derived->all_size);
    buffer_byte(out, '\t');
    uuid_column(out, event_session(event), event_has_domain_user(event) && uuid_is_set(event_session(event))); /* 123 */
    time_column(out, delivery->derived_ms);
    column(out, class->vendor);
    column(out, class->name);
    buffer_literal(out, "jsonschema\t");
    column(out, class->version); /* 128 */
    event_fingerprint(out, event);
    buffer_byte(out, '\t');
    if (delivery->true_ms != 0)
        text_time(out, delivery->true_ms); /* 130 */
}
