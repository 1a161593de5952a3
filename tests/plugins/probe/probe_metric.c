/* probe_metric.c - publishes what lane probe counts. -DCRASHES: three views are its end (ends.h). */
#include "ends.h"

#include <shoplane/shoplane.h>

struct needs {
    int64_t views;
};
static const sl_field needs[] = {SL_NEED(struct needs, views, SL_I64), {0}};
static const sl_feature features[] = {{"probe_views", SL_I64, "page views, for tests"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
#ifdef CRASHES
    if (((const struct needs *)values)->views == 3)
        end_it();
#endif
    *out = sl_cell_i64(((const struct needs *)values)->views);
}

static const sl_metric metric = {
    SL_METRIC("probe_views", "1.0.0", "page views, for tests"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
