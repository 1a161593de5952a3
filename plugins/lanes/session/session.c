/* session.c - one visit: its pages, searches, shopping, where it came from, with which devices and from which places.
 *
 * A search is a page whose URL says so, or a site_search event; a shop that sends both for one search has them counted
 * once, if they are within 5 seconds of each other (`search_signal = "either"`). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem() */
#endif
#include <shoplane/shoplane.h>

#include <string.h>

enum { PAGE_VIEW, PRODUCT_VIEW, ADD_TO_CART, REMOVE_FROM_CART, SITE_SEARCH }; /* order of `events`, and `record.kind` */
static const char *const events[] = {"page_view",        "product_view", "add_to_cart",
                                     "remove_from_cart", "site_search",  NULL};

/* Order of `inputs`; everything about marketing stands at the end. */
enum { URL, DEVICE, PLATFORM, LOCATION, CAMPAIGN, MARKETING_END = CAMPAIGN + 7 };
static const sl_input inputs[] = {
    {"url", "page_url"},          {"device", "@device_class"}, {"platform", "platform"},   {"location", "@location"},
    {"campaign", "mkt_campaign"}, {"medium", "mkt_medium"},    {"source", "mkt_source"},   {"term", "mkt_term"},
    {"content", "mkt_content"},   {"clickid", "mkt_clickid"},  {"network", "mkt_network"}, {0},
};

enum { EITHER, BY_URL, BY_EVENT }; /* order of `signals` */
static const char *const signals[] = {"either", "url", "site_search", NULL};
struct settings {
    int32_t search_signal;
    const char *search_url;
};
static const sl_param params[] = {
    SL_PARAM_CHOICE(struct settings, search_signal, "either", signals, "what tells of a search"),
    SL_PARAM_TEXT(struct settings, search_url, "/search?q=", "what the URL of a search page contains"),
    {0},
};

struct record {
    sl_stamp at;
    sl_text device, platform, location, campaign;
    uint8_t kind;
    bool search_page, marketed;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, device, SL_TEXT, "device class"),
    SL_FIELD(struct record, platform, SL_TEXT, "platform"),
    SL_FIELD(struct record, location, SL_TEXT, "country, with the region if known"),
    SL_FIELD(struct record, campaign, SL_TEXT, "marketing campaign"),
    SL_FIELD(struct record, kind, SL_U8, "0 page, 1 product view, 2 added to cart, 3 removed, 4 site_search"),
    SL_FIELD(struct record, search_page, SL_BOOL, "a page whose URL is that of a search"),
    SL_FIELD(struct record, marketed, SL_BOOL, "whether it carries anything about marketing"),
    {0},
};

struct values {
    int64_t duration_ms, pages, product_views, cart_adds, searches, location_changes;
    sl_text campaign, platform;
    sl_list *devices, *locations;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, duration_ms, SL_I64, "from the first event to the last, ms"),
    SL_FIELD(struct values, pages, SL_I64, "pages viewed"),
    SL_FIELD(struct values, product_views, SL_I64, "product views"),
    SL_FIELD(struct values, cart_adds, SL_I64, "times something was added to the cart"),
    SL_FIELD(struct values, searches, SL_I64, "searches"),
    SL_FIELD(struct values, location_changes, SL_I64, "times the location differed from the last known one"),
    SL_FIELD(struct values, campaign, SL_TEXT, "campaign of the first event that tells of marketing"),
    SL_FIELD(struct values, platform, SL_TEXT, "platform of the newest event"),
    SL_FIELD(struct values, devices, SL_LIST, "device classes in order of first appearance"),
    SL_FIELD(struct values, locations, SL_LIST, "locations in order of first appearance"),
    {0},
};

struct search {
    int64_t time_ms;
    const struct search *before;
};
struct aggregate {
    struct values so_far;
    bool marketed, search_page;  /* whether one was seen */
    int64_t search_page_ms;      /* when the last one was */
    const struct search *recent; /* site_searches counted since then, newest first */
    sl_text location;            /* the last known */
};

static bool open(void *self, sl_refusal *refusal)
{
    const struct settings *settings = self;
    return settings->search_url[0] != '\0' ||
           sl_refuse(refusal, "search_url is empty, so that every page would be a search",
                     "give a part of every search page's URL, such as \"/search?q=\"");
}

static bool extract(const void *self, const sl_event *event, void *out)
{
    const struct settings *settings = self;
    struct record *r = out;
    r->kind = (uint8_t)sl_event_kind(event);
    r->device = sl_event_text(event, DEVICE);
    r->platform = sl_event_text(event, PLATFORM);
    r->location = sl_event_text(event, LOCATION);
    r->campaign = sl_event_text(event, CAMPAIGN);
    for (uint32_t i = CAMPAIGN; i < MARKETING_END && !r->marketed; i++)
        r->marketed = sl_event_view(event, i).size > 0;
    sl_view url = sl_event_view(event, URL);
    if (r->kind == PAGE_VIEW && url.size > 0)
        r->search_page = memmem(url.data, url.size, settings->search_url, strlen(settings->search_url)) != NULL;
    return true;
}

/* A site_search that follows a search page is not counted; one that precedes it is taken back when the page comes. */
static void add_search(const struct settings *settings, sl_scratch *scratch, struct aggregate *a,
                       const struct record *r)
{
    const int64_t same_search_ms = 5000;
    int64_t now = r->at.time_ms;
    if (r->search_page && settings->search_signal != BY_EVENT) {
        for (; a->recent != NULL && now - a->recent->time_ms <= same_search_ms; a->recent = a->recent->before)
            a->so_far.searches--;
        a->recent = NULL;
        a->search_page = true;
        a->search_page_ms = now;
        a->so_far.searches++;
    } else if (r->kind == SITE_SEARCH && settings->search_signal != BY_URL &&
               !(a->search_page && now - a->search_page_ms <= same_search_ms)) {
        struct search *search = sl_alloc(scratch, sizeof *search);
        *search = (struct search){now, a->recent};
        a->recent = search;
        a->so_far.searches++;
    }
}

static void add(const void *self, sl_scratch *scratch, void *into, const void *record)
{
    struct aggregate *a = into;
    struct values *v = &a->so_far;
    const struct record *r = record;
    v->pages += r->kind == PAGE_VIEW;
    v->product_views += r->kind == PRODUCT_VIEW;
    v->cart_adds += r->kind == ADD_TO_CART;
    add_search(self, scratch, a, r);
    if (r->marketed && !a->marketed)
        v->campaign = r->campaign;
    a->marketed |= r->marketed;
    v->platform = r->platform;
    sl_list_add(scratch, &v->devices, r->device);
    sl_list_add(scratch, &v->locations, r->location);
    if (!sl_text_empty(r->location)) {
        v->location_changes += !sl_text_empty(a->location) && !sl_text_same(a->location, r->location);
        a->location = r->location;
    }
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *out)
{
    (void)self, (void)scratch;
    struct values *v = out;
    *v = ((const struct aggregate *)from)->so_far;
    v->duration_ms = window->newest_ms - window->oldest_ms;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_SESSION, "session", "1.0.0", "one visit: pages, searches, shopping, origin, devices, places"),
    SL_EVENTS(events, inputs),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .open = open,
    .extract = extract,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
