/* needs.c - a metric parser with what SDK 1.3 added: values of another window of its lane, and of another lane. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t views;      /* of the window that the features are of */
    int64_t views_hour; /* of this lane's last hour */
    sl_text most;       /* of lane texts: in the window that is called the same */
    sl_counts *sections; /* of lane texts: in its last hour */
};
static const sl_field needs[] = {SL_NEED(struct needs, views, SL_I64), {0}};
static const sl_need more_needs[] = {
    SL_NEED_OF(struct needs, views_hour, SL_I64, "views", .window = "1h"),
    SL_NEED_OF(struct needs, most, SL_TEXT, "most", .lane = "texts"),
    SL_NEED_OF(struct needs, sections, SL_COUNTS, "sections", .lane = "texts", .window = "1h"),
    {.field = {0}},
};

static const sl_feature features[] = {
    {"n_views", SL_TEXT, "views of the window, of those of the hour"},
    {"n_most", SL_TEXT, "the section with most pages"},
    {"n_sections", SL_I64, "sections in an hour"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)window;
    const struct needs *v = values;
    out[0] = sl_cell_join(scratch, sl_cell_i64(v->views), " of ", sl_cell_i64(v->views_hour));
    out[1] = sl_cell_text(v->most);
    out[2] = sl_cell_i64(sl_counts_size(scratch, v->sections));
}

static const sl_metric metric = {
    SL_METRIC("needs", "1.0.0", "what SDK 1.3 added"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
    .more_needs = more_needs,
};
SL_METRIC_PLUGIN(metric)
