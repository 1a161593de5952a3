/* checkout_abandoned.c - whether a shopper left a checkout, and how far they had come. */
#include <shoplane/shoplane.h>

struct needs {
    bool abandoned;
    int64_t step;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, abandoned, SL_BOOL),
    SL_NEED(struct needs, step, SL_I64),
    {0},
};

enum { ABANDONED, STEP };
static const sl_feature features[] = {
    {"checkout_abandoned", SL_BOOL, "the newest checkout was begun, not finished, and left"},
    {"checkout_abandoned_step", SL_I64, "how far it had come; absent if none was abandoned"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[ABANDONED] = sl_cell_bool(v->abandoned);
    if (v->abandoned)
        out[STEP] = sl_cell_i64(v->step);
}

static const sl_metric metric = {
    SL_METRIC("checkout_abandoned", "1.0.0", "checkouts that were left"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
