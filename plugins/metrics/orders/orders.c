/* orders.c - how many orders, and what they are worth together and on average. For lane purchase. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t orders;
    sl_sum value;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, orders, SL_I64),
    SL_NEED(struct needs, value, SL_SUM),
    {0},
};

enum { COUNT, VALUE, AVERAGE }; /* order of `features` */
static const sl_feature features[] = {
    {"orders_count", SL_I64, "orders placed"},
    {"order_value", SL_SUM, "what they are worth together"},
    {"avg_order_value", SL_MONEY, "worth of an order, to 2 decimals; 0 if none"},
    {0},
};

/* sum / n in micros, the exact quotient rounded half-even to whole cents; 0 if n is 0. Cut at the ends of int64_t. */
static int64_t mean_in_cents(const sl_sum *sum, int64_t n)
{
    __extension__ typedef __int128 wide;
    const wide cent = 10000;
    if (n <= 0)
        return 0;
    wide micros = (wide)sum->high * ((wide)1 << 64) + (wide)sum->low, whole = n * cent;
    wide cents = micros / whole, rest = micros % whole; /* towards zero; the rest has the sum's sign */
    wide twice = rest < 0 ? -2 * rest : 2 * rest;
    if (twice > whole || (twice == whole && cents % 2 != 0))
        cents += micros < 0 ? -1 : 1;
    if (cents > INT64_MAX / cent || cents < INT64_MIN / cent)
        return cents > 0 ? INT64_MAX : INT64_MIN;
    return (int64_t)(cents * cent);
}

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)window;
    const struct needs *v = values;
    out[COUNT] = sl_cell_i64(v->orders);
    out[VALUE] = sl_cell_sum(scratch, &v->value);
    out[AVERAGE] = sl_cell_money(mean_in_cents(&v->value, v->orders));
}

static const sl_metric metric = {
    SL_METRIC("orders", "1.0.0", "orders and their worth"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
