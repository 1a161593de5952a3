/* replay.c - `shoplane replay`: files of events through the lanes, as fast as they go; event time drives the clock. */
#include "base/memory.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/crash.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "cli/watchdog.h"
#include "engine/question.h"
#include "sink/final_features.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "shoplane replay [OPTIONS] FILE...     (\"-\" is standard input)\n\n"
    "Reads enriched events (TSV of 131 columns, or the live-shopper accelerator's JSON, told apart by line) as one stream and\n"
    "writes every feature at the moment it would have been written live, as one JSON object a line:\n"
    "  {\"key\":\"user:ann:product_view_count_5m\",\"value\":\"2\",\"ttl\":600,\"event_time\":\"2025-03-26T10:58:53.451Z\"}\n\n"
    "  --config FILE        lanes and windows; default: see `shoplane --help`\n"
    "  --sink KIND          jsonl (default: lines on standard output), redis (as configured), null\n"
    "  --final[=all]        instead of every write, print what a reader would find at the end, sorted by key;\n"
    "                       =all: whether or not its TTL has run out by then\n"
    "  --until TIME         move the clock on to this time at the end: 2025-03-26T12:00:00Z, or ms since 1970\n"
    "  --workers N          threads, 1 to 256; default: as configured. The features do not depend on it\n"
    "  --batch N            lines a batch; default: as configured. The features do not depend on it\n"
    "  --dead-letters FILE  where messages go that can't be taken; default: as configured, a topic becomes standard error\n"
    "  --stats FILE         what the run did, as one JSON object\n"
    "  --diff               at the end, on standard error, how shadows differ from what they stand beside\n"
    "  --cost               at the end, on standard error, what each plugin cost: calls, time by samples, share\n"
    "  --quiet              no progress and no summary\n";

struct options {
    const char *config, *sink, *dead_letters, *stats;
    bool final, final_all, quiet, cost, diff;
    int64_t until_ms, workers, batch;
};

/* True: go on. Else *status is what to exit with. */
static bool parse_options(int argc, char **argv, struct options *options, int *status)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"sink", required_argument, NULL, 's'},
        {"final", optional_argument, NULL, 'f'},  {"until", required_argument, NULL, 'u'},
        {"workers", required_argument, NULL, 'w'}, {"batch", required_argument, NULL, 'b'},
        {"dead-letters", required_argument, NULL, 'd'}, {"quiet", no_argument, NULL, 'q'},
        {"stats", required_argument, NULL, 't'},  {"cost", no_argument, NULL, 'o'},
        {"diff", no_argument, NULL, 'i'},
        {"help", no_argument, NULL, 'h'},         {0}};
    *options = (struct options){.until_ms = INT64_MIN, .sink = NULL};
    *status = 2;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c': options->config = optarg; break;
        case 's':
            if (strcmp(optarg, "jsonl") != 0 && strcmp(optarg, "redis") != 0 && strcmp(optarg, "null") != 0) {
                (void)command_usage("replay", "--sink takes jsonl, redis or null, not \"%s\"", optarg);
                return false;
            }
            options->sink = optarg;
            break;
        case 'f':
            if (optarg != NULL && strcmp(optarg, "all") != 0) {
                (void)command_usage("replay", "--final takes nothing or =all, not \"%s\"", optarg);
                return false;
            }
            options->final = true;
            options->final_all = optarg != NULL;
            break;
        case 'u':
            if (!command_time(optarg, &options->until_ms)) {
                (void)command_usage("replay", "--until takes a time such as 2025-03-26T12:00:00Z, not \"%s\"", optarg);
                return false;
            }
            break;
        case 'w':
            if (!command_number("workers", optarg, 1, 256, &options->workers))
                return false;
            break;
        case 'b':
            if (!command_number("batch", optarg, 1, 100000, &options->batch))
                return false;
            break;
        case 'd': options->dead_letters = optarg; break;
        case 't': options->stats = optarg; break;
        case 'q': options->quiet = true; break;
        case 'o': options->cost = true; break;
        case 'i': options->diff = true; break;
        case 'h':
            (void)fputs(usage, stdout);
            *status = 0;
            return false;
        default: (void)command_usage("replay", "that option is not known"); return false;
        }
    }
    if (optind == argc) {
        (void)command_usage("replay", "name at least one file of events");
        return false;
    }
    return true;
}

static struct dead_letters *open_letters(const struct options *options, const struct config *config)
{
    struct dead_letter_settings settings = config->dead_letters;
    if (options->dead_letters != NULL)
        settings = (struct dead_letter_settings){.kind = LETTERS_FILE, .file = options->dead_letters};
    else if (settings.kind == LETTERS_TOPIC)
        return dead_letters_on(stderr); /* a replay talks to no broker */
    struct error error;
    struct dead_letters *letters = dead_letters_open(&settings, &config->source.kafka, &error);
    if (letters == NULL)
        report_error(&error);
    else
        dead_letters_wait(letters);
    return letters;
}

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

/* Wait for the engine, showing progress; an interrupt ends the input where it is, and so does standard output if nobody
 * takes what is written to it. */
