/* run.c - `shoplane run`: the host itself. Reads what is configured until it is told to stop; SIGTERM and SIGINT end it
 * cleanly (what is dirty is written), a second one at once. SIGHUP, more partitions and a lost lease are restarts: the process
 * becomes itself again. */
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/supervisor.h"
#include "base/standard_error.h"
#include "base/time.h"
#include "cli/attend.h"
#include "cli/command.h"
#include "cli/crash.h"
#include "cli/durable.h"
#include "cli/ownership.h"
#include "cli/report.h"
#include "cli/restart.h"
#include "cli/setup.h"
#include "cli/signals.h"
#include "cli/trial.h"
#include "cli/watchdog.h"
#include "serve/questions.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

#define PAST_TIMEOUT_MS 2000
#define LETTERS_MS      10000 /* for those that are on their way */

static struct source *open_past(void *context, int64_t from_ms, const int64_t *from, const int64_t *to, int32_t partitions,
                                int64_t *short_ms, struct error *error)
{
    const struct engine_settings *settings = context;
    struct kafka_settings soon = *settings->kafka; /* it is tried again, and who stops or reloads waits for it */
    if (soon.connect_timeout_ms > PAST_TIMEOUT_MS)
        soon.connect_timeout_ms = PAST_TIMEOUT_MS;
    return kafka_past_new(&soon, from_ms, from, to, partitions, settings->workers, short_ms, error);
}

/* All that a run needs, in the order in which it is opened. */
struct running {
    const struct options *options;
    const struct loaded *loaded;
    const struct restart_note *note; /* of a former self */
    const char *installed;           /* path of the configuration that a reload runs */
    struct ownership ownership;
    struct durable durable;
    struct trial trial;
    struct restart_note become; /* RESTART_NOT: nothing; else ourselves again, instead of running */
    struct sink_maker maker;
    struct engine_settings settings;
    struct quarantined_plugin *quarantined; /* of the settings */
};

static void close_running(struct running *running)
{
    trial_end(&running->trial);
    source_free(running->settings.source);
    if (running->settings.letters != NULL)
        dead_letters_close(running->settings.letters, LETTERS_MS);
    if (running->maker.stream != NULL && running->maker.stream != stdout)
        (void)fclose(running->maker.stream);
    durable_close(&running->durable);
    ownership_end(&running->ownership, true);
    free(running->quarantined);
}

/* What the notes of crashes say now: more than when we read them, where another process ran meanwhile. */
static bool crashed_meanwhile(const struct running *running)
{
    struct crash_notes notes;
    crash_notes_read(running->ownership.folder.folder, &notes);
    size_t count = notes.count;
    crash_notes_free(&notes);
    return count != running->loaded->quarantine.notes.count;
}

static void tell_quarantine(struct running *running)
{
    const struct quarantine *quarantine = &running->loaded->quarantine;
    running->quarantined = memory_new((quarantine->count + 1) * sizeof *running->quarantined);
    for (size_t i = 0; i < quarantine->count; i++)
        running->quarantined[i] = (struct quarantined_plugin){quarantine->items[i].key, quarantine->items[i].why};
    running->settings.quarantined = running->quarantined;
    running->settings.quarantined_count = quarantine->count;
}

/* The state, and which set is to run on it. False: an error, or running->become. */
static bool open_state(struct running *running, struct error *error)
{
    const struct config *config = running->loaded->config;
    const struct plugin_set *set = &running->loaded->set;
    const struct state_folder *folder = &running->ownership.folder;
    if (!trial_begin(&running->trial, folder, config->state.fsync == FSYNC_CHECKPOINT, set, running->note, &running->become))
        return false;
    if (running->ownership.stood_by && running->note->reason != RESTART_TAKEOVER &&
        ((running->trial.marks.good[0] != '\0' && running->trial.pending) || crashed_meanwhile(running))) {
        trial_end(&running->trial); /* what we loaded before we stood by is not what the one before us ran */
        running->become = (struct restart_note){.reason = RESTART_TAKEOVER, .folder = folder->path, .lock = folder->lock};
        return false;
    }
    if (!durable_open(&running->durable, folder, config, running->loaded->lanes, running->options->accept_loss, error))
        return false;
    (void)snprintf(running->durable.plan.plugin_set, sizeof running->durable.plan.plugin_set, "%s", set->id);
    crash_notes_trim(folder->folder);
    crash_note_in(folder->folder);
    tell_quarantine(running);
    running->settings.state = &running->durable.plan;
    running->settings.kafka = &config->source.kafka;
    running->settings.open_past = open_past;
    running->settings.past_context = &running->settings;
    durable_say(&running->durable);
    quarantine_say(&running->loaded->quarantine);
    return true;
}

