/* plain_metric.h - a small metric parser for lane "plain" that is right in everything but what a test changes. */
#include <shoplane/shoplane.h>

#ifndef NEED
#define NEED records
#endif
#ifndef NEED_TYPE
#define NEED_TYPE SL_I64
#endif
#ifndef FEATURE
#define FEATURE NAME
#endif

struct needs {
    int64_t NEED;
};
static const sl_field needs[] = {SL_NEED(struct needs, NEED, NEED_TYPE), {0}};
static const sl_feature features[] = {{FEATURE, SL_I64, "a feature of a test"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    *out = sl_cell_i64(((const struct needs *)values)->NEED);
}

static const sl_metric metric = {
    SL_METRIC(NAME, "1.0.0", "a parser of a test"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
