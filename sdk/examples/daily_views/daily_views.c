/* daily_views.c - counters by `combine`: views of each product over days, in memory for hours.
 *
 * A popular product has a million views a week; kept as records of an hour each they are 168. */
#include <shoplane/shoplane.h>

static const char *const events[] = {"product_view", NULL};
enum { PRODUCT, PRICE };
static const sl_input inputs[] = {{"product", "product[0].id"}, {"price", "product[0].price"}, {0}};

struct record {
    sl_stamp at;
    int64_t views, prices; /* of the bucket so far: how many, and their prices added up, as far as they go into 64 bits */
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, views, SL_I64, "views"),
    SL_FIELD(struct record, prices, SL_MONEY, "their prices, added up"),
    {0},
};

struct values {
    int64_t views;
    sl_sum prices;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, views, SL_I64, "views"),
    SL_FIELD(struct values, prices, SL_SUM, "their prices, added up"),
    {0},
};

static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    (void)self;
    struct record *r = sl_records_add_for(records, sl_event_view(event, PRODUCT));
    r->views = 1;
    r->prices = sl_event_money(event, PRICE, 0);
}

/* Two records of one product and hour are as good as one. What must tell them apart (a country, say) would be compared here, and
 * false returned. */
static bool combine(const void *self, void *into, const void *from)
{
    (void)self;
    struct record *a = into;
    const struct record *b = from;
    a->views += b->views;
    a->prices = sl_money_add(a->prices, b->prices);
    return true;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    const struct record *r = record;
    struct values *a = aggregate;
    a->views += r->views;
    sl_sum_add(&a->prices, r->prices);
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)scratch, (void)window;
    *(struct values *)values = *(const struct values *)aggregate;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_OWN, "daily_views", "1.0.0", "views of a product, by the hour"),
    .key_name = "product",
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct values),
    SL_VALUES(struct values, values_fields),
    .extract_many = extract_many,
    .bucket_ms = 3600000,
    .combine = combine,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
