/* popular.c - who looks at a product, and who puts it into the cart. */
#include <shoplane/shoplane.h>

static const char *const events[] = {"product_view", "add_to_cart", NULL};
enum { VIEW, CART };
enum { PRODUCT, USER, SESSION };
static const sl_input inputs[] = {{"product", "product[*].id"}, {"user", "@user"}, {"session", "@session"}, {0}};

struct record {
    sl_stamp at;
    sl_text who; /* a view: the session; else the shopper */
    bool cart;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, who, SL_TEXT, "session or shopper"),
    SL_FIELD(struct record, cart, SL_BOOL, "it was put into the cart"),
    {0},
};

struct aggregate {
    sl_list *viewers, *buyers;
};
struct values {
    int64_t viewers, buyers;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, viewers, SL_I64, "sessions that viewed it"),
    SL_FIELD(struct values, buyers, SL_I64, "shoppers who put it into the cart"),
    {0},
};

static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    (void)self;
    bool cart = sl_event_kind(event) == CART;
    sl_text who = sl_event_text(event, cart ? USER : SESSION);
    uint32_t count = sl_event_count(event, PRODUCT);
    if (sl_text_empty(who))
        return;
    for (uint32_t i = 0; i < count; i++) {
        struct record *r = sl_records_add_for(records, sl_event_view_at(event, PRODUCT, i));
        r->who = who;
        r->cart = cart;
    }
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self;
    const struct record *r = record;
    struct aggregate *a = aggregate;
    (void)sl_list_add(scratch, r->cart ? &a->buyers : &a->viewers, r->who);
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)window;
    const struct aggregate *a = aggregate;
    *(struct values *)values = (struct values){sl_list_size(scratch, a->viewers), sl_list_size(scratch, a->buyers)};
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_OWN, "popular", "1.0.0", "who looks at a product, and who puts it into the cart"),
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
