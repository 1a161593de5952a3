/* category.c - what kinds of things a shopper looks at: one record a list or product view that tells its category. */
#include <shoplane/shoplane.h>

enum { LIST_VIEW, PRODUCT_VIEW }; /* order of `events` */
static const char *const events[] = {"list_view", "product_view", NULL};

enum { LIST_NAME, CATEGORY }; /* order of `inputs` */
static const sl_input inputs[] = {{"list_name", "event.name"}, {"category", "product[0].category"}, {0}};

struct settings {
    bool count_lists;
};
static const sl_param params[] = {
    SL_PARAM_BOOL(struct settings, count_lists, true, "take the name of a viewed list as a category"), {0}};

struct record {
    sl_stamp at;
    sl_text category;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, category, SL_TEXT, "name of the list, or category of the product"),
    {0},
};

struct aggregate {
    sl_counts *views;
    int64_t events;
};

struct values {
    sl_text top;
    int64_t categories, events;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, top, SL_TEXT, "the most viewed category; among equals the one viewed last"),
    SL_FIELD(struct values, categories, SL_I64, "distinct categories viewed"),
    SL_FIELD(struct values, events, SL_I64, "views of lists and products that told a category"),
    {0},
};

static bool extract(const void *self, const sl_event *event, void *out)
{
    const struct settings *settings = self;
    struct record *r = out;
    bool list = sl_event_kind(event) == LIST_VIEW;
    if (list && !settings->count_lists)
        return false;
    r->category = sl_event_text(event, list ? LIST_NAME : CATEGORY);
    return !sl_text_empty(r->category);
}

static void add(const void *self, sl_scratch *scratch, void *into, const void *record)
{
    (void)self;
    struct aggregate *a = into;
    const struct record *r = record;
    sl_counts_add(scratch, &a->views, r->category, 1);
    a->events++;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *out)
{
    (void)self, (void)window;
    const struct aggregate *a = from;
    struct values *v = out;
    v->top = sl_counts_top(scratch, a->views);
    v->categories = sl_counts_size(scratch, a->views);
    v->events = a->events;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "category", "1.0.0", "categories a shopper views, by lists and products"),
    SL_EVENTS(events, inputs),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
