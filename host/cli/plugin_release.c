/* plugin_release.c - `shoplane plugin release`: what a plugin crashed at is forgotten, so that it is called again. */
#include "base/time.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "state/crash_notes.h"
#include "state/state_folder.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "shoplane plugin release NAME [--config FILE]\n\n"
    "A plugin that ended the host twice at one message or key is not called there again, and one that did so three times within a\n"
    "day stands in quarantine: it is not called at all. NAME, a lane or metric parser as the configuration calls it, is called again\n"
    "from the next start or `shoplane reload` on; its lane then reads what it missed. Another build of the plugin needs no release.\n\n"
    "Status 0: it is released; 1: nothing was noted of it, or the release can't be noted; 2: it was called wrongly.\n";

/* How many crashes count against it. */
static size_t count(int folder, const char *name)
{
    struct crash_notes notes;
    size_t found = 0;
    crash_notes_read(folder, &notes);
    for (size_t i = 0; i < notes.count; i++)
        found += strcmp(notes.items[i].lane, name) == 0 || strcmp(notes.items[i].metric, name) == 0;
    crash_notes_free(&notes);
    return found;
}

static int release(const char *path, const char *name, const char *place)
{
    struct error error = {0};
    struct state_folder folder;
    int status = 1;
    if (place == NULL) {
        error_what(&error, "the configuration keeps no state: nothing is noted of any plugin");
        error_found(&error, "%s: no state.folder", path);
        error_advice(&error, "state: { folder = \"/var/lib/shoplane\"; };");
    } else if (state_folder_look(&folder, place, &error)) {
        size_t crashes = count(folder.folder, name);
        if (crashes == 0) {
            error_what(&error, "no crash is noted of a plugin \"%s\"", name);
            error_found(&error, "%s/%s", place, CRASH_FILE);
            error_advice(&error, "name a lane or a metric parser as the host's log names it");
        } else if (crash_notes_release(folder.folder, name, time_wall_ms() / 1000, &error)) {
            (void)printf("%s is released: %zu crashes count no more; it is called again after `shoplane reload`\n",
                         name, crashes);
            status = 0;
        }
        state_folder_close(&folder);
    }
    if (status != 0)
        report_error(&error);
    return status;
}

int command_plugin_release(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *named = NULL;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (option != 'c')
            return command_usage("plugin release", "that option is not known");
        named = optarg;
    }
    if (argc - optind != 1 || !plugin_name_valid(argv[optind]))
        return command_usage("plugin release", "it takes the name of one lane or metric parser");
    struct error_list errors = {0};
    char *path = setup_config_path(named);
    struct config *config = config_read_path(path, &errors);
    int status = 2;
    if (config == NULL)
        report_errors(&errors);
    else
        status = release(path, argv[optind], config->state.folder);
    error_list_free(&errors);
    config_free(config);
    free(path);
    return status;
}
