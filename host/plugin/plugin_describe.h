/* plugin_describe.h - what `shoplane plugins` says of a plugin; for the rows of plugin_kind.c. */
#ifndef PLUGIN_PLUGIN_DESCRIBE_H
#define PLUGIN_PLUGIN_DESCRIBE_H

#include "base/buffer.h"

#include <shoplane/plugin.h>

/* Of the lane in it: events, values, parameters. */
void lane_describe(const sl_plugin *plugin, struct buffer *out);
/* Of the metric parser in it: needed values, features, parameters. */
void metric_describe(const sl_plugin *plugin, struct buffer *out);

#endif
