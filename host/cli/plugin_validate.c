/* plugin_validate.c - `shoplane plugin validate`: a plugin, taken through all that its contract promises
 * (sdk/testhost/validate.h). */
#include "base/memory.h"
#include "cli/command.h"
#include "cli/project.h"
#include "cli/report.h"
#include "testhost/validate.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "shoplane plugin validate [OPTIONS] [FILE.so ...]\n\n"
    "Runs a lane or a metric parser on streams of random events, each in a process of its own, and looks whether it\n"
    "keeps the contract of the SDK: the same features for other batches, workers, orders of arrival, and after a restart;\n"
    "nothing written where it must not, no state between calls, no crash, whatever comes. For what breaks, a small stream that\n"
    "breaks it is shown, as lines of a golden case. Every third stream uses texts and numbers that stand in the plugin's file.\n"
    "Without names: all in build/plugins of the current folder.\n\n"
    "  --plugins FOLDERS  where other plugins are, separated by ':': lanes that a metric parser can stand on; default: those\n"
    "                     that are installed\n"
    "  --lane NAME        the lane that a metric parser stands on; default: the first that publishes what it needs\n"
    "  --params TEXT      settings of the plugin, as in a configuration: 'half_life = \"1h\";'; without names of files each plugin\n"
    "                     takes those that it has a parameter for\n"
    "  --seed N           of the first stream; default 1\n"
    "  --rounds N         streams; default 12\n"
    "  --events N         events in each; default 300\n"
    "  --events FILE      recorded events, enriched TSV, in place of random ones; each stream is another part of it\n"
    "  --reproduce N      only the stream with this seed: what a finding says\n"
    "  --timeout N        seconds after which a plugin hangs; default 30\n"
    "  --keep FILE        the events of the first finding, as enriched TSV for `shoplane replay`\n"
    "  --quiet            only what is found, and the last line\n\n"
    "Exit status: 0 it keeps the contract as far as was looked, 1 it does not, 2 it can't be tried.\n";

/* Settings that no plugin took so far: "a, b". */
struct untaken {
    bool asked; /* one plugin or more */
    char names[512];
};

struct options {
    struct validate_settings settings;
    struct untaken *untaken; /* of those that are for all plugins of the folder */
    bool quiet, folders_named;
};

#define DEFAULT_EVENTS 300

#define STORY_LINES 12 /* that are shown */

/* ---- the report ---- */

static void show_progress(void *context, const char *what, size_t done, size_t all)
{
    (void)context;
    (void)fprintf(stderr, "\r\033[K%s %zu of %zu", what, done, all);
    (void)fflush(stderr);
}

static void print_story(const struct validate_finding *finding)
{
    const char *at = finding->story;
    (void)printf("    events   %zu:\n", finding->story_events);
    for (int line = 0; *at != '\0' && line < STORY_LINES; line++) {
        size_t size = strcspn(at, "\n");
        (void)printf("      %.*s%s\n", (int)(size > 200 ? 200 : size), at, size > 200 ? "..." : "");
        at += size + (at[size] == '\n');
    }
    if (*at != '\0')
        (void)printf("      ...\n");
}

static void print_lines(const char *label, const char *text)
{
    for (int line = 0; *text != '\0' && line < 8; line++) {
        size_t size = strcspn(text, "\n");
        (void)printf("    %-8s %.*s\n", line == 0 ? label : "", (int)size, text);
        text += size + (text[size] == '\n');
    }
}

/* The command that shows it again, with what was said beside defaults. */
static void print_again(const struct options *options, const char *path, const struct validate_finding *finding)
{
    const struct validate_settings *settings = &options->settings;
    (void)printf("    again    shoplane plugin validate --reproduce %llu", (unsigned long long)finding->seed);
    if (settings->events != DEFAULT_EVENTS)
        (void)printf(" --events %zu", settings->events);
    if (settings->recorded != NULL)
        (void)printf(" --events %s", settings->recorded);
    if (*settings->params != '\0')
        (void)printf(" --params '%s'", settings->params);
    if (options->folders_named)
        (void)printf(" --plugins %s", settings->folders);
    if (settings->lane != NULL)
        (void)printf(" --lane %s", settings->lane);
    if (settings->params_shared) /* with a name they would all have to be its own */
        (void)printf("\n");
    else
        (void)printf(" %s\n", path);
}

static void print_finding(const struct options *options, const char *path, const struct validate_finding *finding)
{
    const struct job_finding *found = &finding->finding;
    (void)printf("  %s (%s): %s\n", validate_check_word(found->check), found->id, found->what);
    if (finding->place != NULL)
        (void)printf("    where    %s\n", finding->place);
    if (found->found[0] != '\0')
        (void)printf("    found    %s\n", found->found);
    if (found->advice[0] != '\0')
        (void)printf("    do this  %s\n", found->advice);
    if (finding->evidence != NULL)
        print_lines("it says", finding->evidence);
    if (finding->story == NULL)
        return;
    print_story(finding);
    print_again(options, path, finding);
}

