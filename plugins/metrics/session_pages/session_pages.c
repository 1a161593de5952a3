/* session_pages.c - how long a visit lasts, and over how many pages. For lane session. */
#include <shoplane/shoplane.h>

struct needs {
    int64_t duration_ms, pages;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, duration_ms, SL_I64),
    SL_NEED(struct needs, pages, SL_I64),
    {0},
};

enum { DURATION, PAGES, BOUNCE }; /* order of `features` */
static const sl_feature features[] = {
    {"session_duration", SL_I64, "from the first event to the last, ms"},
    {"session_page_count", SL_I64, "pages viewed"},
    {"session_bounce", SL_BOOL, "whether fewer than 2 pages were viewed"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[DURATION] = sl_cell_i64(v->duration_ms);
    out[PAGES] = sl_cell_i64(v->pages);
    out[BOUNCE] = sl_cell_bool(v->pages < 2);
}

static const sl_metric metric = {
    SL_METRIC("session_pages", "1.0.0", "pages and length of the visit"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
