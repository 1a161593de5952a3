/* own_cells.c - the parser of own_views. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t views;
};
static const sl_field needs[] = {SL_NEED(struct needs, views, SL_I64), {0}};
static const sl_feature features[] = {{"o_views", SL_I64, "views"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    out[0] = sl_cell_i64(((const struct needs *)values)->views);
}

static const sl_metric metric = {
    SL_METRIC("own_cells", "1.0.0", "views"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
