/* product.c - what a shopper looks at: one record a product view, of the first product the event names.
 *
 * A product without a price counts as free, one without an id as the product "". */
#include <shoplane/shoplane.h>

enum { ID, PRICE }; /* order of `inputs` */
static const sl_input inputs[] = {{"id", "product[0].id"}, {"price", "product[0].price"}, {0}};
static const char *const events[] = {"product_view", NULL};

struct record {
    sl_stamp at;
    sl_text id;
    int64_t price;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, id, SL_TEXT, "the product"),
    SL_FIELD(struct record, price, SL_MONEY, "its price at this view"),
    {0},
};

struct aggregate {
    sl_counts *views;
    sl_sum first_prices; /* of each product's earliest view, added up */
    sl_range prices;
};

struct values {
    sl_counts *views;
    int64_t products, min_price, max_price;
    double average_price;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, views, SL_COUNTS, "product -> how often it was viewed"),
    SL_FIELD(struct values, products, SL_I64, "distinct products viewed"),
    SL_FIELD(struct values, min_price, SL_MONEY, "lowest price over all views; 0 if none"),
    SL_FIELD(struct values, max_price, SL_MONEY, "highest price over all views; 0 if none"),
    SL_FIELD(struct values, average_price, SL_F64, "mean over the products of each one's price at its earliest view"),
    {0},
};

static bool extract(const void *self, const sl_event *event, void *out)
{
    (void)self;
    struct record *r = out;
    r->id = sl_event_text(event, ID);
    r->price = sl_event_money(event, PRICE, 0);
    return true;
}

static void add(const void *self, sl_scratch *scratch, void *into, const void *record)
{
    (void)self;
    struct aggregate *a = into;
    const struct record *r = record;
    if (sl_counts_add(scratch, &a->views, r->id, 1) == 1) /* oldest first, so this is its earliest view */
        sl_sum_add(&a->first_prices, r->price);
    sl_range_add(&a->prices, r->price);
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *out)
{
    (void)self, (void)window;
    const struct aggregate *a = from;
    struct values *v = out;
    v->views = a->views;
    v->products = sl_counts_size(scratch, a->views);
    v->min_price = a->prices.min;
    v->max_price = a->prices.max;
    v->average_price = sl_sum_mean(&a->first_prices, v->products);
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "product", "1.0.0", "products a shopper views, and their prices"),
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
