/* first_last_touch.c - both as features; an empty text is an absent feature. */
#include <shoplane/shoplane.h>

struct needs {
    sl_text first_campaign, last_product;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, first_campaign, SL_TEXT),
    SL_NEED(struct needs, last_product, SL_TEXT),
    {0},
};

enum { FIRST, LAST };
static const sl_feature features[] = {
    {"first_campaign", SL_TEXT, "the campaign a shopper came by"},
    {"last_product", SL_TEXT, "the product viewed last"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[FIRST] = sl_cell_text(v->first_campaign);
    out[LAST] = sl_cell_text(v->last_product);
}

static const sl_metric metric = {
    SL_METRIC("first_last_touch", "1.0.0", "first campaign, last product"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