/* False: an error, or told to stop before it began (error->what is empty), or running->become. */
static bool open_running(struct running *running, struct error *error)
{
    const struct config *config = running->loaded->config;
    const struct options *options = running->options;
    struct engine_settings *settings = &running->settings;
    *settings = setup_engine(config, running->loaded->lanes);
    if (options->workers > 0)
        settings->workers = (int)options->workers;
    settings->to_end = options->to_end;
    settings->until_ms = options->until_ms;
    settings->drain_ms = options->to_end ? 30000 : 5000;
    settings->sink_context = &running->maker;
    if (!ownership_take(&running->ownership, config, running->note->lock, &signals_stop, error))
        return false;
    running->maker = (struct sink_maker){.settings = &config->sink,
                                         .lease = running->ownership.lease,
                                         .fence = running->ownership.lease == NULL ? NULL
                                                                                   : lease_fence_key(running->ownership.lease)};
    settings->lease = running->ownership.lease;
    if (running->ownership.has_folder && !open_state(running, error))
        return false;
    if (!open_stream(config, &running->maker, error))
        return false;
    settings->letters = dead_letters_open(&config->dead_letters, &config->source.kafka, error);
    if (settings->letters == NULL)
        return false;
    struct kafka_positions accept = {.accept_loss = options->accept_loss};
    settings->source = open_source(config, running->durable.next != NULL ? &running->durable.positions :
                                   options->accept_loss ? &accept : NULL, settings->workers, error);
    if (settings->source == NULL)
        return false;
    durable_mend_clock(&running->durable, config, settings->source, time_wall_ms());
    return dead_letters_ready(settings->letters, &config->source.kafka, &signals_stop, error);
}

/* Ourselves again. Lock and lease stay ours: the next self takes over the one's descriptor, and the other from its former
 * owner, whom the lock file names (that takes 0 to 3 ms, less than giving the lease up and asking for it again could); nobody
 * gets in between, and a Redis that hangs holds nothing up.
 * Returns only if it can't be, or we were told to stop. */
static void become(const struct restart_note *note)
{
    char lines[96];
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    supervisor_tell(lines);
    restart_now(note);
    if (errno != EINTR)
        log_error("the program can't be started again: %s; found: %s; do this: put it back, and start it", strerror(errno),
                  restart_program());
}

/* The engine has ended for this: the same set again, or what is installed now. */
static void restart(struct running *running, enum ending ending, int64_t since_ms, bool kept)
{
    struct restart_note note = {.reason = ending == ENDING_RELOAD ? RESTART_RELOAD : RESTART_GROWN,
                                .since_ms = since_ms,
                                .folder = running->ownership.folder.path,
                                .lock = running->ownership.folder.lock};
    if (!kept)
        log_warn("the last checkpoint before the restart failed: what came after the last good one is read again");
    dead_letters_close(running->settings.letters, LETTERS_MS);
    running->settings.letters = NULL;
    if (ending == ENDING_GROWN && running->trial.kept)
        memcpy(note.set, running->loaded->set.id, sizeof note.set);
    trial_end(&running->trial);
    log_info("restarting: %s", restart_word(note.reason));
    become(&note);
}

/* Somebody else writes now. Whatever our workers do at this moment counts for nothing; they end with this self. */
static void stand_by(struct running *running)
{
    struct restart_note note = {.reason = RESTART_LEASE, .folder = running->ownership.folder.path};
    if (running->trial.kept)
        memcpy(note.set, running->loaded->set.id, sizeof note.set);
    log_warn("somebody else has taken over: this host writes and keeps nothing more; it stands by");
    become(&note);
    crash_end_process(signals_stop ? 0 : 1);
}

