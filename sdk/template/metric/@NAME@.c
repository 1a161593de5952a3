/* @NAME@.c - a metric parser: features of what a lane publishes. The contract is in <shoplane/metric.h>.
 *
 * It works as it stands, on the lane `product`: whether a shopper looks at many products. `shoplane plugins` lists what the lanes
 * publish. */
#include <shoplane/shoplane.h>

/* Settings, for the configuration: { metric = "@NAME@"; params = { many = 4; }; } */
struct settings {
    int64_t many;
};
static const sl_param params[] = {
    SL_PARAM_I64(struct settings, many, 3, 1, 1000, "so many different products"),
    {0},
};

/* The values it needs, by the names and types under which the lane publishes them. */
struct needs {
    int64_t products;
};
static const sl_field needs[] = {SL_NEED(struct needs, products, SL_I64), {0}};

/* The features it makes: user:{id}:@NAME@_5m and so on. */
static const sl_feature features[] = {{"@NAME@", SL_BOOL, "whether many products were viewed"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)scratch, (void)window;
    const struct settings *settings = self;
    const struct needs *v = values;
    out[0] = sl_cell_bool(v->products >= settings->many);
}

static const sl_metric metric = {
    SL_METRIC("@NAME@", "0.1.0", "one line that says what it is about"),
    SL_SETTINGS(struct settings, params),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
