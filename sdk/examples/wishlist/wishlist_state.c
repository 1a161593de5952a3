/* wishlist_state.c - the wish list as features; absent where no page of the window had one. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t size, value, pages;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, size, SL_I64),
    SL_NEED(struct needs, value, SL_MONEY),
    SL_NEED(struct needs, pages, SL_I64),
    {0},
};

enum { SIZE, VALUE };
static const sl_feature features[] = {
    {"wishlist_size", SL_I64, "products on the wish list"},
    {"wishlist_value", SL_MONEY, "what they cost together"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    if (v->pages == 0)
        return;
    out[SIZE] = sl_cell_i64(v->size);
    out[VALUE] = sl_cell_money(v->value);
}

static const sl_metric metric = {
    SL_METRIC("wishlist_state", "1.0.0", "the wish list"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
