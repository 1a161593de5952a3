/* product_views.c - how many different products were viewed, and each how often. For lane product. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t products;
    sl_counts *views;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, products, SL_I64),
    SL_NEED(struct needs, views, SL_COUNTS),
    {0},
};

enum { COUNT, RETURNS }; /* order of `features` */
static const sl_feature features[] = {
    {"product_view_count", SL_I64, "distinct products viewed"},
    {"return_view_count", SL_COUNTS, "product -> views"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[COUNT] = sl_cell_i64(v->products);
    out[RETURNS] = sl_cell_counts(v->views);
}

static const sl_metric metric = {
    SL_METRIC("product_views", "1.0.0", "how many products, and each how often"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
