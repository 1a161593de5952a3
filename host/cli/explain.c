/* explain.c - `shoplane features` and `shoplane explain`: what a key has now, and what stands behind it; of the running host,
 * or, where none answers, of the state it left. `shoplane audit`, `shoplane cost` and `shoplane diff` ask the host about
 * itself. */
#include "base/memory.h"
#include "cli/command.h"
#include "cli/crash.h"
#include "cli/durable.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "engine/explanation.h"
#include "engine/key_state.h"
#include "serve/control.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char features_usage[] =
    "shoplane features KIND ID [OPTIONS]     (shoplane features user ann)\n\n"
    "Lists what a key has now: every feature with its value, how many records stand behind it, and when it was written. KIND is\n"
    "user, session, or what a lane of its own key calls it. Asks the running host; where none answers, the state that the\n"
    "configuration names is looked into, as of its last checkpoint.\n\n"
    "  --config FILE   default: see `shoplane --help`\n"
    "  --state         look into the state, whether a host runs or not\n"
    "  --json          as one JSON object\n";
static const char explain_usage[] =
    "shoplane explain KIND ID FEATURE [OPTIONS]     (shoplane explain user ann product_view_count_5m)\n"
    "shoplane explain KEY                           (as it stands in Redis: user:ann:product_view_count_5m)\n\n"
    "Says which records stand behind a value, when each leaves its window, and what the value will be then. FEATURE without its\n"
    "window is all its windows. Asks the running host; where none answers, the state that the configuration names.\n\n"
    "  --config FILE   default: see `shoplane --help`\n"
    "  --state         look into the state, whether a host runs or not\n"
    "  --json          as one JSON object\n";
static const char audit_usage[] =
    "shoplane audit [--config FILE]\n\n"
    "Asks the running host how its audit goes: how many features it has compared with Redis, and the last that were wrong.\n";

static const char cost_usage[] =
    "shoplane cost [--config FILE] [--json]\n\n"
    "Asks the running host what its plugins cost: how often each was called, and how long that took, by samples. `shoplane replay\n"
    "--cost` says the same of files.\n";

static const char diff_usage[] =
    "shoplane diff [NAME] [--config FILE] [--json]\n\n"
    "Asks the running host how its shadows (lanes and metric parsers with shadow_of) differ from what they stand beside: how often a\n"
    "feature was compared and was another one, how far numbers are apart, and the last shoppers of whom it was so. NAME: only that\n"
    "lane or parser. `shoplane replay --diff` says the same of files.\n";

struct options {
    const char *config;
    bool json, state;
};

/* ---- from the state ---- */

static bool from_state(const struct config *config, const struct lane_set *set, const struct explanation_question *question,
                       struct buffer *out, struct error *error)
{
    struct state_folder folder;
    struct durable durable;
    struct shard shard;
    struct error damage = {0};
    sl_key kind;
    if (!explanation_kind(set, question->kind, &kind, error)) {
        explanation_say_quarantine(question, error);
        return false;
    }
    if (!state_folder_look(&folder, config->state.folder, error))
        return false;
    bool good = durable_open(&durable, &folder, config, set, false, error);
    if (good) {
        key_state_read(&shard, &durable.plan, kind, (sl_view){question->id, strlen(question->id)}, &damage);
        if (damage.what[0] != '\0')
            report_error(&damage);
        good = explanation_make(&shard, question, "the state's last checkpoint", out, error);
        shard_free(&shard);
        durable_close(&durable);
    }
    state_folder_close(&folder);
    return good;
}

/* ---- asking ---- */

static int tell(const struct options *options, const struct explanation_question *question)
{
    crash_watch(); /* `open` of plugins may be called */
    char *path = setup_config_path(options->config);
    struct config *config;
    struct lane_set *set;
    struct buffer out = {0};
    struct error error = {0};
    bool good = false;
    struct quarantine quarantine = {0};
    if (!setup_read_with(path, NULL, &quarantine, &config, &set)) {
        free(path);
        return 2;
    }
    const char *const words[] = {"explain", question->kind, question->id, question->feature == NULL ? "*" : question->feature,
                                 question->json ? "json" : "text"};
    if (config->state.folder == NULL) {
        error_what(&error, "the configuration keeps no state, and so there is no place to ask a host at");
        error_found(&error, "%s: no state.folder", config->file);
        error_advice(&error, "state: { folder = \"/var/lib/shoplane\"; };");
    } else {
        enum control_result result = options->state ? CONTROL_NOBODY : control_ask(config->state.folder, words, 5, &out, &error);
        struct explanation_question there = *question;
        there.quarantine = quarantine.told;
        good = result == CONTROL_ANSWERED || (result == CONTROL_NOBODY && from_state(config, set, &there, &out, &error));
    }
    if (good)
        (void)fwrite(out.data, 1, out.size, stdout);
    else
        report_error(&error);
    buffer_free(&out);
    lane_set_free(set);
    quarantine_free(&quarantine);
    config_free(config);
    free(path);
    return good ? 0 : 1;
}

