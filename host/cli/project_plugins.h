/* project_plugins.h - do the plugins that a case runs come from the project in the current folder, or from elsewhere? Who changes a
 * source and has not built it must not be told that an older plugin of the same name, installed, is as expected. */
#ifndef CLI_PROJECT_PLUGINS_H
#define CLI_PROJECT_PLUGINS_H

#include "base/buffer.h"
#include "plugin/plugin_file.h"

#include <stdbool.h>

struct project_plugins {
    bool here;           /* the current folder is a project's */
    const char *folders; /* where plugins are: plugin_file.h */
    struct buffer lists; /* CMakeLists.txt without comments, ends with a zero; empty: there is none */
    struct buffer told;  /* what was said, each with its zero: once is enough */
};

void project_plugins_read(struct project_plugins *project, const char *folders);
void project_plugins_free(struct project_plugins *project);

/* One of a case's plugins. Appends to `out`, for people, that it comes from elsewhere or is older than its source. False: the
 * project has it and has not built it; *error. */
bool project_plugins_look(struct project_plugins *project, enum plugin_kind kind, const char *name, struct buffer *out,
                          struct error *error);

/* Said for the first time? */
bool project_plugins_first(struct project_plugins *project, const char *text);

#endif
