/* session_search.c - how often a visit searched. For lane session. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t searches;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, searches, SL_I64),
    {0},
};

static const sl_feature features[] = {
    {"session_search_count", SL_I64, "searches"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[0] = sl_cell_i64(v->searches);
}

static const sl_metric metric = {
    SL_METRIC("session_search", "1.0.0", "searches of the visit"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
