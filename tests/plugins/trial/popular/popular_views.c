/* popular_views.c - how a product sells. */
#include <shoplane/shoplane.h>
struct needs {
    int64_t viewers, buyers;
};
static const sl_field needs[] = {SL_NEED(struct needs, viewers, SL_I64), SL_NEED(struct needs, buyers, SL_I64), {0}};
static const sl_feature features[] = {{"viewing_sessions", SL_I64, "sessions"},
                                      {"cart_shoppers", SL_I64, "shoppers"},
                                      {"cart_share", SL_F64, "shoppers a session"},
                                      {0}};
static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *n = values;
    out[0] = sl_cell_i64(n->viewers);
    out[1] = sl_cell_i64(n->buyers);
    if (n->viewers > 0)
        out[2] = sl_cell_f64((double)n->buyers / (double)n->viewers);
}
static const sl_metric metric = {SL_METRIC("popular_views", "1.0.0", "how a product sells"), SL_NEEDS(struct needs, needs),
                                 SL_FEATURES(features, compute)};
SL_METRIC_PLUGIN(metric)
