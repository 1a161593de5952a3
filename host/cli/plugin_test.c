/* plugin_test.c - `shoplane plugin test`: golden cases through the test host (sdk/testhost). */
#include "base/memory.h"
#include "cli/command.h"
#include "cli/crash.h"
#include "cli/project.h"
#include "cli/project_plugins.h"
#include "cli/report.h"
#include "testhost/case_apart.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char usage[] =
    "shoplane plugin test [OPTIONS] [CASE or FOLDER ...]\n\n"
    "Runs golden cases: small texts that say which events come, how the clock moves, and which features are then expected.\n"
    "Without names: all *.case below the current folder. Each moment is tried with one worker and with several.\n"
    "Each case is run in a process of its own: a plugin that ends it fails this case, and the others go on.\n\n"
    "  --plugins FOLDERS   where the plugins are, separated by ':'; default: build/plugins of the current folder if it is\n"
    "                      there, and then those that are installed\n"
    "  --keep FOLDER       leave configuration and events of each case there, as `shoplane replay` reads them\n"
    "  --timeout SECONDS   an event, or a move of the clock, that takes longer fails its case; default: 30\n"
    "  --quiet             only what differs, and the last line\n\n"
    "Exit status: 0 all is as expected, 1 something differs, 2 a case can't be read or run.\n";

#define TIMEOUT_S 30

struct totals {
    const char *plugins, *keep;
    struct project_plugins project;
    bool quiet;
    int timeout_s;
    size_t cases, moments, differ, unread;
};

static const char *plural(size_t count) { return count == 1 ? "" : "s"; }

/* The folders, each as it is called from anywhere. */
static char *whole_folders(const char *folders)
{
    struct buffer out = {0};
    while (*folders != '\0') {
        size_t size = strcspn(folders, ":");
        char *folder = memory_format("%.*s", (int)size, folders), *whole = realpath(folder, NULL);
        buffer_printf(&out, "%s%s", out.size > 0 ? ":" : "", whole != NULL ? whole : folder);
        free(whole);
        free(folder);
        folders += size + (folders[size] == ':');
    }
    buffer_byte(&out, '\0');
    return out.data;
}

static bool keep_text(const char *path, const struct buffer *text)
{
    FILE *to = fopen(path, "we");
    bool good = to != NULL && fwrite(text->data, 1, text->size, to) == text->size;
    return to != NULL && fclose(to) == 0 && good;
}

/* The file's name without its folders, for what is kept of it. What is kept can be replayed from any folder. */
static bool keep_file(const struct totals *totals, const struct case_file *file)
{
    const char *base = strrchr(file->path, '/') == NULL ? file->path : strrchr(file->path, '/') + 1;
    struct buffer config = {0}, events = {0};
    (void)mkdir(totals->keep, 0777);
    char *whole = realpath(totals->keep, NULL), *plugins = whole_folders(totals->plugins);
    char *config_path = memory_format("%s/%s.conf", totals->keep, base);
    char *events_path = memory_format("%s/%s.tsv", whole == NULL ? totals->keep : whole, base);
    case_file_config(file, plugins, events_path, &config);
    for (size_t i = 0; i < file->event_count; i++)
        buffer_printf(&events, "%s\n", file->events[i].message);
    bool good = whole != NULL && keep_text(config_path, &config) && keep_text(events_path, &events);
    if (!good)
        (void)fprintf(stderr, "shoplane: nothing can be kept in %s: %s\n", totals->keep, strerror(errno));
    free(config_path);
    free(events_path);
    free(plugins);
    free(whole);
    buffer_free(&config);
    buffer_free(&events);
    return good;
}

static void tell_not_run(struct totals *totals, const char *path)
{
    totals->unread++;
    (void)printf("NOT RUN  %s\n", path);
}

/* False: a plugin of the case is of this folder, and not built. */
static bool look_at_plugins(struct totals *totals, const struct case_file *file)
{
    struct buffer out = {0};
    struct error_list errors = {0};
    struct error error;
    for (size_t i = 0; i < file->lane_count; i++) {
        if (!project_plugins_look(&totals->project, PLUGIN_LANE, file->lanes[i].name, &out, &error))
            *error_list_add(&errors) = error;
        for (size_t m = 0; m < file->lanes[i].metric_count; m++)
            if (!project_plugins_look(&totals->project, PLUGIN_METRIC, file->lanes[i].metrics[m], &out, &error))
                *error_list_add(&errors) = error;
    }
    if (!totals->quiet && out.size > 0)
        (void)fwrite(out.data, 1, out.size, stdout);
    bool good = errors.count == 0;
    report_errors(&errors);
    buffer_free(&out);
    return good;
}