/* False: *status is what to exit with. */
static bool read_options(int argc, char **argv, const char *usage, struct options *options, int *status)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'}, {"json", no_argument, NULL, 'j'},
                                          {"state", no_argument, NULL, 's'},        {"help", no_argument, NULL, 'h'},  {0}};
    *options = (struct options){0};
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c': options->config = optarg; break;
        case 'j': options->json = true; break;
        case 's': options->state = true; break;
        case 'h':
            (void)fputs(usage, stdout);
            *status = 0;
            return false;
        default: *status = command_usage(argv[0], "that option is not known"); return false;
        }
    }
    return true;
}

int command_features(int argc, char **argv)
{
    struct options options;
    int status;
    if (!read_options(argc, argv, features_usage, &options, &status))
        return status;
    if (argc - optind != 2)
        return command_usage("features", "it takes a kind of key and an id: user ann");
    return tell(&options, &(struct explanation_question){.kind = argv[optind], .id = argv[optind + 1], .json = options.json});
}

/* A whole key: KIND:ID:FEATURE, where the id may have colons itself. */
static bool split_key(char *key, struct explanation_question *question)
{
    char *first = strchr(key, ':'), *last = strrchr(key, ':');
    if (first == NULL || last == first)
        return false;
    *first = *last = '\0';
    question->kind = key;
    question->id = first + 1;
    question->feature = last + 1;
    return true;
}

int command_explain(int argc, char **argv)
{
    struct options options;
    int status;
    if (!read_options(argc, argv, explain_usage, &options, &status))
        return status;
    struct explanation_question question = {.json = options.json};
    if (argc - optind == 1) {
        if (!split_key(argv[optind], &question))
            return command_usage("explain", "\"%s\" is no key of a feature: user:ann:product_view_count_5m", argv[optind]);
    } else if (argc - optind == 3) {
        question.kind = argv[optind];
        question.id = argv[optind + 1];
        question.feature = argv[optind + 2];
    } else {
        return command_usage("explain", "it takes a key, or a kind of key, an id and a feature: user ann product_view_count_5m");
    }
    return tell(&options, &question);
}

/* A question that needs no lanes here. */
static int ask_host(const struct options *options, const char *const *words, size_t count)
{
    char *path = setup_config_path(options->config);
    struct error_list errors = {0};
    struct error error = {0};
    struct buffer out = {0};
    struct config *config = config_read_path(path, &errors);
    int status = 1;
    if (config == NULL) {
        report_errors(&errors);
        status = 2;
    } else if (config->state.folder == NULL) {
        error_what(&error, "the configuration keeps no state, and so there is no place to ask a host at");
        error_found(&error, "%s: no state.folder", config->file);
        error_advice(&error, "state: { folder = \"/var/lib/shoplane\"; };");
        report_error(&error);
    } else if (control_ask(config->state.folder, words, count, &out, &error) != CONTROL_ANSWERED) {
        report_error(&error);
    } else {
        (void)fwrite(out.data, 1, out.size, stdout);
        status = 0;
    }
    error_list_free(&errors);
    buffer_free(&out);
    config_free(config);
    free(path);
    return status;
}

int command_audit(int argc, char **argv)
{
    struct options options;
    int status;
    if (!read_options(argc, argv, audit_usage, &options, &status))
        return status;
    return ask_host(&options, (const char *const[]){"audit"}, 1);
}

int command_cost(int argc, char **argv)
{
    struct options options;
    int status;
    if (!read_options(argc, argv, cost_usage, &options, &status))
        return status;
    return ask_host(&options, (const char *const[]){"cost", options.json ? "json" : "text"}, 2);
}

int command_diff(int argc, char **argv)
{
    struct options options;
    int status;
    if (!read_options(argc, argv, diff_usage, &options, &status))
        return status;
    if (argc - optind > 1)
        return command_usage("diff", "\"%s\" is one word too many: it takes the name of one lane or parser", argv[optind + 1]);
    return ask_host(&options, (const char *const[]){"diff", options.json ? "json" : "text", optind < argc ? argv[optind] : "*"}, 3);
}
