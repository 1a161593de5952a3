/* shopper_locations.c - from where a shopper visits. For lane session. */
#include <shoplane/shoplane.h>

struct needs {
    sl_list *locations;
    int64_t location_changes;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, locations, SL_LIST),
    SL_NEED(struct needs, location_changes, SL_I64),
    {0},
};

enum { LOCATIONS, CHANGES }; /* order of `features` */
static const sl_feature features[] = {
    {"shopper_locations", SL_LIST, "locations in order of first appearance; absent if none is known"},
    {"shopper_region_changes", SL_I64, "times the location differed from the last known one"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)window;
    const struct needs *v = values;
    if (sl_list_size(scratch, v->locations) > 0)
        out[LOCATIONS] = sl_cell_list(v->locations);
    out[CHANGES] = sl_cell_i64(v->location_changes);
}

static const sl_metric metric = {
    SL_METRIC("shopper_locations", "1.0.0", "places of the visit"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
