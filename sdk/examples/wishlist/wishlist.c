/* wishlist.c - an entity of one's own schema: how long a shopper's wish list is, and what it is worth. Lane and metric parser in one
 * file.
 *
 * The shop sends the entity iglu:com.acme/wishlist/jsonschema/1-0-0, {"size": 3, "value": 89.90}, with every page view. */
#include <shoplane/shoplane.h>

static const char *const events[] = {"page_view", NULL};
enum { SIZE, VALUE }; /* order of `inputs`: vendor, name and model of the schema, which of them, and the field */
static const sl_input inputs[] = {{"size", "com.acme/wishlist/1[0].size"}, {"value", "com.acme/wishlist/1[0].value"}, {0}};

struct record {
    sl_stamp at;
    double size;
    int64_t value;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, size, SL_F64, "products on the list"),
    SL_FIELD(struct record, value, SL_MONEY, "what they cost together"),
    {0},
};

struct values {
    int64_t size, value;
    int64_t pages; /* that had a list; it doubles as the aggregate's */
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, size, SL_I64, "products on the list, on the newest page"),
    SL_FIELD(struct values, value, SL_MONEY, "what they cost together, on the newest page"),
    SL_FIELD(struct values, pages, SL_I64, "pages with a list"),
    {0},
};

static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self;
    struct record *r = record;
    r->size = sl_event_number(event, SIZE, -1);
    r->value = sl_event_money(event, VALUE, 0);
    return r->size >= 0 && r->size <= 1e6; /* a page without the entity is not ours; and a number may be any, 1e300 too */
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    const struct record *r = record;
    struct values *a = aggregate;
    a->size = (int64_t)r->size; /* records come oldest first: the last one stays */
    a->value = r->value;
    a->pages++;
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)scratch, (void)window;
    *(struct values *)values = *(const struct values *)aggregate;
}

/* The parser needs what the lane publishes: the same fields. */
enum { LIST_SIZE, LIST_VALUE }; /* order of `features` */
static const sl_feature features[] = {
    {"wishlist_size", SL_I64, "products on the wish list"},
    {"wishlist_value", SL_MONEY, "what they cost together"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct values *v = values;
    if (v->pages == 0)
        return; /* absent where no page of the window had a list */
    out[LIST_SIZE] = sl_cell_i64(v->size);
    out[LIST_VALUE] = sl_cell_money(v->value);
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "wishlist", "1.0.0", "the wish list a shopper has"),
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct values),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
static const sl_metric metric = {
    SL_METRIC("wishlist", "1.0.0", "the wish list"),
    SL_NEEDS(struct values, values_fields),
    SL_FEATURES(features, compute),
};
SL_PLUGIN(lane, metric)
