/* settings.h - a plugin's parameters: checked against its declarations, and laid into the struct it asked for. */
#ifndef PLUGIN_SETTINGS_H
#define PLUGIN_SETTINGS_H

#include "config/config.h"

#include <shoplane/types.h>

/* Make and fill the settings struct of `size` bytes: defaults, then what is set. `of` names the plugin in messages ("lane
 * \"product\""). Adds every mistake to `errors`. NULL if size is 0. Texts point into the configuration or the plugin. */
void *settings_fill(const sl_param *params, size_t size, const struct param_settings *given, const char *of,
                    struct error_list *errors);

#endif
