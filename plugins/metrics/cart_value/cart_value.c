/* cart_value.c - what is in the cart now; absent while no event stated it. For lane cart. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t value;
    bool has_value;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, value, SL_MONEY),
    SL_NEED(struct needs, has_value, SL_BOOL),
    {0},
};

static const sl_feature features[] = {
    {"cart_value", SL_MONEY, "worth of the cart"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    if (v->has_value)
        out[0] = sl_cell_money(v->value);
}

static const sl_metric metric = {
    SL_METRIC("cart_value", "1.0.0", "what the cart is worth"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
