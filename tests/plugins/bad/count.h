/* count.h - a metric parser for the lanes of this folder that is right in everything but what a test changes. */
#include <shoplane/shoplane.h>

#ifndef IN_COMPUTE
#define IN_COMPUTE
#endif

struct needs {
    int64_t views;
    int64_t sum;
    sl_counts *ids;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, views, SL_I64),
    SL_NEED(struct needs, sum, SL_MONEY),
    SL_NEED(struct needs, ids, SL_COUNTS),
    {0},
};
static const sl_feature features[] = {{NAME "_count", SL_I64, "views"}, {NAME "_mean", SL_F64, "their mean price"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values_, sl_cell *out)
{
    const struct needs *values = values_;
    (void)self, (void)scratch, (void)window;
    out[0] = sl_cell_i64(values->views);
    out[1] = sl_cell_f64(sl_money_mean(values->sum, values->views));
    IN_COMPUTE
}

static const sl_metric metric = {
    SL_METRIC(NAME, "1.0.0", "a parser of a test"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
