/* project.h - the folder of a plugin that somebody writes: where its parts are, and programs run on it. */
#ifndef CLI_PROJECT_H
#define CLI_PROJECT_H

#include "plugin/plugin_file.h"

#include <stdbool.h>

/* Where the plugins of a project are when they are built, as plugin_file.h wants it. */
#define PROJECT_PLUGINS "build/plugins"

/* Run a program and wait for it; its output is ours. Its exit status; 128 and its signal; -1: it can't be started, and that was
 * said, with what to do: `package` is Debian's name of what it comes with. */
int project_run(const char *const *words, const char *package);

/* A step failed, and errno says why. False. */
bool project_fail(struct error *error, const char *what, const char *path, const char *advice);

/* Make a file that is not there yet. False: *error says why. */
bool project_write(const char *path, const char *text, struct error *error);

/* Print findings for people, each with cause and fix. */
void project_print(const struct findings *findings);

/* Look into the file of a plugin, and print what is found, if anything. True: nothing refuses it. */
bool project_check(const char *path);

/* The files that the current folder has built; NULL ends them. Each is to be freed, and the list. */
char **project_plugins(void);

#endif
