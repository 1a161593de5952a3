/* plugin_kind.c - see plugin_kind.h. */
#include "plugin/plugin_kind.h"

#include "plugin/plugin_describe.h"
#include "plugin/plugin_table.h"

#include <string.h>

const struct plugin_kind_row plugin_kinds[PLUGIN_KINDS] = {
    [PLUGIN_LANE] = {.keyword = "lane",
                     .word = "lane",
                     .folder = "lanes",
                     .entry = "SL_LANE_PLUGIN",
                     .member = offsetof(sl_plugin, lane),
                     .least_size = offsetof(sl_lane, record_version),
                     .size = sizeof(sl_lane),
                     .name = offsetof(sl_lane, name),
                     .version = offsetof(sl_lane, version),
                     .check = lane_table_check,
                     .describe = lane_describe},
    [PLUGIN_METRIC] = {.keyword = "metric",
                       .word = "metric parser",
                       .folder = "metrics",
                       .entry = "SL_METRIC_PLUGIN",
                       .member = offsetof(sl_plugin, metric),
                       .least_size = METRIC_LEAST_SIZE,
                       .size = sizeof(sl_metric),
                       .name = offsetof(sl_metric, name),
                       .version = offsetof(sl_metric, version),
                       .check = metric_table_check,
                       .describe = metric_describe},
};

enum plugin_kind plugin_kind_of_keyword(const char *keyword)
{
    enum plugin_kind kind = 0;
    while (kind < PLUGIN_KINDS && strcmp(plugin_kinds[kind].keyword, keyword) != 0)
        kind++;
    return kind;
}

enum plugin_kind plugin_kind_of_folder(const char *folder)
{
    enum plugin_kind kind = 0;
    while (kind < PLUGIN_KINDS && strcmp(plugin_kinds[kind].folder, folder) != 0)
        kind++;
    return kind;
}

static const void *pointer_at(const void *table, size_t offset)
{
    const void *pointer;
    memcpy(&pointer, (const char *)table + offset, sizeof pointer);
    return pointer;
}

const void *plugin_part(const sl_plugin *plugin, enum plugin_kind kind)
{
    return pointer_at(plugin, plugin_kinds[kind].member);
}

const char *plugin_part_name(const sl_plugin *plugin, enum plugin_kind kind)
{
    return pointer_at(plugin_part(plugin, kind), plugin_kinds[kind].name);
}

const char *plugin_part_version(const sl_plugin *plugin, enum plugin_kind kind)
{
    return pointer_at(plugin_part(plugin, kind), plugin_kinds[kind].version);
}
