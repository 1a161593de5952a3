/* shopper_devices.c - with what a shopper visits. For lane session. */
#include <shoplane/shoplane.h>

struct needs {
    sl_list *devices;
    sl_text platform;
};
static const sl_field needs[] = {
    SL_NEED(struct needs, devices, SL_LIST),
    SL_NEED(struct needs, platform, SL_TEXT),
    {0},
};

enum { TYPES, PLATFORM }; /* order of `features` */
static const sl_feature features[] = {
    {"shopper_device_types", SL_LIST, "device classes in order of first appearance"},
    {"shopper_latest_platform", SL_TEXT, "platform of the newest event"},
    {0},
};

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    (void)self, (void)scratch, (void)window;
    const struct needs *v = values;
    out[TYPES] = sl_cell_list(v->devices);
    out[PLATFORM] = sl_cell_text(v->platform);
}

static const sl_metric metric = {
    SL_METRIC("shopper_devices", "1.0.0", "devices and platform of the visit"),
    SL_NEEDS(struct needs, needs),
    SL_FEATURES(features, compute),
};
SL_METRIC_PLUGIN(metric)
