/* spent.c - a parser of before there were sums, on a shipped lane whose amount has become one: it gets it as an amount. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t value;
};
static const sl_field needs[] = {SL_NEED(struct needs, value, SL_MONEY), {0}};

static const sl_feature features[] = {{"spent", SL_MONEY, "what orders are worth"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    out[0] = sl_cell_money(((const struct needs *)values)->value);
}

static const sl_metric metric = {
    SL_METRIC("spent", "1.0.0", "what orders are worth"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
