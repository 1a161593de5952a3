/* cart_activity.c - how often a shopper changes the cart. For lane cart. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t adds, removes;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, adds, SL_I64),
    SL_NEED(struct needs, removes, SL_I64),
    {0},
};

enum { ADDS, REMOVES, UPDATES }; /* order of `features` */
static const sl_feature features[] = {
    {"cart_add_count", SL_I64, "times something was added"},
    {"cart_remove_count", SL_I64, "times something was removed"},
    {"cart_update_frequency", SL_I64, "times either happened"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[ADDS] = sl_cell_i64(v->adds);
    out[REMOVES] = sl_cell_i64(v->removes);
    out[UPDATES] = sl_cell_i64(v->adds + v->removes);
}

static const sl_metric metric = {
    SL_METRIC("cart_activity", "1.0.0", "how often the cart changed"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
