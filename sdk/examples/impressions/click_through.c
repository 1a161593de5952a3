/* click_through.c - a ratio, which is nothing without anything to divide by. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t shows, clicks;
};
static const sl_field needs[] = {SL_NEED(struct needs, shows, SL_I64), SL_NEED(struct needs, clicks, SL_I64), {0}};

static const sl_feature features[] = {{"click_through", SL_F64, "products clicked by products shown; absent if none was shown"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    if (v->shows > 0)
        out[0] = sl_cell_f64((double)v->clicks / (double)v->shows);
}

static const sl_metric metric = {
    SL_METRIC("click_through", "1.0.0", "how often what lists show is clicked"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
