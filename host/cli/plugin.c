/* plugin.c - `shoplane plugin WORD`: what an author of plugins does. One file a word: plugin_new.c, plugin_check.c, ... */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *summary;
    int (*run)(int argc, char **argv);
} words[] = {
    {"new", "a folder with a plugin that works, to be changed into one's own", command_plugin_new},
    {"build", "build the plugins of a folder", command_plugin_build},
    {"test", "run golden cases: events in, the clock moves, features expected", command_plugin_test},
    {"check", "look into a plugin's file, without running anything of it", command_plugin_check},
    {"validate", "run it on random events, and see whether it keeps the contract", command_plugin_validate},
    {"install", "put what was built where the host looks, without disturbing it", command_plugin_install},
    {"release", "call a plugin again that stands in quarantine since it ended the host", command_plugin_release},
    {"list", "what the installed plugins offer: the same as `shoplane plugins`", command_plugins},
};
#define WORDS (sizeof words / sizeof words[0])

static int help(FILE *out, int status)
{
    (void)fprintf(out, "shoplane plugin WORD [OPTIONS]     shoplane plugin WORD --help tells more\n\n");
    for (size_t i = 0; i < WORDS; i++)
        (void)fprintf(out, "  %-9s %s\n", words[i].name, words[i].summary);
    return status;
}

int command_plugin(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr, 2);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return help(stdout, 0);
    for (size_t i = 0; i < WORDS; i++)
        if (strcmp(argv[1], words[i].name) == 0)
            return words[i].run(argc - 1, argv + 1);
    (void)fprintf(stderr, "shoplane plugin: there is no \"%s\"\n\n", argv[1]);
    return help(stderr, 2);
}
