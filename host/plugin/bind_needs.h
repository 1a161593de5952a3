/* bind_needs.h - what metric parsers need of other windows and lanes (sl_metric.more_needs), found among the lanes of a set by lane,
 * window, name and type. */
#ifndef PLUGIN_BIND_NEEDS_H
#define PLUGIN_BIND_NEEDS_H

#include "plugin/lane_set.h"

/* All lanes are loaded; `from`: of each, which of the configuration's it is. What is not there is an error that lists what is. */
void bind_needs(struct lane_set *set, const struct config *config, const size_t *from, struct error_list *errors);

#endif
