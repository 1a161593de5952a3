/* hesitation.c - what a shopper looks at while there is something in the cart: a parser on lane `product` that needs values of another
 * of its windows, and of lane `cart`. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t products; /* viewed in the window that the features are of */
    int64_t of_hour;         /* viewed in the last hour */
    int64_t cart;
    bool has_cart;
};
static const sl_field needs[] = {SL_NEED(struct needs, products, SL_I64), {0}};
static const sl_need more_needs[] = {
    SL_NEED_OF(struct needs, of_hour, SL_I64, "products", .window = "1h"),
    SL_NEED_OF(struct needs, cart, SL_MONEY, "value", .lane = "cart"),
    SL_NEED_OF(struct needs, has_cart, SL_BOOL, "has_value", .lane = "cart"),
    {.field = {0}},
};

static const sl_feature features[] = {
    {"viewed_share_of_hour", SL_F64, "products viewed, by those of the last hour; absent if there was none"},
    {"cart_while_viewing", SL_MONEY, "what the cart is worth by the events of the window; absent if none says so"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    if (v->of_hour > 0)
        out[0] = sl_cell_f64((double)v->products / (double)v->of_hour);
    if (v->has_cart)
        out[1] = sl_cell_money(v->cart);
}

static const sl_metric metric = {
    SL_METRIC("hesitation", "1.0.0", "what is looked at while the cart is full"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
    .more_needs = more_needs,
};
SL_METRIC_PLUGIN(metric)
