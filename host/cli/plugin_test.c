/* plugin_test.c - `shoplane plugin test`: golden cases through the test host (sdk/testhost). */
#include "base/memory.h"
#include "cli/command.h"
#include "cli/crash.h"
#include "cli/report.h"
#include "plugin/plugin_file.h"
#include "testhost/case_run.h"

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
    "Without names: all *.case below the current folder. Each moment is tried with one worker and with several.\n\n"
    "  --plugins FOLDERS   where the plugins are, separated by ':'; default: build/plugins of the current folder if it is\n"
    "                      there, and then those that are installed\n"
    "  --keep FOLDER       leave configuration and events of each case there, as `shoplane replay` reads them\n"
    "  --quiet             only what differs, and the last line\n\n"
    "Exit status: 0 all is as expected, 1 something differs, 2 a case can't be read or run.\n";

struct totals {
    const char *plugins, *keep;
    bool quiet;
    size_t cases, moments, differ, unread;
};

/* The file's name without its folders, for what is kept of it. */
static bool keep_file(const struct totals *totals, const struct case_file *file)
{
    const char *base = strrchr(file->path, '/') == NULL ? file->path : strrchr(file->path, '/') + 1;
    struct buffer out = {0};
    case_file_config(file, totals->plugins, &out);
    char *path = memory_format("%s/%s.conf", totals->keep, base);
    FILE *to = fopen(path, "w");
    bool good = to != NULL && fwrite(out.data, 1, out.size, to) == out.size;
    good = to != NULL && fclose(to) == 0 && good;
    free(path);
    path = memory_format("%s/%s.tsv", totals->keep, base);
    to = good ? fopen(path, "w") : NULL;
    for (size_t i = 0; to != NULL && i < file->event_count; i++)
        (void)fprintf(to, "%s\n", file->events[i].message);
    good = to != NULL && fclose(to) == 0 && good;
    free(path);
    buffer_free(&out);
    if (!good)
        (void)fprintf(stderr, "shoplane: nothing can be kept in %s: %s\n", totals->keep, strerror(errno));
    return good;
}

static void tell_not_run(struct totals *totals, const char *path)
{
    totals->unread++;
    (void)printf("NOT RUN  %s\n", path);
}

static void run_case(struct totals *totals, const char *path)
{
    struct error error = {0};
    struct error_list errors = {0};
    struct buffer out = {0};
    struct case_result result;
    struct case_file *file = case_file_read(path, &error);
    totals->cases++;
    if (file == NULL) {
        report_error(&error);
        tell_not_run(totals, path);
        return;
    }
    bool ran = case_run(file, totals->plugins, &result, &out, &errors);
    bool kept = totals->keep == NULL || keep_file(totals, file);
    report_errors(&errors);
    totals->moments += result.moments;
    totals->differ += result.differ;
    if (!ran || !kept)
        tell_not_run(totals, path);
    else if (!totals->quiet || result.differ > 0)
        (void)printf("%s  %s, %zu moment%s\n", result.differ > 0 ? "FAIL" : "pass", path, result.moments,
                     result.moments == 1 ? "" : "s");
    (void)fwrite(out.data, 1, out.size, stdout);
    error_list_free(&errors);
    buffer_free(&out);
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
    static const char ours[] = "build/plugins";
    struct stat status;
    char *installed = plugin_folder_default();
    if (stat(ours, &status) != 0)
        return installed;
    char *both = memory_format("%s:%s", ours, installed);
    free(installed);
    return both;
}

int command_plugin_test(int argc, char **argv)
{
    static const struct option known[] = {{"plugins", required_argument, NULL, 'p'}, {"keep", required_argument, NULL, 'k'},
                                          {"quiet", no_argument, NULL, 'q'},         {"help", no_argument, NULL, 'h'}, {0}};
    struct totals totals = {0};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'p': totals.plugins = optarg; break;
        case 'k': totals.keep = optarg; break;
        case 'q': totals.quiet = true; break;
        case 'h': (void)fputs(usage, stdout); return 0;
        default: return command_usage("plugin test", "that option is not known");
        }
    }
    crash_watch();
    char *found = totals.plugins == NULL ? default_plugins() : memory_text(totals.plugins);
    totals.plugins = found;
    for (int i = optind; i < argc; i++)
        run_path(&totals, argv[i], true);
    if (optind == argc)
        run_path(&totals, ".", false);
    free(found);
    if (totals.cases == 0) {
        (void)fprintf(stderr, "shoplane: there is no case\n  do this  name one, or a folder that has some: *.case\n");
        return 2;
    }
    (void)printf("%zu case%s, %zu moments: ", totals.cases, totals.cases == 1 ? "" : "s", totals.moments);
    if (totals.differ > 0)
        (void)printf("%zu differ", totals.differ);
    if (totals.unread > 0)
        (void)printf("%s%zu could not be run", totals.differ > 0 ? ", " : "", totals.unread);
    (void)printf("%s\n", totals.differ + totals.unread == 0 ? "all as expected" : "");
    return totals.unread > 0 ? 2 : totals.differ > 0 ? 1 : 0;
}
