/* category_views.c - how wide a shopper looks around. For lane category. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t categories, events;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, categories, SL_I64),
    SL_NEED(struct needs, events, SL_I64),
    {0},
};

enum { UNIQUE, COUNT }; /* order of `features` */
static const sl_feature features[] = {
    {"unique_categories", SL_I64, "distinct categories viewed"},
    {"category_view_count", SL_I64, "views of categories"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[UNIQUE] = sl_cell_i64(v->categories);
    out[COUNT] = sl_cell_i64(v->events);
}

static const sl_metric metric = {
    SL_METRIC("category_views", "1.0.0", "how many categories, and views of them"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