static void print_checks(const struct validate_result *result)
{
    static const char *const words[] = {[CHECK_PASSED] = "good", [CHECK_FAILED] = "BAD", [CHECK_SKIPPED] = "-"};
    for (int i = 0; i < CHECK_COUNT; i++)
        (void)printf("  %-4s %-10s %s\n", words[result->checks[i]], validate_check_word((enum validate_check)i),
                     validate_check_summary((enum validate_check)i));
}

static void print_figures(const struct validate_result *result)
{
    (void)printf("  %llu events led to %llu records and %llu folds", (unsigned long long)result->events,
                 (unsigned long long)result->records, (unsigned long long)result->folds);
    if (result->unread[0] != '\0')
        (void)printf("; these inputs were never asked for: %s", result->unread);
    (void)printf("\n");
    if (result->extract_ns + result->add_ns + result->publish_ns + result->compute_ns <= 0)
        return;
    (void)printf("  here%s extract takes %.0f ns an event, add %.0f ns a record, publish %.0f ns a fold",
                 result->plugin.instrumented ? ", with a sanitizer in it," : "", result->extract_ns, result->add_ns,
                 result->publish_ns);
    if (result->plugin.kind == PLUGIN_METRIC)
        (void)printf(", compute %.0f ns", result->compute_ns);
    (void)printf("\n");
}

/* ---- a sanitizer's library ---- */

/* What was built with -fsanitize=address or thread wants its library to be the first of the process: begin again with it. */
static void begin_with_sanitizer(const char *path, int argc, char **argv)
{
    static const char *const libraries[] = {"libasan.so.", "libtsan.so."};
    struct plugin_elf elf = {0};
    struct findings findings = {0};
    size_t size;
    if (getenv("LD_PRELOAD") != NULL)
        return;
    char *bytes = plugin_file_check(path, &size, &elf, &findings);
    char **again = memory_new(((size_t)argc + 3) * sizeof *again); /* shoplane plugin validate ... */
    again[0] = (char *)(uintptr_t) "shoplane";
    again[1] = (char *)(uintptr_t) "plugin";
    memcpy(again + 2, argv, (size_t)argc * sizeof *again);
    for (size_t i = 0; bytes != NULL && elf.instrumented && i < sizeof libraries / sizeof *libraries; i++) {
        const char *name = memmem(bytes, size, libraries[i], strlen(libraries[i]));
        if (name == NULL || memchr(name, '\0', size - (size_t)(name - bytes)) == NULL)
            continue;
        (void)setenv("LD_PRELOAD", name, 1);
        (void)setenv("ASAN_OPTIONS", "detect_leaks=0", 0); /* validate.h counts what is not freed */
        (void)execv("/proc/self/exe", again);
        (void)unsetenv("LD_PRELOAD");
    }
    findings_free(&findings);
    free(again);
    free(bytes);
}

/* ---- one after the other ---- */

static bool is_among(const char *names, const char *name, size_t size)
{
    for (const char *at = names; *at != '\0'; at += strspn(at, ", ")) {
        size_t length = strcspn(at, ",");
        if (length == size && strncmp(at, name, size) == 0)
            return true;
        at += length;
    }
    return false;
}

/* What was not taken before, and now neither. */
static void note_untaken(struct untaken *untaken, const char *now)
{
    char still[sizeof untaken->names] = "";
    for (const char *at = now; *at != '\0'; at += strspn(at, ", ")) {
        size_t size = strcspn(at, ","), used = strlen(still);
        if (!untaken->asked || is_among(untaken->names, at, size))
            (void)snprintf(still + used, sizeof still - used, "%s%.*s", used == 0 ? "" : ", ", (int)size, at);
        at += size;
    }
    memcpy(untaken->names, still, sizeof still);
    untaken->asked = true;
}

/* One of what is in the file, and the kinds of what is there. 0, 1 or 2. */
static int validate_part(const struct options *options, const char *path, enum plugin_kind part, const char *beside,
                         struct validate_plugin *plugin, bool has[PLUGIN_KINDS])
{
    struct validate_settings settings = options->settings;
    struct validate_result result;
    struct error error = {0};
    settings.path = path;
    settings.part = part;
    if (beside != NULL)
        settings.lane = beside;
    if (beside != NULL &&
        !settings.params_shared) { /* a parser of the lane that is in its file: the settings are that lane's */
        settings.lane_params = settings.params;
        settings.params = "";
    }
    bool shown = !options->quiet && isatty(STDERR_FILENO);
    settings.progress = shown ? show_progress : NULL;
    bool begun = validate(&settings, &result, &error);
    if (shown)
        (void)fprintf(stderr, "\r\033[K");
    int status = 2;
    if (begun) {
        status = result.finding_count > 0 ? 1 : 0;
        (void)printf("%s: %s \"%s\"", path, plugin_kind_word(result.plugin.kind), result.plugin.name);
        if (result.plugin.kind == PLUGIN_METRIC)
            (void)printf(" on lane \"%s\"", result.plugin.lane);
        (void)printf(", %zu streams of %zu events from ", settings.rounds, settings.events);
        if (settings.recorded != NULL)
            (void)printf("%s: ", settings.recorded);
        else
            (void)printf("seed %llu: ", (unsigned long long)settings.seed);
        (void)printf("%s\n", status == 0 ? "VALID" : "NOT VALID");
        if (!options->quiet)
            print_checks(&result);
        (void)fputs(result.spelling, stdout);
        for (size_t i = 0; i < result.finding_count; i++)
            print_finding(options, path, &result.findings[i]);
        if (!options->quiet)
            print_figures(&result);
    } else {
        report_error(&error);
    }
    note_untaken(options->untaken, begun ? result.untaken : ""); /* what could not be tried is told already */
    memcpy(has, result.has, sizeof result.has);
    *plugin = result.plugin;
    validate_result_free(&result);
    return status;
}

