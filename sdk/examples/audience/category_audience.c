/* category_audience.c - a key of one's own: for every category that a viewed product or list is of. */
#include <shoplane/shoplane.h>

static const char *const events[] = {"product_view", "list_view", NULL};
enum { CATEGORY, USER };
static const sl_input inputs[] = {{"category", "product[*].category"}, {"user", "@user"}, {0}};

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

/* A record for each product of the event: a list shows many. */
static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    (void)self;
    for (uint32_t i = 0; i < sl_event_count(event, CATEGORY); i++) {
        struct record *r = sl_records_add_for(records, sl_event_view_at(event, CATEGORY, i));
        r->user = sl_event_text(event, USER);
    }
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
    SL_LANE(SL_KEY_OWN, "category_audience", "1.0.0", "who looks at a category"),
    .key_name = "category",
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract_many = extract_many,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
