/* audience.c - one parser for both lanes: product:{id}:viewers_1h, category:{name}:viewers_1h. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t viewers, views;
};
static const sl_field needs[] = {SL_NEED(struct needs, viewers, SL_I64), SL_NEED(struct needs, views, SL_I64), {0}};

enum { VIEWERS, VIEWS };
static const sl_feature features[] = {{"viewers", SL_I64, "different shoppers"}, {"views", SL_I64, "views"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[VIEWERS] = sl_cell_i64(v->viewers);
    out[VIEWS] = sl_cell_i64(v->views);
}

static const sl_metric metric = {
    SL_METRIC("audience", "1.0.0", "how many look"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
