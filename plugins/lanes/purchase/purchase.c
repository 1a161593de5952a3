/* purchase.c - a shopper's orders and what they are worth.
 *
 * Which events tell of an order is a setting. `transaction`: transactions by their id, the first of an id counts, refunds
 * of that id in the window come off its worth, wherever they stand in the log. `checkout_step`: for shops that send no
 * transactions, step 2 closes an order worth what the last change of the cart since the previous order left in it; whoever has made
 * another step has no order by it, but is known to have none. */
#include <shoplane/shoplane.h>

enum { TRANSACTION, REFUND, ADD_TO_CART, REMOVE_FROM_CART, CHECKOUT_STEP, OTHER_STEP }; /* order of `events`, and `record.kind` */
static const char *const events[] = {"transaction", "refund", "add_to_cart", "remove_from_cart", "checkout_step", NULL};

enum { ORDER, REVENUE, REFUNDED_ORDER, REFUND_AMOUNT, CART_TOTAL, PRICE, STEP }; /* order of `inputs` */
static const sl_input inputs[] = {
    {"order", "transaction[0].transaction_id"},
    {"revenue", "transaction[0].revenue"},
    {"refunded_order", "refund[0].transaction_id"},
    {"refund_amount", "refund[0].refund_amount"},
    {"cart_total", "cart[0].total_value"},
    {"price", "product[0].price"},
    {"step", "checkout_step[0].step"},
    {0},
};

enum { BY_TRANSACTION, BY_CHECKOUT_STEP }; /* order of `signals` */
static const char *const signals[] = {"transaction", "checkout_step", NULL};
struct settings {
    int32_t order_signal;
};
static const sl_param params[] = {
    SL_PARAM_CHOICE(struct settings, order_signal, "transaction", signals, "which events tell of an order"), {0}};

struct record {
    sl_stamp at;
    sl_text order;
    int64_t amount;
    uint8_t kind;
};
static const sl_field record_fields[] = {
    SL_FIELD(struct record, order, SL_TEXT, "the transaction's id"),
    SL_FIELD(struct record, amount, SL_MONEY, "revenue, refunded amount, or worth of the cart after its change"),
    SL_FIELD(struct record, kind, SL_U8, "0 transaction, 1 refund, 2 added to cart, 3 removed, 4 checked out, 5 another step"),
    {0},
};

struct values {
    int64_t orders;
    sl_sum value;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, orders, SL_I64, "orders placed"),
    SL_FIELD(struct values, value, SL_SUM, "what they are worth together"),
    {0},
};

struct order {
    int64_t revenue, refunded;
    bool placed;
};
struct aggregate {
    struct values closed; /* orders that can't be refunded */
    sl_map *orders;       /* transaction id -> struct order */
    bool cart_changed;    /* since the last order; and what the cart was worth then: */
    int64_t cart;
};

static bool extract(const void *self, const sl_event *event, void *out)
{
    const struct settings *settings = self;
    struct record *r = out;
    r->kind = (uint8_t)sl_event_kind(event);
    if ((r->kind <= REFUND) != (settings->order_signal == BY_TRANSACTION))
        return false;
    if (r->kind == TRANSACTION) {
        r->order = sl_event_text(event, ORDER);
        r->amount = sl_event_money(event, REVENUE, 0);
    } else if (r->kind == REFUND) {
        r->order = sl_event_text(event, REFUNDED_ORDER);
        r->amount = sl_event_money(event, REFUND_AMOUNT, 0);
        return !sl_text_empty(r->order);
    } else if (r->kind == CHECKOUT_STEP) {
        if (sl_event_number(event, STEP, 0) != 2)
            r->kind = OTHER_STEP;
    } else { /* such shops state the cart's total as it was before the change */
        int64_t price = sl_event_money(event, PRICE, 0);
        r->amount = sl_event_money(event, CART_TOTAL, 0) + (r->kind == ADD_TO_CART ? price : -price);
    }
    return true;
}

static void add_order(struct values *orders, int64_t value)
{
    orders->orders++;
    sl_sum_add(&orders->value, value);
}

static void add(const void *self, sl_scratch *scratch, void *into, const void *record)
{
    (void)self;
    struct aggregate *a = into;
    const struct record *r = record;
    if (r->kind == OTHER_STEP)
        return;
    if (r->kind == CHECKOUT_STEP) {
        if (a->cart_changed)
            add_order(&a->closed, a->cart);
        a->cart_changed = false;
    } else if (r->kind == ADD_TO_CART || r->kind == REMOVE_FROM_CART) {
        a->cart = r->amount;
        a->cart_changed = true;
    } else if (sl_text_empty(r->order)) {
        add_order(&a->closed, r->amount);
    } else {
        struct order *order = sl_map_at(scratch, &a->orders, r->order, sizeof *order);
        if (r->kind == REFUND) {
            order->refunded = sl_money_add(order->refunded, r->amount); /* more than its revenue is nothing more */
        } else if (!order->placed) {
            order->placed = true;
            order->revenue = r->amount;
        }
    }
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *from, void *out)
{
    (void)self, (void)window;
    const struct aggregate *a = from;
    struct values *v = out;
    *v = a->closed;
    for (int64_t i = 0, n = sl_map_size(scratch, a->orders); i < n; i++) {
        const struct order *order = sl_map_item(scratch, a->orders, i);
        if (order->placed) /* else it is a refund of an order that is not in the window */
            add_order(v, order->revenue > order->refunded ? order->revenue - order->refunded : 0);
    }
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "purchase", "1.0.0", "a shopper's orders and their worth"),
    SL_EVENTS(events, inputs),
    SL_SETTINGS(struct settings, params),
    SL_RECORD(struct record, record_fields),
    .record_version = 1, /* steps other than the second are kept */
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
