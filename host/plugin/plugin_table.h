/* plugin_table.h - does the table that a plugin exports keep the contract of the SDK? Asked once, at load. */
#ifndef PLUGIN_PLUGIN_TABLE_H
#define PLUGIN_PLUGIN_TABLE_H

#include "plugin/plugin_file.h"

#define LANE_RECORD_MAX 64
#define LANE_AGGREGATE_MAX 4096
#define METRIC_FEATURES_MAX 16

/* Kind, name, sizes, declared fields inside their structs, required functions. False: *error says what is wrong. */
bool plugin_table_check(const sl_plugin *plugin, enum plugin_kind kind, const char *name, struct error *error);

/* What later minors of the SDK added to a lane's table, or what it means that a plugin's table does not have it yet. */
struct lane_tail {
    uint32_t record_version;
    const char *key_name; /* NULL but for SL_KEY_OWN */
    void (*extract_many)(const void *self, const sl_event *event, sl_records *records); /* NULL: `extract` */
    int64_t bucket_ms; /* 0: its records are never combined */
    bool (*combine)(const void *self, void *into, const void *from);
};
/* Of a table that was checked, or is to be: nothing behind its struct_size is read. */
struct lane_tail lane_tail(const sl_lane *lane);

/* "user", "session", or the lane's key_name. */
const char *lane_key_word(const sl_lane *lane);

/* [a-z][a-z0-9_]*, at most 63 of them: what a plugin, a value or a feature may be called. NULL is not. */
bool plugin_name_valid(const char *name);

/* The word for a type in messages and in `shoplane plugins`: "i64", "money", ... */
const char *plugin_type_word(sl_type type);

#endif
