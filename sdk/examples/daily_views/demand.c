/* demand.c - views and their mean price: product:{id}:demand_7d. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t views;
    sl_sum prices;
};
static const sl_field needs[] = {SL_NEED(struct needs, views, SL_I64), SL_NEED(struct needs, prices, SL_SUM), {0}};

enum { DEMAND, PRICE };
static const sl_feature features[] = {
    {"demand", SL_I64, "views"},
    {"demand_price", SL_F64, "the mean price at which it was viewed; absent without views"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[DEMAND] = sl_cell_i64(v->views);
    if (v->views > 0)
        out[PRICE] = sl_cell_f64(sl_sum_mean(&v->prices, v->views));
}

static const sl_metric metric = {
    SL_METRIC("demand", "1.0.0", "how often a product is viewed"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
