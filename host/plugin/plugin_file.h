/* plugin_file.h - from a file in the plugin folder to its table, or a refusal with a reason.
 *
 * The file is opened once and everything is checked on what was opened: nobody else may write to it or to its folder, its
 * note says an SDK we speak. It is then loaded from a private copy in memory named after its content, so that overwriting
 * the installed file can't crash a running host and a rebuilt file at the same path is really new. Never unloaded. */
#ifndef PLUGIN_PLUGIN_FILE_H
#define PLUGIN_PLUGIN_FILE_H

#include "plugin/plugin_elf.h"
#include "plugin/plugin_kind.h"

#include <stddef.h>
#include <stdint.h>

/* All that can be said of a file without running anything of it: who may write it and the folders above it, and what it
 * says of itself (plugin_elf.h). The bytes that were looked at, to be freed; NULL if it could not be read, which is among the
 * findings. */
char *plugin_file_check(const char *path, size_t *size, struct plugin_elf *elf, struct findings *findings);

/* Where plugins are is one folder, or several separated by ':' as in PATH: the first that has the file counts.
 *
 * Load <folder>/lanes/<name>.so or <folder>/metrics/<name>.so and check its tables against the contract of the SDK. A file may hold a
 * plugin of another kind beside that of its folder: it is looked at where the kind's own folder has none of this name. What is
 * returned, and the tables in it, are the host's whole copies (plugin_table.h), which live as long as the process; the same content
 * under the same name is loaded once. NULL: *error says why, with what was found and what to do. */
const sl_plugin *plugin_file_load(const char *folder, enum plugin_kind kind, const char *name, struct error *error);

/* What a table was loaded from. */
struct plugin_origin {
    const sl_plugin *plugin; /* all that is in the file */
    const void *address;     /* in the shared object */
    enum plugin_kind folder; /* of this kind: lanes/ or metrics/ */
};
/* `table` is a lane's or a metric parser's. NULL: it was not loaded by plugin_file_load(). */
const struct plugin_origin *plugin_file_origin(const void *table);

/* The bytes that it was loaded from, whatever lies at its path by now: a copy, to be freed. NULL: as above, or the copy can't be
 * read. */
char *plugin_file_bytes(const void *table, size_t *size);

/* What tells these bytes from others: a hash; 0: as above. */
uint64_t plugin_file_build(const void *table);

/* One file after the other that plugin_file_load() would look at, by `number` from 0 on, and its build, without looking what it is.
 * Its bytes, to be freed; NULL: there are no more, or it can't be read. */
char *plugin_file_peek(const char *folders, enum plugin_kind kind, const char *name, size_t number, enum plugin_kind *folder, size_t *size,
                       uint64_t *build);

/* Names of the files in a kind's folder, sorted; NULL-terminated, one allocation, free() it. Empty if there is no such folder. */
char **plugin_file_list(const char *folder, enum plugin_kind kind);

/* The folder to use where the configuration names none: $SHOPLANE_PLUGINS, else "plugins" beside the program (as built), else
 * the one installed with the program, under whatever prefix. Free with free(). */
char *plugin_folder_default(void);

#endif
