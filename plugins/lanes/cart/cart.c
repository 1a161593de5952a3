/* cart.c - what goes into a shopper's cart and out of it, and what the cart is worth.
 *
 * The cart's value is the total that the newest event states. Some shops state the total as it was before the change
 * (the schema says after); `total_is_before` then adds or takes off what was put in or taken out. */
#include <shoplane/shoplane.h>

enum { ADD_TO_CART, REMOVE_FROM_CART }; /* order of `events` */
static const char *const events[] = {"add_to_cart", "remove_from_cart", NULL};

enum { TOTAL, PRICE, QUANTITY }; /* order of `inputs` */
static const sl_input inputs[] = {
    {"total", "cart[0].total_value"},
    {"price", "product[*].price"},
    {"quantity", "product[*].quantity"},
    {0},
};

struct settings {
    bool total_is_before;
};
static const sl_param params[] = {
    SL_PARAM_BOOL(struct settings, total_is_before, false, "the shop states the cart's total before the change"), {0}};

struct record {
    sl_stamp at;
    int64_t value;
    bool has_value;
    bool added;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, value, SL_MONEY, "worth of the cart after the change"),
    SL_FIELD(struct record, has_value, SL_BOOL, "whether the event stated a total"),
    SL_FIELD(struct record, added, SL_BOOL, "added to the cart; else removed from it"),
    {0},
};

struct values {
    int64_t adds, removes, value;
    bool has_value;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, adds, SL_I64, "times something was added"),
    SL_FIELD(struct values, removes, SL_I64, "times something was removed"),
    SL_FIELD(struct values, value, SL_MONEY, "worth of the cart by the newest event that stated a total"),
    SL_FIELD(struct values, has_value, SL_BOOL, "whether any event stated a total"),
    {0},
};

/* The total, plus or minus price x quantity of every product: exact, rounded once (half-even, to micros). */
static int64_t total_after(const sl_event *event, int64_t total, bool added)
{
    __extension__ typedef __int128 wide;
    const int64_t unit = 1000000;
    const wide most = (wide)INT64_MAX * unit; /* what is beyond is cut below */
    wide sum = 0; /* in millionths of micros */
    for (uint32_t i = 0, n = sl_event_count(event, PRICE); i < n && sum <= most; i++)
        sum += (wide)sl_event_money_at(event, PRICE, i, 0) * sl_event_money_at(event, QUANTITY, i, unit);
    wide micros = sum / unit, rest = sum % unit;
    if (rest > unit / 2 || (rest == unit / 2 && micros % 2 == 1))
        micros++;
    wide after = added ? (wide)total + micros : (wide)total - micros;
    return after > INT64_MAX ? INT64_MAX : after < INT64_MIN ? INT64_MIN : (int64_t)after;
}

static bool extract(const void *self, const sl_event *event, void *out)
{
    const struct settings *settings = self;
    struct record *r = out;
    r->added = sl_event_kind(event) == ADD_TO_CART;
    r->has_value = sl_event_has_money(event, TOTAL, &r->value);
    if (r->has_value && settings->total_is_before)
        r->value = total_after(event, r->value, r->added);
    return true;
}

/* The aggregate is what is published. */
static void add(const void *self, sl_scratch *scratch, void *into, const void *record)
{
    (void)self, (void)scratch;
    struct values *v = into;
    const struct record *r = record;
    if (r->added)
        v->adds++;
    else
        v->removes++;
    if (r->has_value) {
        v->value = r->value;
        v->has_value = true;
    }
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *out)
{
    (void)self, (void)scratch, (void)window;
    *(struct values *)out = *(const struct values *)from;
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "cart", "1.0.0", "changes of a shopper's cart, and its worth"),
    SL_EVENTS(events, inputs),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct values),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