static void wait_for(struct engine *engine, struct source *source, const struct options *options, enum sink_kind sink)
{
    struct progress progress;
    bool stopped = false;
    progress_start(&progress, options->quiet);
    while (!engine_wait(engine, 100)) {
        struct engine_counters counters;
        uint64_t done, total;
        engine_count(engine, &counters);
        bool unheard = sink == SINK_JSONL && counters.sink.failed_groups > 0;
        if ((interrupted || unheard) && !stopped) {
            source_stop(source);
            stopped = true;
        }
        source_progress(source, &done, &total);
        progress_show(&progress, &counters, done, total);
    }
    progress_end(&progress);
}

static void tell_cost(struct engine *engine, const struct lane_set *set)
{
    struct lane_cost *costs = memory_new((set->lane_count + 1) * sizeof *costs);
    struct buffer out = {0};
    (void)engine_costs(engine, costs, 0); /* its workers have ended */
    cost_tell(set, costs, false, &out);
    (void)fwrite(out.data, 1, out.size, stderr);
    buffer_free(&out);
    free(costs);
}

static void tell_diff(struct engine *engine, const struct lane_set *set)
{
    struct shadows sum;
    struct buffer out = {0};
    shadows_init(&sum, set, NULL);
    (void)engine_shadows(engine, &sum, 0);
    shadows_tell(set, &sum, NULL, false, &out);
    (void)fwrite(out.data, 1, out.size, stderr);
    buffer_free(&out);
    shadows_free(&sum, set);
}

static int replay(const struct options *options, const struct config *config, const struct lane_set *set,
                  const char *const *files, size_t file_count)
{
    int status = 1;
    struct error error;
    struct sink_settings sink = config->sink;
    const char *kind = options->sink != NULL ? options->sink : "jsonl";
    sink.kind = strcmp(kind, "redis") == 0 ? SINK_REDIS : strcmp(kind, "null") == 0 ? SINK_NULL : SINK_JSONL;
    struct final_features *final = options->final ? final_features_new() : NULL;
    struct sink_maker maker = {
        .settings = &sink, .stream = stdout, .final = final, .only_final = sink.kind != SINK_REDIS};
    struct engine_settings settings = setup_engine(config, set);
    if (options->workers > 0)
        settings.workers = (int)options->workers;
    settings.clock = CLOCK_EVENT;
    settings.to_end = true;
    settings.until_ms = options->until_ms;
    settings.sink_context = &maker;
    if (sink.kind != SINK_REDIS)
        settings.drain_ms = 0; /* a stream that does not take it now never will */
    size_t batch = (size_t)(options->batch > 0 ? options->batch : config->source.kafka.batch_messages);
    settings.letters = open_letters(options, config);
    if (settings.letters == NULL)
        goto out_final;
    settings.source = file_source_new(files, file_count, batch, settings.workers, &error);
    if (settings.source == NULL) {
        report_error(&error);
        goto out_letters;
    }
    int64_t started_ms = time_monotonic_ms();
    struct engine *engine = engine_start(&settings);
    wait_for(engine, settings.source, options, sink.kind);
    struct engine_counters counters;
    engine_count(engine, &counters);
    if (options->cost)
        tell_cost(engine, set);
    if (options->diff)
        tell_diff(engine, set);
    engine_free(engine);
    status = interrupted ? 130 : 0;
    if (source_error(settings.source, &error)) {
        report_error(&error);
        status = 1;
    }
    errno = 0;
    if (final != NULL)
        (void)final_features_print(final, counters.clock_ms, options->final_all, stdout);
    bool unheard = sink.kind == SINK_JSONL && counters.sink.failed_groups > 0; /* the sink has said why */
    if (fflush(stdout) != 0 || ferror(stdout) || unheard) {
        error_what(&error, "standard output can't be written%s%s", errno != 0 ? ": " : "", errno != 0 ? strerror(errno) : "");
        error_advice(&error, "look for a full disk or a reader that has gone");
        report_error(&error);
        status = 1;
    }
    dead_letters_flush(settings.letters, 10000);
    if (counters.unsent > 0 || dead_letters_lost(settings.letters) > 0)
        status = 1;
    if (options->stats != NULL &&
        !report_stats(options->stats, &counters, settings.letters, time_monotonic_ms() - started_ms, &error)) {
        report_error(&error);
        status = 1;
    }
    if (!options->quiet)
        report_summary(&counters, settings.letters, time_monotonic_ms() - started_ms);
    source_free(settings.source);
out_letters:
    dead_letters_close(settings.letters, 10000);
out_final:
    final_features_free(final);
    return status;
}

int command_replay(int argc, char **argv)
{
    struct options options;
    int status;
    if (!parse_options(argc, argv, &options, &status))
        return status;
    struct sigaction action = {.sa_handler = interrupt};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    crash_watch();
    watchdog_start();
    status = 2;
    char *path = setup_config_path(options.config);
    struct config *config;
    struct lane_set *set;
    if (setup_read(path, &config, &set))
        status = replay(&options, config, set, (const char *const *)argv + optind, (size_t)(argc - optind));
    lane_set_free(set);
    config_free(config);
    free(path);
    return status;
}