/* Words that are probably misspelt, of each lane once a run: a case that fails may fail for them. */
static void tell_spelling(struct totals *totals, const struct buffer *spelling)
{
    for (size_t at = 0; at < spelling->size; at += strlen(spelling->data + at) + 1)
        if (project_plugins_first(&totals->project, spelling->data + at))
            (void)fputs(spelling->data + at, stdout);
}

static void run_read(struct totals *totals, const struct case_file *file)
{
    struct error_list errors = {0};
    struct buffer out = {0}, spelling = {0};
    struct case_result result;
    bool ran = case_run_apart(file, totals->plugins, totals->timeout_s, &result, &out, &spelling, &errors);
    bool kept = totals->keep == NULL || keep_file(totals, file);
    report_errors(&errors);
    totals->moments += result.moments;
    totals->differ += result.differ;
    if (!ran || !kept)
        tell_not_run(totals, file->path);
    else if (!totals->quiet || result.differ > 0)
        (void)printf("%s  %s, %zu moment%s\n", result.differ > 0 ? "FAIL" : "pass", file->path, result.moments,
                     plural(result.moments));
    (void)fwrite(out.data, 1, out.size, stdout);
    if (result.differ > 0 || result.unseen)
        tell_spelling(totals, &spelling);
    buffer_free(&out);
    buffer_free(&spelling);
}

static void run_case(struct totals *totals, const char *path)
{
    struct error error = {0};
    struct case_file *file = case_file_read(path, &error);
    totals->cases++;
    if (file == NULL) {
        report_error(&error);
        tell_not_run(totals, path);
        return;
    }
    if (look_at_plugins(totals, file))
        run_read(totals, file);
    else
        tell_not_run(totals, path);
    case_file_free(file);
}

static int only_visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* A case, or all below a folder, in the order of their names. */
static void run_path(struct totals *totals, const char *path, bool named)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        size_t size = strlen(path);
        if (named || (size > 5 && strcmp(path + size - 5, ".case") == 0))
            run_case(totals, path);
        return;
    }
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, only_visible, alphasort);
    for (int i = 0; i < count; i++) {
        char *inner = strcmp(path, ".") == 0 ? memory_text(entries[i]->d_name) : memory_format("%s/%s", path, entries[i]->d_name);
        run_path(totals, inner, false);
        free(inner);
        free(entries[i]);
    }
    free(entries);
}

static char *default_plugins(void)
{
    struct stat status;
    char *installed = plugin_folder_default();
    if (stat(PROJECT_PLUGINS, &status) != 0)
        return installed;
    char *both = memory_format(PROJECT_PLUGINS ":%s", installed);
    free(installed);
    return both;
}

static bool read_seconds(const char *text, int *seconds)
{
    char *end;
    long number = strtol(text, &end, 10);
    *seconds = (int)number;
    return end != text && *end == '\0' && number >= 1 && number <= 86400;
}

int command_plugin_test(int argc, char **argv)
{
    static const struct option known[] = {
        {"plugins", required_argument, NULL, 'p'}, {"keep", required_argument, NULL, 'k'},
        {"timeout", required_argument, NULL, 't'}, {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},          {0}};
    struct totals totals = {.timeout_s = TIMEOUT_S};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'p': totals.plugins = optarg; break;
        case 'k': totals.keep = optarg; break;
        case 't':
            if (!read_seconds(optarg, &totals.timeout_s))
                return command_usage("plugin test", "--timeout: seconds, from 1 on");
            break;
        case 'q': totals.quiet = true; break;
        case 'h': (void)fputs(usage, stdout); return 0;
        default: return command_usage("plugin test", "that option is not known");
        }
    }
    crash_watch();
    char *found = totals.plugins == NULL ? default_plugins() : memory_text(totals.plugins);
    bool named = totals.plugins != NULL;
    totals.plugins = found;
    project_plugins_read(&totals.project, found);
    totals.project.here = totals.project.here && !named;
    for (int i = optind; i < argc; i++)
        run_path(&totals, argv[i], true);
    if (optind == argc)
        run_path(&totals, ".", false);
    project_plugins_free(&totals.project);
    free(found);
    if (totals.cases == 0) {
        (void)fprintf(stderr, "shoplane: there is no case\n  do this  name one, or a folder that has some: *.case\n");
        return 2;
    }
    (void)printf("%zu case%s, %zu moment%s: ", totals.cases, plural(totals.cases), totals.moments,
                 plural(totals.moments));
    if (totals.differ > 0)
        (void)printf("%zu differ%s", totals.differ, totals.differ == 1 ? "s" : "");
    if (totals.unread > 0)
        (void)printf("%s%zu could not be run", totals.differ > 0 ? ", " : "", totals.unread);
    (void)printf("%s\n", totals.differ + totals.unread == 0 ? "all as expected" : "");
    return totals.unread > 0 ? 2 : totals.differ > 0 ? 1 : 0;
}
