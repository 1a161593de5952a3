/* @METRIC@.c - a metric parser: features of what lane @NAME@ publishes. The contract is in <shoplane/metric.h>. */
#include <shoplane/shoplane.h>

/* The values it needs, by the names and types under which the lane publishes them. */
struct needs {
    int64_t all, cheap;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, all, SL_I64),
    SL_NEED(struct needs, cheap, SL_I64),
    {0},
};

/* The features it makes: user:{id}:@NAME@_views_5m and so on. */
enum { VIEWS, CHEAP_SHARE }; /* order of `features` */
static const sl_feature features[] = {
    {"@NAME@_views", SL_I64, "product views"},
    {"@NAME@_cheap_share", SL_F64, "the share of cheap ones among them; absent without views"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[VIEWS] = sl_cell_i64(v->all);
    if (v->all > 0) /* what is not set is absent: its key is deleted */
        out[CHEAP_SHARE] = sl_cell_f64((double)v->cheap / (double)v->all);
}

static const sl_metric metric = {
    SL_METRIC("@METRIC@", "0.1.0", "one line that says what it is about"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
