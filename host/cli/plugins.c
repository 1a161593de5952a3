/* plugins.c - `shoplane plugins`: what is in the plugin folder. Each file is loaded as `run` would load it. */
#include "base/memory.h"
#include "cli/command.h"
#include "cli/report.h"
#include "plugin/plugin_file.h"
#include "plugin/plugin_table.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "shoplane plugins [--folder FOLDER] [NAME...]\n\n"
                            "Lists the plugins: lanes with the events they read, the values they publish and their parameters;\n"
                            "metric parsers with the values they need and the features they make. With names: only those.\n";

static void print_fields(const char *title, const sl_field *fields)
{
    (void)printf("  %s\n", title);
    for (const sl_field *field = fields; field->name != NULL; field++)
        (void)printf("    %-24s %-7s %s\n", field->name, plugin_type_word(field->type), field->help);
}

static void print_params(const sl_param *params)
{
    if (params == NULL || params->name == NULL)
        return;
    (void)printf("  parameters\n");
    for (const sl_param *param = params; param->name != NULL; param++) {
        (void)printf("    %-24s %-7s ", param->name, plugin_type_word(param->type));
        if (param->type == SL_BOOL)
            (void)printf("%s", param->default_number != 0 ? "true" : "false");
        else if (param->type == SL_TEXT || param->type == SL_CHOICE)
            (void)printf("\"%s\"", param->default_text);
        else
            (void)printf("%.15g (%.15g to %.15g)", param->default_number, param->min, param->max);
        for (size_t i = 0; param->type == SL_CHOICE && param->choices[i] != NULL; i++)
            (void)printf("%s%s", i == 0 ? " of " : ", ", param->choices[i]);
        (void)printf("; %s\n", param->help);
    }
}

static void print_plugin(const sl_plugin *plugin)
{
    const sl_lane *lane = plugin->lane;
    if (lane != NULL) {
        (void)printf("lane %s %s (SDK %u.%u): %s\n  key %s, record of %zu bytes\n  events ", lane->name, lane->version,
                     plugin->sdk_major, plugin->sdk_minor, lane->summary, lane_key_word(lane),
                     lane->record_size);
        for (size_t i = 0; lane->events[i] != NULL; i++)
            (void)printf("%s%s", i == 0 ? "" : ", ", lane->events[i]);
        (void)printf("\n");
        print_fields("publishes", lane->values);
        print_params(lane->params);
        return;
    }
    const sl_metric *metric = plugin->metric;
    (void)printf("metric parser %s %s (SDK %u.%u): %s\n", metric->name, metric->version, plugin->sdk_major,
                 plugin->sdk_minor, metric->summary);
    print_fields("needs", metric->needs);
    (void)printf("  makes\n");
    for (const sl_feature *feature = metric->features; feature->name != NULL; feature++)
        (void)printf("    %-24s %-7s %s\n", feature->name, plugin_type_word(feature->type), feature->help);
    print_params(metric->params);
}

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
    int status = 0, shown = 0;
    for (enum plugin_kind kind = PLUGIN_LANE; kind <= PLUGIN_METRIC; kind++) {
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
            (void)printf("%s", shown++ == 0 ? "" : "\n");
            print_plugin(plugin);
        }
        free(names);
    }
    if (shown == 0 && status == 0) {
        (void)fprintf(stderr, "shoplane: no such plugins in %s\n  do this  name another with --folder, or build them\n", folder);
        status = 1;
    }
    free(folder);
    return status;
}
