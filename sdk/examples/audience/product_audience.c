/* product_audience.c - a key of one's own: for every product, how many shoppers look at it. Features are product:{id}:... */
#include <shoplane/shoplane.h>

static const char *const events[] = {"product_view", NULL};
enum { PRODUCT, USER };
static const sl_input inputs[] = {{"product", "product[0].id"}, {"user", "@user"}, {0}};

struct record {
    sl_stamp at;
    sl_text user;
};
static const sl_field record_fields[] = {SL_FIELD(struct record, user, SL_TEXT, "who looked"), {0}};

struct aggregate {
    sl_counts *users;
    int64_t views;
};

struct values {
    int64_t viewers, views;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, viewers, SL_I64, "different shoppers"),
    SL_FIELD(struct values, views, SL_I64, "views"),
    {0},
};

static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    (void)self;
    struct record *r = sl_records_add_for(records, sl_event_view(event, PRODUCT)); /* without an id: not kept, and counted */
    r->user = sl_event_text(event, USER);
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self;
    const struct record *r = record;
    struct aggregate *a = aggregate;
    if (!sl_text_empty(r->user)) /* a view of nobody known is a view, and no shopper's */
        sl_counts_add(scratch, &a->users, r->user, 1);
    a->views++;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)window;
    const struct aggregate *a = aggregate;
    *(struct values *)values = (struct values){sl_counts_size(scratch, a->users), a->views};
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_OWN, "product_audience", "1.0.0", "who looks at a product"),
    .key_name = "product",
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract_many = extract_many,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
