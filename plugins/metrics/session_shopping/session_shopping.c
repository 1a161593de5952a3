/* session_shopping.c - what a visit says of the will to buy. For lane session. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t product_views, cart_adds;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, product_views, SL_I64),
    SL_NEED(struct needs, cart_adds, SL_I64),
    {0},
};

enum { RATIO, VIEWS }; /* order of `features` */
static const sl_feature features[] = {
    {"session_cart_ratio", SL_F64, "times added to the cart / product views; 0 if none were viewed"},
    {"session_product_views", SL_I64, "product views"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[RATIO] = sl_cell_f64(v->product_views == 0 ? 0.0 : (double)v->cart_adds / (double)v->product_views);
    out[VIEWS] = sl_cell_i64(v->product_views);
}

static const sl_metric metric = {
    SL_METRIC("session_shopping", "1.0.0", "products viewed and put into the cart"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
