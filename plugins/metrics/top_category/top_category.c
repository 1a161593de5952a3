/* top_category.c - the category a shopper views most; absent if none. For lane category. */
#include <shoplane/shoplane.h>

struct needs {
    sl_text top;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, top, SL_TEXT),
    {0},
};

static const sl_feature features[] = {
    {"top_category", SL_TEXT, "the most viewed category"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[0] = sl_cell_text(v->top);
}

static const sl_metric metric = {
    SL_METRIC("top_category", "1.0.0", "the most viewed category"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
