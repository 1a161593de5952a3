/* run.c - `shoplane run`: the host itself. Reads what is configured until it is told to stop; SIGTERM and SIGINT end it
 * cleanly (what is dirty is written), a second one at once. */
#include "base/log.h"
#include "base/time.h"
#include "cli/attend.h"
#include "cli/command.h"
#include "cli/durable.h"
#include "cli/ownership.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "cli/signals.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "shoplane run [OPTIONS]\n\n"
    "Reads events from the configured source (Kafka), keeps the windows of every key, and writes fresh features to the\n"
    "configured sink (Redis), until SIGTERM or Ctrl-C. Log lines go to standard error.\n\n"
    "  --config FILE   default: see `shoplane --help`\n"
    "  --to-end        stop at the end of the input as it is now: read every partition to its end, write all, exit\n"
    "  --until TIME    with --to-end: move the clock on to this time at the end\n"
    "  --workers N     threads, 1 to 256; default: as configured\n"
    "  --report S      a line of figures every S seconds, 0: none; default 10\n"
    "  --accept-loss   start although some of the state, or some messages that were not read yet, can't be had any more\n";

struct options {
    const char *config;
    bool to_end, accept_loss;
    int64_t until_ms, workers, report_s;
};

static bool parse_options(int argc, char **argv, struct options *options, int *status)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'}, {"to-end", no_argument, NULL, 'e'},
                                          {"until", required_argument, NULL, 'u'},  {"workers", required_argument, NULL, 'w'},
                                          {"report", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'},
                                          {"accept-loss", no_argument, NULL, 'a'},
                                          {0}};
    *options = (struct options){.until_ms = INT64_MIN, .report_s = 10};
    *status = 2;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c': options->config = optarg; break;
        case 'e': options->to_end = true; break;
        case 'a': options->accept_loss = true; break;
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

static struct source *open_source(const struct config *config, const struct kafka_positions *positions, int workers,
                                  struct error *error)
{
    const struct source_settings *source = &config->source;
    if (source->kind == SOURCE_KAFKA)
        return kafka_source_new(&source->kafka, positions, workers, &signals_stop, error);
    if (source->file_count == 0) {
        error_what(error, "there is nothing to read: the configuration has no source");
        error_found(error, "%s", config->file);
        error_advice(error, "add source: { kind = \"kafka\"; brokers = ...; topic = ...; };  or use `shoplane replay FILE`");
        return NULL;
    }
    return file_source_new(source->files, source->file_count, (size_t)source->kafka.batch_messages, workers, error);
}

static bool open_stream(const struct config *config, struct sink_maker *maker, struct error *error)
{
    maker->stream = stdout;
    if (config->sink.kind != SINK_JSONL || config->sink.file == NULL)
        return true;
    maker->stream = fopen(config->sink.file, "ae");
    if (maker->stream != NULL)
        return true;
    error_what(error, "the sink's file can't be opened: %s", strerror(errno));
    error_found(error, "%s: %s", config->file, config->sink.file);
    return false;
}

static struct source *open_past(void *context, int64_t from_ms, const int64_t *from, const int64_t *to, int32_t partitions,
                                int64_t *short_ms, struct error *error)
{
    const struct engine_settings *settings = context;
    return kafka_past_new(settings->kafka, from_ms, from, to, partitions, settings->workers, short_ms, error);
}

/* All that a run needs, in the order in which it is opened. */
struct running {
    const struct config *config;
    const struct lane_set *set;
    struct ownership ownership;
    struct durable durable;
    struct sink_maker maker;
    struct engine_settings settings;
};

static void close_running(struct running *running)
{
    source_free(running->settings.source);
    if (running->settings.letters != NULL)
        dead_letters_close(running->settings.letters, 10000);
    if (running->maker.stream != NULL && running->maker.stream != stdout)
        (void)fclose(running->maker.stream);
    durable_close(&running->durable);
    ownership_end(&running->ownership, true);
}

/* False: an error, or told to stop before it began (error->what is empty). */
static bool open_running(struct running *running, const struct options *options, struct error *error)
{
    const struct config *config = running->config;
    struct engine_settings *settings = &running->settings;
    *settings = setup_engine(config, running->set);
    if (options->workers > 0)
        settings->workers = (int)options->workers;
    settings->to_end = options->to_end;
    settings->until_ms = options->until_ms;
    settings->drain_ms = options->to_end ? 30000 : 5000;
    settings->sink_context = &running->maker;
    if (!ownership_take(&running->ownership, config, &signals_stop, error))
        return false;
    running->maker = (struct sink_maker){.settings = &config->sink,
                                         .lease = running->ownership.lease,
                                         .fence = running->ownership.lease == NULL ? NULL
                                                                                   : lease_fence_key(running->ownership.lease)};
    settings->lease = running->ownership.lease;
    if (running->ownership.has_folder) {
        if (!durable_open(&running->durable, &running->ownership.folder, config, running->set, options->accept_loss, error))
            return false;
        settings->state = &running->durable.plan;
        settings->kafka = &config->source.kafka;
        settings->open_past = open_past;
        settings->past_context = settings;
        durable_say(&running->durable);
    }
    if (!open_stream(config, &running->maker, error))
        return false;
    settings->letters = dead_letters_open(&config->dead_letters, &config->source.kafka, error);
    if (settings->letters == NULL)
        return false;
    struct kafka_positions accept = {.accept_loss = options->accept_loss};
    settings->source = open_source(config, running->durable.next != NULL ? &running->durable.positions :
                                   options->accept_loss ? &accept : NULL, settings->workers, error);
    return settings->source != NULL;
}

static int run(const struct options *options, const struct config *config, const struct lane_set *set)
{
    int status = 1;
    struct error error = {0};
    struct running running = {.config = config, .set = set};
    struct engine_settings *settings = &running.settings;
    if (!open_running(&running, options, &error)) {
        bool told = error.what[0] == '\0';
        if (!told)
            report_error(&error);
        close_running(&running);
        return told ? 0 : 1;
    }
    int64_t started_ms = time_monotonic_ms();
    struct engine *engine = engine_start(settings);
    log_info("running with %s: %zu lanes, %d workers, %d partitions", config->file, set->lane_count, settings->workers,
             (int)settings->source->partitions);
    struct attendance attendance = {.engine = engine,
                                    .source = settings->source,
                                    .lease = settings->lease,
                                    .report_s = options->report_s,
                                    .restartable = settings->state != NULL,
                                    .config = config->file};
    enum ending ending = attend(&attendance);
    if (ending == ENDING_LEASE || ending == ENDING_GROWN || ending == ENDING_RELOAD)
        log_error("restart is not there yet"); /* replaced below */
    bool kept = engine_finish(engine);
    struct engine_counters counters;
    engine_count(engine, &counters);
    status = !kept || (counters.unsent > 0 && settings->state == NULL) ? 1 : 0;
    if (engine_error(engine, &error) || source_error(settings->source, &error)) {
        report_error(&error);
        status = 1;
    }
    engine_free(engine);
    report_summary(&counters, settings->letters, time_monotonic_ms() - started_ms);
    close_running(&running);
    return status;
}

int command_run(int argc, char **argv)
{
    struct options options;
    int status;
    if (!parse_options(argc, argv, &options, &status))
        return status;
    signals_install();
    status = 2;
    char *path = setup_config_path(options.config);
    struct config *config;
    struct lane_set *set;
    if (setup_read(path, &config, &set))
        status = run(&options, config, set);
    lane_set_free(set);
    config_free(config);
    free(path);
    return status;
}
