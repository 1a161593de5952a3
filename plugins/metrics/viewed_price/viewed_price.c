/* viewed_price.c - what the viewed products cost. For lane product. */
#include <shoplane/shoplane.h>

struct needs {
    double average_price;
    int64_t min_price, max_price;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, average_price, SL_F64),
    SL_NEED(struct needs, min_price, SL_MONEY),
    SL_NEED(struct needs, max_price, SL_MONEY),
    {0},
};

enum { AVERAGE, RANGE }; /* order of `features` */
static const sl_feature features[] = {
    {"avg_viewed_price", SL_F64, "mean of the distinct products, each at its earliest view; 0 if none"},
    {"price_range_viewed", SL_TEXT, "lowest-highest over all views; 0-0 if none"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)window;
    const struct needs *v = values;
    out[AVERAGE] = sl_cell_f64(v->average_price);
    out[RANGE] = sl_cell_join(scratch, sl_cell_money(v->min_price), "-", sl_cell_money(v->max_price));
}

static const sl_metric metric = {
    SL_METRIC("viewed_price", "1.0.0", "prices of the products viewed"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
