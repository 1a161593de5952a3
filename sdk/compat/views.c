/* views.c - a lane that calls all that SDK 1.0 had, built against the headers of every minor: it must run for ever. */
#include <shoplane/shoplane.h>

#include <string.h>

enum { ALL, MOBILE };
static const char *const modes[] = {"all", "mobile", NULL};
struct settings {
    int64_t weight;
    double factor;
    const char *skip;
    int32_t mode;
    bool twice;
};
static const sl_param params[] = {
    SL_PARAM_I64(struct settings, weight, 1, 1, 10, "what a view counts"),
    SL_PARAM_F64(struct settings, factor, 1, 0, 10, "what a piece counts"),
    SL_PARAM_TEXT(struct settings, skip, "", "a product that is passed over"),
    SL_PARAM_CHOICE(struct settings, mode, "all", modes, "which views"),
    SL_PARAM_BOOL(struct settings, twice, false, "each view counts twice"),
    {0},
};

enum { VIEW, PAGE };
static const char *const events[] = {"product_view", "page_view", "wish", NULL}; /* a wish is a view */
enum { ID, PRICE, PRICES, QUANTITY, ON_PHONE };
static const sl_input inputs[] = {
    {"id", "product[0].id"},
    {"price", "product[0].price"},
    {"prices", "product[*].price"},
    {"quantity", "product[0].quantity"},
    {"on_phone", "dvce_ismobile"},
    {0},
};

struct record {
    sl_stamp at;
    sl_text product;
    int64_t price;
    double quantity;
    int32_t prices;
    uint8_t kind;
    bool on_phone;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, product, SL_TEXT, "the product"),
    SL_FIELD(struct record, price, SL_MONEY, "of all products of the event, added up"),
    SL_FIELD(struct record, quantity, SL_F64, "pieces of the first"),
    SL_FIELD(struct record, prices, SL_I32, "how many products"),
    SL_FIELD(struct record, kind, SL_U8, "which event"),
    SL_FIELD(struct record, on_phone, SL_BOOL, "a phone"),
    {0},
};

struct product {
    sl_text name;
    int64_t price;
};
struct aggregate {
    sl_counts *products;
    sl_list *order;
    sl_map *prices;
    sl_range range;
    double quantity;
    int64_t views, pages, phones;
};

struct values {
    int64_t views, pages, phones, sum, least, letters, different;
    double quantity;
    sl_text top;
    sl_list *order;
    sl_counts *products;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, views, SL_I64, "product views by their weight"),
    SL_FIELD(struct values, pages, SL_I64, "pages"),
    SL_FIELD(struct values, phones, SL_I64, "views by phones"),
    SL_FIELD(struct values, sum, SL_MONEY, "newest price of each product, added up"),
    SL_FIELD(struct values, least, SL_MONEY, "the least price"),
    SL_FIELD(struct values, letters, SL_I64, "bytes of the products' names"),
    SL_FIELD(struct values, different, SL_I64, "different products, counted in two ways"),
    SL_FIELD(struct values, quantity, SL_F64, "pieces by their factor"),
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

static void close_lane(void *self) { ((struct settings *)self)->weight = 0; }

static bool extract(const void *self, const sl_event *event, void *record)
{
    const struct settings *settings = self;
    struct record *r = record;
    sl_view name = sl_event_view(event, ID);
    int64_t first;
    r->kind = (uint8_t)sl_event_kind(event);
    r->product = sl_event_text(event, ID);
    r->on_phone = sl_event_flag(event, ON_PHONE, false);
    r->quantity = sl_event_number(event, QUANTITY, 1);
    r->price = sl_event_has_money(event, PRICE, &first) ? 0 : sl_event_money(event, PRICE, 100000000);
    r->prices = (int32_t)sl_event_count(event, PRICES);
    for (uint32_t i = 0; i < sl_event_count(event, PRICES); i++)
        r->price += sl_event_money_at(event, PRICES, i, 0);
    if (r->kind == PAGE)
        return true;
    if (sl_text_empty(r->product) || (settings->mode == MOBILE && !r->on_phone))
        return false;
    return name.size != strlen(settings->skip) || memcmp(name.data, settings->skip, name.size) != 0;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    const struct settings *settings = self;
    const struct record *r = record;
    struct aggregate *a = aggregate;
    if (r->kind == PAGE) {
        a->pages++;
        return;
    }
    a->views += settings->weight * (settings->twice ? 2 : 1);
    a->phones += r->on_phone;
    a->quantity += settings->factor * r->quantity;
    sl_counts_add(scratch, &a->products, r->product, 1);
    sl_list_add(scratch, &a->order, r->product);
    struct product *product = sl_map_at(scratch, &a->prices, r->product, sizeof *product);
    product->name = r->product;
    product->price = r->price;
    sl_range_add(&a->range, r->price);
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)window;
    const struct aggregate *a = aggregate;
    struct values *v = values;
    int64_t *letters = sl_alloc(scratch, sizeof *letters); /* zeroed */
    for (int64_t i = 0; i < sl_map_size(scratch, a->prices); i++) {
        const struct product *product = sl_map_item(scratch, a->prices, i);
        *letters += (int64_t)sl_text_view(scratch, &product->name).size;
        v->sum += product->price;
    }
    v->views = a->views;
    v->pages = a->pages;
    v->phones = a->phones;
    v->least = a->range.min;
    v->letters = *letters;
    v->different = sl_counts_size(scratch, a->products) + sl_list_size(scratch, a->order);
    v->quantity = a->quantity;
    v->top = sl_counts_top(scratch, a->products);
    v->order = a->order;
    v->products = a->products;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "views", "1.0.0", "all that SDK 1.0 had"),
    SL_EVENTS(events, inputs),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .open = open_lane,
    .close = close_lane,
    .extract = extract,
    .add = add,
    .publish = publish,
#if SL_SDK_MINOR >= 1
    .record_version = 3,
#endif
};
SL_LANE_PLUGIN(lane)
