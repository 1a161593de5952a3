/* run.c - `shoplane run`: the host itself. Reads what is configured until it is told to stop; SIGTERM and SIGINT end it
 * cleanly (what is dirty is written), a second one at once. */
#include "base/log.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/setup.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "shoplane run [OPTIONS]\n\n"
    "Reads events from the configured source (Kafka), keeps the windows of every key, and writes fresh features to the\n"
    "configured sink (Redis), until SIGTERM or Ctrl-C. Log lines go to standard error.\n\n"
    "  --config FILE   default: see `shoplane --help`\n"
    "  --to-end        stop at the end of the input as it is now: read every partition to its end, write all, exit\n"
    "  --until TIME    with --to-end: move the clock on to this time at the end\n"
    "  --workers N     threads, 1 to 256; default: as configured\n"
    "  --report S      a line of figures every S seconds, 0: none; default 10\n";

struct options {
    const char *config;
    bool to_end;
    int64_t until_ms, workers, report_s;
};

static bool parse_options(int argc, char **argv, struct options *options, int *status)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'}, {"to-end", no_argument, NULL, 'e'},
                                          {"until", required_argument, NULL, 'u'},  {"workers", required_argument, NULL, 'w'},
                                          {"report", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'},
                                          {0}};
    *options = (struct options){.until_ms = INT64_MIN, .report_s = 10};
    *status = 2;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c': options->config = optarg; break;
        case 'e': options->to_end = true; break;
        case 'u':
            if (!command_time(optarg, &options->until_ms)) {
                (void)command_usage("run", "--until takes a time such as 2025-03-26T12:00:00Z, not \"%s\"", optarg);
                return false;
            }
            break;
        case 'w':
            if (!command_number("workers", optarg, 1, 256, &options->workers))
                return false;
            break;
        case 'r':
            if (!command_number("report", optarg, 0, 86400, &options->report_s))
                return false;
            break;
        case 'h':
            (void)fputs(usage, stdout);
            *status = 0;
            return false;
        default: (void)command_usage("run", "that option is not known"); return false;
        }
    }
    if (optind < argc) {
        (void)command_usage("run", "it takes no files (\"%s\"): `shoplane replay` does", argv[optind]);
        return false;
    }
    if (options->until_ms != INT64_MIN && !options->to_end) {
        (void)command_usage("run", "--until goes with --to-end");
        return false;
    }
    return true;
}

static struct source *open_source(const struct config *config, int workers, struct error *error)
{
    const struct source_settings *source = &config->source;
    if (source->kind == SOURCE_KAFKA)
        return kafka_source_new(&source->kafka, NULL, workers, NULL, error);
    if (source->file_count == 0) {
        error_what(error, "there is nothing to read: the configuration has no source");
        error_found(error, "%s", config->file);
        error_advice(error, "add source: { kind = \"kafka\"; brokers = ...; topic = ...; };  or use `shoplane replay FILE`");
        return NULL;
    }
    return file_source_new(source->files, source->file_count, (size_t)source->kafka.batch_messages, workers, error);
}

static void report(const struct engine_counters *now, const struct engine_counters *before, double seconds)
{
    char clock[TIME_TEXT_MAX] = "-";
    if (now->clock_ms != INT64_MIN)
        (void)time_text(now->clock_ms, clock);
    log_info("%.0f events/s, %.0f features/s, clock %s, %" PRIu64 " keys, %.1f MB, %" PRIu64 " bad, %" PRIu64
             " late, %" PRIu64 " duplicate",
             (double)(now->messages - before->messages) / seconds,
             (double)(now->sink.sets + now->sink.deletes - before->sink.sets - before->sink.deletes) / seconds, clock,
             now->keys, (double)now->memory / 1e6, now->bad, now->late, now->duplicates);
}

/* Until the engine ends: signals, and a line now and then. */
static void attend(struct engine *engine, struct source *source, const sigset_t *signals, const struct options *options)
{
    bool stopping = false;
    struct engine_counters before = {0};
    int64_t reported_ms = time_monotonic_ms();
    while (!engine_wait(engine, 0)) {
        struct timespec moment = {.tv_nsec = 50 * 1000 * 1000};
        int signal = sigtimedwait(signals, NULL, &moment);
        if (signal > 0 && stopping) {
            log_warn("told to stop again: stopping at once, what was not written stays unwritten");
            _exit(1);
        }
        if (signal > 0) {
            log_info("%s: writing what is left, then stopping; once more stops at once", strsignal(signal));
            source_stop(source);
            stopping = true;
        }
        int64_t now_ms = time_monotonic_ms();
        if (options->report_s > 0 && now_ms - reported_ms >= options->report_s * 1000) {
            struct engine_counters now;
            engine_count(engine, &now);
            report(&now, &before, (double)(now_ms - reported_ms) / 1000.0);
            before = now;
            reported_ms = now_ms;
        }
    }
}

static int run(const struct options *options, const struct config *config, const struct lane_set *set,
               const sigset_t *signals)
{
    int status = 1;
    struct error error;
    struct sink_maker maker = {.settings = &config->sink, .stream = stdout};
    if (config->sink.kind == SINK_JSONL && config->sink.file != NULL) {
        maker.stream = fopen(config->sink.file, "ae");
        if (maker.stream == NULL) {
            error_what(&error, "the sink's file can't be opened: %s", strerror(errno));
            error_found(&error, "%s: %s", config->file, config->sink.file);
            report_error(&error);
            return 1;
        }
    }
    struct engine_settings settings = setup_engine(config, set);
    if (options->workers > 0)
        settings.workers = (int)options->workers;
    settings.to_end = options->to_end;
    settings.until_ms = options->until_ms;
    settings.drain_ms = options->to_end ? 30000 : 5000;
    settings.sink_context = &maker;
    settings.letters = dead_letters_open(&config->dead_letters, &config->source.kafka, &error);
    if (settings.letters == NULL) {
        report_error(&error);
        goto out_stream;
    }
    settings.source = open_source(config, settings.workers, &error);
    if (settings.source == NULL) {
        report_error(&error);
        goto out_letters;
    }
    int64_t started_ms = time_monotonic_ms();
    struct engine *engine = engine_start(&settings);
    log_info("running with %s: %zu lanes, %d workers, %d partitions", config->file, set->lane_count, settings.workers,
             (int)settings.source->partitions);
    attend(engine, settings.source, signals, options);
    struct engine_counters counters;
    engine_count(engine, &counters);
    engine_free(engine);
    status = counters.unsent > 0 ? 1 : 0;
    if (source_error(settings.source, &error)) {
        report_error(&error);
        status = 1;
    }
    report_summary(&counters, settings.letters, time_monotonic_ms() - started_ms);
    source_free(settings.source);
out_letters:
    dead_letters_close(settings.letters, 10000);
out_stream:
    if (maker.stream != stdout)
        (void)fclose(maker.stream);
    return status;
}

int command_run(int argc, char **argv)
{
    struct options options;
    int status;
    if (!parse_options(argc, argv, &options, &status))
        return status;
    /* Blocked before any thread is made, so that only attend() sees them. */
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    status = 2;
    char *path = setup_config_path(options.config);
    struct config *config;
    struct lane_set *set;
    if (setup_read(path, &config, &set))
        status = run(&options, config, set, &signals);
    lane_set_free(set);
    config_free(config);
    free(path);
    return status;
}
