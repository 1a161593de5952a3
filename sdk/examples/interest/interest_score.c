/* interest_score.c - the score, and when it was true. */
#include <shoplane/shoplane.h>

struct needs {
    double score;
    int64_t at_ms;
};
static const sl_field needs[] = {SL_NEED(struct needs, score, SL_F64), SL_NEED(struct needs, at_ms, SL_I64), {0}};

enum { SCORE, AT };
static const sl_feature features[] = {
    {"interest", SL_F64, "the decayed score as of interest_at"},
    {"interest_at", SL_I64, "ms since 1970"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    if (v->at_ms == 0)
        return;
    out[SCORE] = sl_cell_f64(v->score);
    out[AT] = sl_cell_i64(v->at_ms);
}

static const sl_metric metric = {
    SL_METRIC("interest_score", "1.0.0", "a decayed score"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
