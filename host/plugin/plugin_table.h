/* plugin_table.h - the tables that a plugin exports, made whole, and asked whether they keep the contract of the SDK. Once, at load.
 *
 * Every table of the SDK states its size and grows at its end. A plugin of an earlier minor has shorter ones: the host copies each into
 * a table of its own, in which what the plugin's does not have is zero, "not there", and never looks at the plugin's again. */
#ifndef PLUGIN_PLUGIN_TABLE_H
#define PLUGIN_PLUGIN_TABLE_H

#include "plugin/plugin_kind.h"

#define LANE_RECORD_MAX 64
#define LANE_AGGREGATE_MAX 4096
#define METRIC_FEATURES_MAX 16
#define METRIC_NEEDS_MAX 64 /* of its own window, and of others */

#define METRIC_LEAST_SIZE 96 /* of sl_metric in SDK 1.0 */
#define PLUGIN_LEAST_SIZE 32 /* of sl_plugin in SDK 1.0 */

/* A plugin's tables, whole: `plugin` points into the same struct, so that it is not to be moved. */
struct plugin_tables {
    sl_plugin plugin;
    sl_lane lane;
    sl_metric metric;
};

/* Copy what `own` has, and check all of it; of kind `kind` it must have a table, which is called `name`. False: *error says what is
 * wrong. */
bool plugin_tables_take(struct plugin_tables *tables, const sl_plugin *own, enum plugin_kind kind, const char *name,
                        struct error *error);

/* The checks of the two kinds, of a whole table: name, sizes, declared fields inside their structs, required functions. */
bool lane_table_check(const void *table, const char *name, struct error *error);
bool metric_table_check(const void *table, const char *name, struct error *error);

/* "user", "session", or the lane's key_name. */
const char *lane_key_word(const sl_lane *lane);

/* [a-z][a-z0-9_]*, at most 63 of them: what a plugin, a value or a feature may be called. NULL is not. */
bool plugin_name_valid(const char *name);

/* The word for a type in messages and in `shoplane plugins`: "i64", "money", ... */
const char *plugin_type_word(sl_type type);

#endif
