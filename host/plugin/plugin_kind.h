/* plugin_kind.h - what a kind of plugin is: one row of one table for each kind, and nothing elsewhere that tells kinds apart. */
#ifndef PLUGIN_PLUGIN_KIND_H
#define PLUGIN_PLUGIN_KIND_H

#include "base/buffer.h"
#include "base/error.h"

#include <shoplane/plugin.h>

#include <stdbool.h>
#include <stddef.h>

enum plugin_kind { PLUGIN_LANE, PLUGIN_METRIC, PLUGIN_KINDS };

struct plugin_kind_row {
    const char *keyword;  /* "metric": in commands and in CMake */
    const char *word;     /* "metric parser": in messages */
    const char *folder;   /* "metrics": where its files are */
    const char *entry;    /* "SL_METRIC_PLUGIN": how its source ends */
    size_t member;        /* offset of its table's pointer in sl_plugin */
    size_t least_size;    /* of its table in SDK 1.0 */
    size_t size;          /* of its table now */
    size_t name, version; /* offsets of these texts in its table */

    /* Does a whole table (plugin_table.h) keep the contract? False: *error says what is wrong, and what to do. */
    bool (*check)(const void *table, const char *name, struct error *error);
    /* What `shoplane plugins` says of it: one line, then indented ones. `plugin`: the table that has it. */
    void (*describe)(const sl_plugin *plugin, struct buffer *out);
};
extern const struct plugin_kind_row plugin_kinds[PLUGIN_KINDS];

static inline const char *plugin_kind_folder(enum plugin_kind kind) { return plugin_kinds[kind].folder; }
static inline const char *plugin_kind_word(enum plugin_kind kind) { return plugin_kinds[kind].word; }

/* The kind with this keyword, or with this folder; PLUGIN_KINDS: there is none. */
enum plugin_kind plugin_kind_of_keyword(const char *keyword);
enum plugin_kind plugin_kind_of_folder(const char *folder);

/* The plugin's table of this kind; NULL: it has none. And what it calls itself, and its version. */
const void *plugin_part(const sl_plugin *plugin, enum plugin_kind kind);
const char *plugin_part_name(const sl_plugin *plugin, enum plugin_kind kind);
const char *plugin_part_version(const sl_plugin *plugin, enum plugin_kind kind);

#endif
