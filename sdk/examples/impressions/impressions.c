/* impressions.c - many records of one event: every product that a list shows, and every one that is clicked in it. */
#include <shoplane/shoplane.h>

enum { SHOWN, CLICKED }; /* order of `events` */
static const char *const events[] = {"list_view", "list_click", NULL};
enum { PRODUCT };
static const sl_input inputs[] = {{"product", "product[*].id"}, {0}};

struct record {
    sl_stamp at;
    sl_text product;
    bool clicked;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, product, SL_TEXT, "the product"),
    SL_FIELD(struct record, clicked, SL_BOOL, "clicked, not only shown"),
    {0},
};

struct aggregate {
    sl_counts *shown;
    int64_t shows, clicks;
};

struct values {
    int64_t shows, clicks, products;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, shows, SL_I64, "products shown in lists, each as often as it was"),
    SL_FIELD(struct values, clicks, SL_I64, "products clicked in lists"),
    SL_FIELD(struct values, products, SL_I64, "different products shown"),
    {0},
};

static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    (void)self;
    for (uint32_t i = 0; i < sl_event_count(event, PRODUCT); i++) {
        struct record *r = sl_records_add(records); /* under the shopper's key */
        r->product = sl_event_text_at(event, PRODUCT, i);
        r->clicked = sl_event_kind(event) == CLICKED;
    }
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self;
    const struct record *r = record;
    struct aggregate *a = aggregate;
    if (r->clicked) {
        a->clicks++;
        return;
    }
    a->shows++;
    sl_counts_add(scratch, &a->shown, r->product, 1);
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)window;
    const struct aggregate *a = aggregate;
    *(struct values *)values = (struct values){a->shows, a->clicks, sl_counts_size(scratch, a->shown)};
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "impressions", "1.0.0", "what lists show a shopper"),
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract_many = extract_many,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
