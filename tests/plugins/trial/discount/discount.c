/* discount.c - discounts of what a shopper puts into the cart. */
#include <shoplane/shoplane.h>

struct settings {
    int64_t least;
};
static const sl_param params[] = {SL_PARAM_I64(struct settings, least, 0, 0, 100, "percent; smaller discounts are none"), {0}};

static const char *const events[] = {"add_to_cart", NULL};
enum { PRICE, LIST };
static const sl_input inputs[] = {{"price", "product[*].price"}, {"list", "product[*].list_price"}, {0}};

struct record {
    sl_stamp at;
    double percent;
};
static const sl_field record_fields[] = {SL_FIELD(struct record, percent, SL_F64, "the discount, percent of the list price"),
                                         {0}};

struct values {
    int64_t products;
    double sum, most;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, products, SL_I64, "products with a list price"),
    SL_FIELD(struct values, sum, SL_F64, "of their discounts"),
    SL_FIELD(struct values, most, SL_F64, "the largest"),
    {0},
};

static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    const struct settings *settings = self;
    uint32_t count = sl_event_count(event, PRICE);
    for (uint32_t i = 0; i < count; i++) {
        int64_t price = sl_event_money_at(event, PRICE, i, -1), list = sl_event_money_at(event, LIST, i, 0);
        if (price < 0 || list <= 0)
            continue;
        double percent = 100.0 * (double)(list - price) / (double)list;
        if (percent < (double)settings->least)
            continue;
        struct record *r = sl_records_add(records);
        r->percent = percent;
    }
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    const struct record *r = record;
    struct values *a = aggregate;
    a->products++;
    a->sum += r->percent;
    if (a->products == 1 || r->percent > a->most)
        a->most = r->percent;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)window, (void)scratch;
    *(struct values *)values = *(const struct values *)aggregate;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "discount", "1.0.0", "discounts of what is put into the cart"),
    SL_EVENTS(events, inputs),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct values),
    SL_VALUES(struct values, values_fields),
    .extract_many = extract_many,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
