/* plugins.c - `shoplane plugins`: what is in the plugin folder. Each file is loaded as `run` would load it. */
#include "base/memory.h"
#include "cli/command.h"
#include "cli/report.h"
#include "plugin/plugin_file.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "shoplane plugins [--folder FOLDER] [NAME...]\n\n"
                            "Lists the plugins: lanes with the events they read, the values they publish and their parameters;\n"
                            "metric parsers with the values they need and the features they make. With names: only those.\n";

static bool wanted(const char *name, char *const *names, int count)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return count == 0;
}

int command_plugins(int argc, char **argv)
{
    static const struct option known[] = {{"folder", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *named = NULL;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (option != 'f')
            return command_usage("plugins", "that option is not known");
        named = optarg;
    }
    char *folder = named != NULL ? memory_text(named) : plugin_folder_default();
    struct buffer out = {0};
    int status = 0, shown = 0;
    for (enum plugin_kind kind = 0; kind < PLUGIN_KINDS; kind++) {
        char **names = plugin_file_list(folder, kind);
        for (char **name = names; *name != NULL; name++) {
            if (!wanted(*name, argv + optind, argc - optind))
                continue;
            struct error error;
            const sl_plugin *plugin = plugin_file_load(folder, kind, *name, &error);
            if (plugin == NULL) {
                report_error(&error);
                status = 1;
                continue;
            }
            for (enum plugin_kind part = 0; part < PLUGIN_KINDS; part++)
                if (plugin_part(plugin, part) != NULL) {
                    buffer_printf(&out, "%s", shown++ == 0 ? "" : "\n");
                    plugin_kinds[part].describe(plugin, &out);
                    if (plugin_file_load(folder, part, *name, &error) != plugin)
                        buffer_printf(&out, "  not used: %s/%s.so comes first\n", plugin_kind_folder(part), *name);
                }
            (void)fwrite(out.data, 1, out.size, stdout);
            buffer_reset(&out);
        }
        free(names);
    }
    if (shown == 0 && status == 0) {
        (void)fprintf(stderr, "shoplane: no such plugins in %s\n  do this  name another with --folder, or build them\n", folder);
        status = 1;
    }
    buffer_free(&out);
    free(folder);
    return status;
}
