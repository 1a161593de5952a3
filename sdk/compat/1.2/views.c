/* views.c - a lane as they are in SDK 1.2: many records of an event, under a key of its own, combined. */
#include <shoplane/shoplane.h>

struct settings {
    int64_t weight;
};
static const sl_param params[] = {SL_PARAM_I64(struct settings, weight, 1, 1, 10, "what a view counts"), {0}};

static const char *const events[] = {"product_view", "page_view", NULL};
enum { ID, PRICE };
static const sl_input inputs[] = {{"id", "product[0].id"}, {"price", "product[*].price"}, {0}};

struct record {
    sl_stamp at;
    sl_text product;
    int64_t price;
    uint8_t kind;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, product, SL_TEXT, "the product"),
    SL_FIELD(struct record, price, SL_MONEY, "of all products of the event, added up"),
    SL_FIELD(struct record, kind, SL_U8, "which event"),
    {0},
};

struct aggregate {
    sl_counts *products;
    sl_list *order;
    sl_map *prices;
    sl_range range;
    int64_t views, pages;
};

struct values {
    int64_t views, pages, sum, least;
    sl_text top;
    sl_list *order;
    sl_counts *products;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, views, SL_I64, "product views by their weight"),
    SL_FIELD(struct values, pages, SL_I64, "pages"),
    SL_FIELD(struct values, sum, SL_MONEY, "newest price of each product, added up"),
    SL_FIELD(struct values, least, SL_MONEY, "the least price"),
    SL_FIELD(struct values, top, SL_TEXT, "the product viewed most"),
    SL_FIELD(struct values, order, SL_LIST, "products in order"),
    SL_FIELD(struct values, products, SL_COUNTS, "product -> views"),
    {0},
};

static bool open_lane(void *self, sl_refusal *refusal)
{
    struct settings *settings = self;
    return settings->weight != 7 || sl_refuse(refusal, "seven is taken", "another weight");
}

static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    (void)self;
    if (sl_event_kind(event) == 1)
        return;
    struct record *r = sl_records_add_for(records, sl_event_view_at(event, ID, 0));
    r->kind = (uint8_t)sl_event_kind(event);
    r->product = sl_event_text(event, ID);
    for (uint32_t i = 0; i < sl_event_count(event, PRICE); i++)
        r->price += sl_event_money_at(event, PRICE, i, 0);
    r = sl_records_add_for(records, (sl_view){"all", 3});
    r->product = sl_event_text(event, ID);
}

/* Only what is equal in all but its price is one: never, here, but the host asks. */
static bool combine(const void *self, void *into, const void *from)
{
    (void)self, (void)into, (void)from;
    return false;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    const struct settings *settings = self;
    const struct record *r = record;
    struct aggregate *a = aggregate;
    if (r->kind == 1) {
        a->pages++;
        return;
    }
    a->views += settings->weight;
    sl_counts_add(scratch, &a->products, r->product, 1);
    sl_list_add(scratch, &a->order, r->product);
    *(int64_t *)sl_map_at(scratch, &a->prices, r->product, sizeof(int64_t)) = r->price;
    sl_range_add(&a->range, r->price);
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)window;
    const struct aggregate *a = aggregate;
    struct values *v = values;
    v->views = a->views;
    v->pages = a->pages;
    for (int64_t i = 0; i < sl_map_size(scratch, a->prices); i++)
        v->sum += *(const int64_t *)sl_map_item(scratch, a->prices, i);
    v->least = a->range.min;
    v->top = sl_counts_top(scratch, a->products);
    v->order = a->order;
    v->products = a->products;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_OWN, "views", "1.0.0", "everything that SDK 1.2 added"),
    SL_SETTINGS(struct settings, params),
    SL_EVENTS(events, inputs),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .open = open_lane,
    .key_name = "product",
    .bucket_ms = 1000,
    .combine = combine,
    .extract_many = extract_many,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
