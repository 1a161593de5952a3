/* propensity.c - a small model: a logistic regression over values of the lane `product`, its weights from a file.
 *
 * The file has a line "NAME WEIGHT" for each weight: intercept, products, mean_price. `open` reads it once, when the host starts or
 * reloads; a file that is not there or not right refuses the settings, and the host goes on with what it ran before. */
#include <shoplane/shoplane.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { INTERCEPT, PRODUCTS, MEAN_PRICE, WEIGHTS };
static const char *const names[WEIGHTS] = {"intercept", "products", "mean_price"};

struct settings {
    const char *weights_file;
    double weights[WEIGHTS]; /* `open` fills them in: `self` is the plugin's own */
};
static const sl_param params[] = {
    SL_PARAM_TEXT(struct settings, weights_file, "propensity.weights", "file with a line NAME WEIGHT for each weight"),
    {0},
};

static bool open_model(void *self, sl_refusal *refusal)
{
    struct settings *settings = self;
    char what[256], name[64];
    bool known[WEIGHTS] = {false};
    double weight;
    FILE *file = fopen(settings->weights_file, "re");
    if (file == NULL) {
        snprintf(what, sizeof what, "the weights can't be read: %.150s", settings->weights_file);
        return sl_refuse(refusal, what, "weights_file = \"/path/to/file\", which the host's user can read");
    }
    while (fscanf(file, "%63s %lf", name, &weight) == 2)
        for (int i = 0; i < WEIGHTS; i++)
            if (strcmp(name, names[i]) == 0 && isfinite(weight)) {
                settings->weights[i] = weight;
                known[i] = true;
            }
    bool whole = feof(file) && !ferror(file);
    fclose(file);
    for (int i = 0; i < WEIGHTS && whole; i++)
        whole = known[i];
    return whole || sl_refuse(refusal, "the weights are not complete", "a line each: intercept -2, products 0.4, mean_price 0.01");
}

struct needs {
    int64_t products;
    double average_price;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, products, SL_I64),
    SL_NEED(struct needs, average_price, SL_F64),
    {0},
};

static const sl_feature features[] = {{"propensity", SL_F64, "how likely an order is, 0 to 1, to three digits"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)scratch, (void)window;
    const struct settings *settings = self;
    const struct needs *v = values;
    double sum = settings->weights[INTERCEPT] + settings->weights[PRODUCTS] * (double)v->products +
                 settings->weights[MEAN_PRICE] * v->average_price;
    out[0] = sl_cell_f64(round(1000 / (1 + exp(-sum))) / 1000); /* what differs in the tenth digit need not be written */
}

static const sl_metric metric = {
    SL_METRIC("propensity", "1.0.0", "a logistic regression"),
    SL_SETTINGS(struct settings, params),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
    .open = open_model,
};
SL_METRIC_PLUGIN(metric)