static int run(struct running *running)
{
    int status = 1;
    struct error error = {0};
    const struct config *config = running->loaded->config;
    struct engine_settings *settings = &running->settings;
    if (!open_running(running, &error)) {
        bool told = error.what[0] == '\0';
        if (running->become.reason != RESTART_NOT) {
            ownership_lease_up(&running->ownership); /* nothing was written under it */
            become(&running->become);
        }
        else if (!told)
            report_error(&error);
        close_running(running);
        return told && (signals_stop || running->become.reason == RESTART_NOT) ? 0 : 1;
    }
    int64_t started_ms = time_monotonic_ms();
    struct engine *engine = engine_start(settings);
    size_t lanes = running->loaded->lanes->lane_count;
    log_info("running with %s: %zu lane%s, %d worker%s, %d partition%s", config->file, lanes, lanes == 1 ? "" : "s",
             settings->workers, settings->workers == 1 ? "" : "s", (int)settings->source->partitions,
             settings->source->partitions == 1 ? "" : "s");
    supervisor_tell("READY=1\nSTATUS=running");
    trial_keep(&running->trial);
    struct audit_settings audited = {.redis = setup_redis(&config->sink),
                                     .every_ms = config->sink.audit_ms,
                                     .set = running->loaded->lanes,
                                     .seed = hash_secret};
    struct audit *audit = config->sink.kind == SINK_REDIS && audited.every_ms > 0 ? audit_start(engine, &audited) : NULL;
    struct attendance attendance = {.engine = engine,
                                    .audit = audit,
                                    .source = settings->source,
                                    .letters = settings->letters,
                                    .lease = settings->lease,
                                    .folder = settings->state == NULL ? NULL : &running->ownership.folder,
                                    .owner = running->ownership.owner,
                                    .report_s = running->options->report_s,
                                    .restartable = settings->state != NULL,
                                    .config = running->installed,
                                    .call_ms = config->limits.plugin_call_ms,
                                    .quarantined = running->loaded->quarantine.count,
                                    .trial = &running->trial,
                                    .reason = running->note->reason,
                                    .since_ms = running->ownership.stood_by ? 0 : running->note->since_ms};
    struct questions questions = {.engine = engine, .set = running->loaded->lanes, .audit = audit,
                                  .live = config->source.clock == CLOCK_LIVE, .disorder_ms = config->source.disorder_ms,
                                  .quarantine = running->loaded->quarantine.told};
    struct control *control = !running->ownership.has_folder
                                  ? NULL
                                  : control_start(running->ownership.folder.folder, running->ownership.folder.path,
                                                  questions_commands, &questions);
    enum ending ending = attend(&attendance);
    if (ending == ENDING_LEASE)
        stand_by(running);
    control_stop(control);
    audit_stop(audit);
    bool kept = engine_finish(engine);
    bool failed = engine_error(engine, &error) || source_error(settings->source, &error);
    bool again = !failed && (ending == ENDING_RELOAD || ending == ENDING_GROWN);
    if (again)
        restart(running, ending, attendance.since_ms, kept);
    struct engine_counters counters;
    engine_count(engine, &counters);
    status = !kept || (again && !signals_stop) || (counters.unsent > 0 && settings->state == NULL) ? 1 : 0;
    if (failed) {
        report_error(&error);
        status = 1;
    }
    engine_free(engine);
    if (settings->letters != NULL) { /* none: they were closed for a a restart that could not be */
        dead_letters_flush(settings->letters, LETTERS_MS);
        if (dead_letters_lost(settings->letters) > 0)
            status = 1;
        report_summary(&counters, settings->letters, time_monotonic_ms() - started_ms);
    }
    close_running(running);
    return status;
}

/* Is the copy that a former self names what it was when it was kept? Another must not run in its place. */
static bool copy_is_whole(const struct restart_note *note)
{
    struct error error;
    struct state_folder folder;
    bool looked = state_folder_look(&folder, note->folder, &error);
    bool whole = looked && plugin_set_verify(folder.folder, note->set, &error);
    if (!whole && error.what[0] != '\0')
        report_error(&error);
    if (looked)
        state_folder_close(&folder);
    return whole;
}

/* What is installed, or the set that a former self names. */
static bool load(struct loaded *loaded, const char *installed, const struct restart_note *note)
{
    if (note->set[0] == '\0' || note->folder == NULL)
        return loaded_read(loaded, installed, NULL, true);
    if (!copy_is_whole(note))
        return false;
    char *config = memory_format("%s/sets/%s/" SET_CONFIG, note->folder, note->set);
    char *plugins = memory_format("%s/sets/%s/plugins", note->folder, note->set);
    bool good = loaded_read(loaded, config, plugins, true);
    free(config);
    free(plugins);
    return good;
}

/* What is installed was checked, and is refused now: to the last good set, if there is one. */
static void go_back(const struct restart_note *note)
{
    struct set_marks marks;
    struct state_folder folder;
    struct error error;
    if (note->set[0] != '\0' && !restart_is_back(note->reason)) /* its copy is gone: what is installed, then */
        become(&(struct restart_note){
            .reason = note->reason, .since_ms = note->since_ms, .folder = note->folder, .lock = note->lock});
    if (note->folder == NULL || note->set[0] != '\0' || !state_folder_look(&folder, note->folder, &error))
        return;
    set_marks_read(folder.folder, &marks, &error);
    struct restart_note back = {
        .reason = RESTART_BACK, .since_ms = note->since_ms, .folder = note->folder, .lock = note->lock};
    memcpy(back.set, marks.good, sizeof back.set);
    back.why = memory_text("it was refused at the start; the reasons are said above");
    if (plugin_set_verify(folder.folder, marks.good, &error))
        become(&back);
    else if (error.what[0] != '\0')
        report_error(&error);
    free(back.why);
    state_folder_close(&folder);
}

int command_run(int argc, char **argv)
{
    struct options options;
    struct restart_note note;
    int status;
    restart_take_note(&note);
    standard_error_never_wait(note.unsaid);
    if (!parse_options(argc, argv, &options, &status))
        return status;
    signals_install();
    crash_watch();
    watchdog_start();
    status = 2;
    char *path = setup_config_path(options.config);
    struct loaded loaded;
    if (load(&loaded, path, &note)) {
        struct running running = {.options = &options, .loaded = &loaded, .note = &note, .installed = path};
        status = run(&running);
        loaded_free(&loaded);
    } else if (note.reason != RESTART_NOT) {
        go_back(&note);
    }
    free(path);
    free(note.folder);
    free(note.why);
    return status;
}
