/* discount_views.c - hunger for discounts. */
#include <shoplane/shoplane.h>
struct needs {
    int64_t products;
    double sum, most;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, products, SL_I64), SL_NEED(struct needs, sum, SL_F64), SL_NEED(struct needs, most, SL_F64), {0}};
static const sl_feature features[] = {{"mean_discount", SL_F64, "percent"}, {"largest_discount", SL_F64, "percent"}, {0}};
static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *n = values;
    if (n->products == 0)
        return;
    out[0] = sl_cell_f64(n->sum / (double)n->products);
    out[1] = sl_cell_f64(n->most);
}
static const sl_metric metric = {
    SL_METRIC("discount_views", "1.0.0", "hunger for discounts"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
