/* visit_needs.c - a metric parser that needs a value of another lane in the window of the same name, of sessions too. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t views; /* of this lane */
    sl_text most;  /* of lane texts */
};
static const sl_field needs[] = {SL_NEED(struct needs, views, SL_I64), {0}};
static const sl_need more_needs[] = {SL_NEED_OF(struct needs, most, SL_TEXT, "most", .lane = "texts"), {.field = {0}}};

static const sl_feature features[] = {{"n_visit", SL_TEXT, "how many products were viewed, and the section with most pages"}, {0}};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)window;
    const struct needs *v = values;
    out[0] = sl_cell_text(sl_text_join(scratch, sl_text_number(scratch, v->views), " ", sl_text_empty(v->most) ? sl_text_literal(scratch, "of none") : v->most));
}

static const sl_metric metric = {
    SL_METRIC("visit_needs", "1.0.0", "needs of a visit"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
    .more_needs = more_needs,
};
SL_METRIC_PLUGIN(metric)
