/* session_campaign.c - the marketing campaign that led to a visit; absent if none is known. For lane session. */
#include <shoplane/shoplane.h>

struct needs {
    sl_text campaign;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, campaign, SL_TEXT),
    {0},
};

static const sl_feature features[] = {
    {"session_marketing_campaign", SL_TEXT, "campaign of the first event that tells of marketing"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[0] = sl_cell_text(v->campaign);
}

static const sl_metric metric = {
    SL_METRIC("session_campaign", "1.0.0", "the campaign that led to the visit"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
