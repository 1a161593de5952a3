/* funnel.c - how far a shopper comes on the way to an order, each step only after the one before it. */
#include <shoplane/shoplane.h>

enum { VIEW, CART, CHECKOUT, ORDER, STEPS }; /* order of `events` */
static const char *const events[] = {"product_view", "add_to_cart", "checkout_step", "transaction", NULL};

struct record {
    sl_stamp at;
    uint8_t step;
};
static const sl_field record_fields[] = {SL_FIELD(struct record, step, SL_U8, "0 view, 1 cart, 2 checkout, 3 order"), {0}};

struct aggregate {
    int64_t reached;            /* steps done of the way that goes on */
    int64_t furthest;           /* of all ways */
    int64_t started_ms, order_ms; /* of the way that goes on; how long the newest whole way took */
    int64_t orders;
};

struct values {
    int64_t furthest, orders, order_ms;
};
static const sl_field values_fields[] = {
    SL_FIELD(struct values, furthest, SL_I64, "steps done of the longest way: 0 to 4"),
    SL_FIELD(struct values, orders, SL_I64, "whole ways, from a view to an order"),
    SL_FIELD(struct values, order_ms, SL_I64, "how long the newest whole way took, ms; 0 if none"),
    {0},
};

static bool extract(const void *self, const sl_event *event, void *record)
{
    (void)self;
    ((struct record *)record)->step = (uint8_t)sl_event_kind(event);
    return true;
}

static void add(const void *self, sl_scratch *scratch, void *aggregate, const void *record)
{
    (void)self, (void)scratch;
    const struct record *r = record;
    struct aggregate *a = aggregate;
    if (r->step != a->reached)
        return; /* a step again, or one before its turn */
    if (r->step == VIEW)
        a->started_ms = r->at.time_ms;
    a->reached++;
    if (a->reached > a->furthest)
        a->furthest = a->reached;
    if (a->reached < STEPS)
        return;
    a->orders++;
    a->order_ms = r->at.time_ms - a->started_ms;
    a->reached = 0; /* the next way begins */
}

static void publish(const void *self, sl_scratch *scratch, const sl_window *window, const void *aggregate, void *values)
{
    (void)self, (void)scratch, (void)window;
    const struct aggregate *a = aggregate;
    *(struct values *)values = (struct values){a->furthest, a->orders, a->order_ms};
}

static const sl_lane lane = {
    SL_LANE(SL_KEY_USER, "funnel", "1.0.0", "the way to an order"),
    SL_EVENTS(events, NULL),
    SL_RECORD(struct record, record_fields),
    SL_AGGREGATE(struct aggregate),
    SL_VALUES(struct values, values_fields),
    .extract = extract,
    .add = add,
    .publish = publish,
};
SL_LANE_PLUGIN(lane)
