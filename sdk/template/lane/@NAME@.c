/* @NAME@.c - a lane: what of a shopper's events it keeps, and what it makes of that.
 *
 * It works as it stands: it counts product views, and those of cheap products. Change it from top to bottom; every part says what
 * it is for. The contract is in <shoplane/lane.h>. */
#include <shoplane/shoplane.h>

/* Settings, for the configuration: params = { cheap = 20; }; */
struct settings {
    int64_t cheap;
};
static const sl_param params[] = {
    SL_PARAM_I64(struct settings, cheap, 20, 1, 1000000, "a product below this price is cheap"),
    {0},
};

/* Which events it wants, and which places in them it reads: columns, fields of entities, or of the event's own data. */
static const char *const events[] = {"product_view", NULL};
enum { ID, PRICE }; /* order of `inputs` */
static const sl_input inputs[] = {{"id", "product[0].id"}, {"price", "product[0].price"}, {0}};

/* What is kept of one event: 16 to 64 bytes, a stamp first. */
struct record {
    sl_stamp at;
    sl_text product;
    int64_t price; /* micros */
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, product, SL_TEXT, "the product"),
    SL_FIELD(struct record, price, SL_MONEY, "its price"),
    {0},
};

/* What the records of a window add up to, one after the other; all zero at the start of each fold. */
struct aggregate {
    sl_counts *views;
    int64_t all, cheap;
};

/* What parsers can turn into features. */
struct values {
    int64_t all, cheap, products;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, all, SL_I64, "product views"),
    SL_FIELD(struct values, cheap, SL_I64, "of these, of cheap products"),
    SL_FIELD(struct values, products, SL_I64, "different products viewed"),
    {0},
};

/* An event to a record. False: not this one after all. */
static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self;
    struct record *r = record;
    r->product = sl_event_text(event, ID);
    r->price = sl_event_money(event, PRICE, 0);
    return !sl_text_empty(r->product);
}

/* A record into the aggregate; they come oldest first. */
static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    const struct settings *settings = self;
    const struct record *r = record;
    struct aggregate *a = aggregate;
    a->all++;
    a->cheap += r->price < settings->cheap * 1000000;
    sl_counts_add(scratch, &a->views, r->product, 1);
}

/* The aggregate to values. Called for a window that has gone empty, too. */
static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)window;
    const struct aggregate *a = aggregate;
    struct values *v = values;
    v->all = a->all;
    v->cheap = a->cheap;
    v->products = sl_counts_size(scratch, a->views);
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "@NAME@", "0.1.0", "one line that says what it is about"),
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
