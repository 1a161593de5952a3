/* plugin.h - how a shared object says that it is a plugin, and of which SDK.
 *
 * A plugin is one shared object with one exported symbol, `shoplane_plugin_v1`, and an ELF note that states the SDK it
 * was built against. The host reads the note before it loads the file: same major, and a minor not above the host's.
 * End a lane's source with SL_LANE_PLUGIN(lane), a metric parser's with SL_METRIC_PLUGIN(metric), that of a lane and a parser of
 * the same name with SL_PLUGIN(lane, metric), and compile with -fvisibility=hidden. A plugin imports nothing from the host:
 * everything comes through the tables.
 *
 * Rules for changing the SDK (sdk/CHANGING.md): structs that plugins embed keep their size within a major; tables begin with
 * struct_size, grow at the end only, and raise the minor; everything else raises the major. */
#ifndef SHOPLANE_PLUGIN_H
#define SHOPLANE_PLUGIN_H

#include "lane.h"
#include "metric.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SL_SDK_MAJOR 1
#define SL_SDK_MINOR 3

/* The note: owner "Shoplane", type 1, descriptor {major, minor} as two 32-bit numbers. */
#define SL_NOTE_OWNER "Shoplane"
#define SL_NOTE_SDK 1

typedef struct sl_plugin {
    uint32_t struct_size; /* sizeof(sl_plugin) */
    uint32_t sdk_major, sdk_minor;
    const sl_lane *lane; /* one of the two is set; since SDK 1.3 both may be, and are called the same */
    const sl_metric *metric;
} sl_plugin;

#define SL_PLUGIN_SYMBOL "shoplane_plugin_v1"

#define SL_DECLARE_NOTE_                                                                                              \
    __attribute__((section(".note.shoplane"), used, aligned(4))) static const struct {                                \
        uint32_t owner_size, descriptor_size, type;                                                                   \
        char owner[12]; /* "Shoplane" and its zero, padded to four */                                                 \
        uint32_t major, minor;                                                                                        \
    } sl_sdk_note = {9, 8, SL_NOTE_SDK, SL_NOTE_OWNER, SL_SDK_MAJOR, SL_SDK_MINOR};

#define SL_EXPORT_ __attribute__((visibility("default")))

#define SL_PLUGIN_(lane_, metric_)                                                                                    \
    SL_DECLARE_NOTE_                                                                                                  \
    SL_EXPORT_ extern const sl_plugin shoplane_plugin_v1;                                                             \
    const sl_plugin shoplane_plugin_v1 = {sizeof(sl_plugin), SL_SDK_MAJOR, SL_SDK_MINOR, lane_, metric_};

#define SL_LANE_PLUGIN(lane_table)     SL_PLUGIN_(&(lane_table), NULL)
#define SL_METRIC_PLUGIN(metric_table) SL_PLUGIN_(NULL, &(metric_table))
/* Since SDK 1.3: a lane and a metric parser in one file, lanes/NAME.so, both called NAME. */
#define SL_PLUGIN(lane_table, metric_table) SL_PLUGIN_(&(lane_table), &(metric_table))

#ifdef __cplusplus
}
#endif
#endif
