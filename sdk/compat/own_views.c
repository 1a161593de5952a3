/* own_views.c - a lane with what SDK 1.2 added: many records of an event, under a key of its own, combined. */
#include <shoplane/shoplane.h>

static const char *const events[] = {"product_view", NULL};
enum { ID };
static const sl_input inputs[] = {{"id", "product[*].id"}, {0}};

struct record {
    sl_stamp at;
    int64_t views;
};
static const sl_field record_fields[] = {SL_FIELD(struct record, views, SL_I64, "of the second so far"), {0}};

struct values {
    int64_t views;
};
static const sl_field values_fields[] = {SL_FIELD(struct values, views, SL_I64, "views"), {0}};

static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    (void)self;
    for (uint32_t i = 0; i < sl_event_count(event, ID); i++)
        ((struct record *)sl_records_add_for(records, sl_event_view_at(event, ID, i)))->views = 1;
    sl_view all = {"all", 3};
    ((struct record *)sl_records_add_for(records, all))->views = 1;
}

static bool combine(const void *self, void *into, const void *from)
{
    (void)self;
    ((struct record *)into)->views += ((const struct record *)from)->views;
    return true;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    ((struct values *)aggregate)->views += ((const struct record *)record)->views;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)scratch, (void)window;
    *(struct values *)values = *(const struct values *)aggregate;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_OWN, "own_views", "1.0.0", "what SDK 1.2 added"),
    .key_name = "product",
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct values),
    SL_VALUES(struct values, values_fields),
    .extract_many = extract_many,
    .bucket_ms = 1000,
    .combine = combine,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
