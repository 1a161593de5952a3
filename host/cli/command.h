/* command.h - the commands of `shoplane`, one file each. Each parses its own arguments (argv[0] is its name) and returns
 * the program's exit status: 0 fine, 1 it failed, 2 it was called or configured wrongly. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

int command_run(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_check(int argc, char **argv);
int command_reload(int argc, char **argv);
int command_plugins(int argc, char **argv);
int command_features(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_audit(int argc, char **argv);
int command_cost(int argc, char **argv);
int command_diff(int argc, char **argv);
int command_plugin(int argc, char **argv);
int command_plugin_new(int argc, char **argv);
int command_plugin_build(int argc, char **argv);
int command_plugin_install(int argc, char **argv);
int command_plugin_check(int argc, char **argv);
int command_plugin_release(int argc, char **argv);
int command_plugin_test(int argc, char **argv);
int command_plugin_validate(int argc, char **argv);
int command_state(int argc, char **argv);

/* For --until and --start: ISO 8601 in UTC, or milliseconds since 1970. False: not a time. */
#include <stdbool.h>
#include <stdint.h>
bool command_time(const char *text, int64_t *ms);

/* A whole number in [least, most] for --NAME; on a mistake says so and returns false. */
bool command_number(const char *option, const char *text, int64_t least, int64_t most, int64_t *number);

/* "unknown option" and the like: one line and where help is. Returns 2. */
int command_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
