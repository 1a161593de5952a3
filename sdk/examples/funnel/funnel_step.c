/* funnel_step.c - the way as words and numbers. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t furthest, orders, order_ms;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, furthest, SL_I64),
    SL_NEED(struct needs, orders, SL_I64),
    SL_NEED(struct needs, order_ms, SL_I64),
    {0},
};

enum { STEP, ORDERS, SECONDS };
static const sl_feature features[] = {
    {"funnel_step", SL_TEXT, "the furthest step: none, view, cart, checkout, order"},
    {"funnel_orders", SL_I64, "ways that ended in an order"},
    {"funnel_order_seconds", SL_F64, "from the view to the order, of the newest such way; absent without one"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    static const char *const words[] = {"none", "view", "cart", "checkout", "order"};
    (void)self, (void)window;
    const struct needs *v = values;
    out[STEP] = sl_cell_text(sl_text_literal(scratch, words[v->furthest >= 0 && v->furthest <= 4 ? v->furthest : 0]));
    out[ORDERS] = sl_cell_i64(v->orders);
    if (v->orders > 0)
        out[SECONDS] = sl_cell_f64((double)v->order_ms / 1000);
}

static const sl_metric metric = {
    SL_METRIC("funnel_step", "1.0.0", "how far on the way to an order"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
