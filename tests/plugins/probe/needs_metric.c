/* needs_metric.c - publishes, beside another lane, what lane probe counts. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t views;
};
static const sl_field needs[] = {{0}};
static const sl_need others[] = {SL_NEED_OF(struct needs, views, SL_I64, "views", .lane = "probe", .window = "w"), {0}};
static const sl_feature features[] = {{"probe_beside", SL_I64, "page views, for tests"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    *out = sl_cell_i64(((const struct needs *)values)->views);
}

static const sl_metric metric = {
    SL_METRIC("probe_beside", "1.0.0", "page views, for tests"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
    .more_needs = others,
};
SL_METRIC_PLUGIN(metric)