/* All that is in the file: what its folder is for, and then the rest. */
static int validate_one(const struct options *options, const char *path)
{
    bool has[PLUGIN_KINDS];
    struct validate_plugin first, other;
    int status = validate_part(options, path, PLUGIN_KINDS, NULL, &first, has);
    for (enum plugin_kind part = 0; part < PLUGIN_KINDS; part++)
        if (has[part] && part != first.kind) {
            bool ignored[PLUGIN_KINDS];
            int one = validate_part(options, path, part, part == PLUGIN_METRIC ? first.name : NULL, &other, ignored);
            status = one > status ? one : status;
        }
    return status;
}

int command_plugin_validate(int argc, char **argv)
{
    static const struct option known[] = {{"plugins", required_argument, NULL, 'p'},
                                          {"lane", required_argument, NULL, 'l'},
                                          {"params", required_argument, NULL, 'a'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"rounds", required_argument, NULL, 'r'},
                                          {"events", required_argument, NULL, 'e'},
                                          {"reproduce", required_argument, NULL, 'x'},
                                          {"timeout", required_argument, NULL, 't'},
                                          {"keep", required_argument, NULL, 'k'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    struct untaken untaken = {0};
    struct options options = {.untaken = &untaken, .settings = {.params = "", .lane_params = "", .smaller = true}};
    int64_t seed = 1, rounds = 12, events = DEFAULT_EVENTS, timeout_s = 30;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        bool good = true;
        switch (option) {
        case 'p': options.settings.folders = optarg; break;
        case 'l': options.settings.lane = optarg; break;
        case 'a': options.settings.params = optarg; break;
        case 's': good = command_number("seed", optarg, 0, INT64_MAX - 1000000, &seed); break;
        case 'r': good = command_number("rounds", optarg, 1, 100000, &rounds); break;
        case 'e':
            if (optarg[strspn(optarg, "0123456789")] == '\0' || *optarg == '-')
                good = command_number("events", optarg, 1, 100000, &events);
            else
                options.settings.recorded = optarg;
            break;
        case 'x':
            good = command_number("reproduce", optarg, 0, INT64_MAX - 1000000, &seed);
            rounds = 1;
            break;
        case 't': good = command_number("timeout", optarg, 1, 3600, &timeout_s); break;
        case 'k': options.settings.keep = optarg; break;
        case 'q': options.quiet = true; break;
        case 'h': (void)fputs(usage, stdout); return 0;
        default: return command_usage("plugin validate", "that option is not known");
        }
        if (!good)
            return 2;
    }
    char **paths = optind == argc ? project_plugins() : NULL, **first = paths != NULL ? paths : argv + optind;
    if (*first == NULL) {
        free(paths);
        return command_usage("plugin validate", "there is no plugin in " PROJECT_PLUGINS ": name the files to look at");
    }
    begin_with_sanitizer(*first, argc, argv);
    options.folders_named = options.settings.folders != NULL;
    char *installed = options.settings.folders == NULL ? plugin_folder_default() : memory_text(options.settings.folders);
    options.settings.folders = installed;
    options.settings.params_shared = paths != NULL && *options.settings.params != '\0';
    options.settings.seed = (uint64_t)seed;
    options.settings.rounds = (size_t)rounds;
    options.settings.events = (size_t)events;
    options.settings.timeout_s = (int)timeout_s;
    int status = 0;
    for (char **path = first; *path != NULL; path++) {
        int one = validate_one(&options, *path);
        status = one > status ? one : status;
        if (paths != NULL)
            free(*path);
    }
    free(paths);
    free(installed);
    if (untaken.names[0] == '\0')
        return status;
    (void)fprintf(stderr,
                  "shoplane: no plugin of " PROJECT_PLUGINS " has a parameter of this name\n  found    %s in --params\n"
                  "  do this  look which there are: shoplane plugins --folder " PROJECT_PLUGINS "\n",
                  untaken.names);
    return 2;
}
