/* attend.c - see attend.h. */
#include "cli/attend.h"

#include "base/log.h"
#include "base/standard_error.h"
#include "base/supervisor.h"
#include "base/time.h"
#include "cli/crash.h"
#include "cli/reload_check.h"
#include "cli/signals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_MS 20
#define READING_SAID_MS 1000 /* between two lines of progress */
#define WALL_SAID_MS 10000   /* clocks of machines differ by less */

/* Whose clock was not believed: events', messages', this machine's. "" where all were. */
static void times_text(const struct engine_counters *now, char *out, size_t size)
{
    size_t used = 0;
    *out = '\0';
    if (now->ahead > 0)
        used += (size_t)snprintf(out, size, ", %" PRIu64 " ahead of their message", now->ahead);
    if (now->unstamped > 0)
        used += (size_t)snprintf(out + used, size - used, ", %" PRIu64 " without a Kafka timestamp", now->unstamped);
    if (now->wall_ahead_ms >= WALL_SAID_MS || now->wall_ahead_ms <= -WALL_SAID_MS)
        (void)snprintf(out + used, size - used, ", WALL CLOCK %.0f s %s", (double)llabs(now->wall_ahead_ms) / 1000,
                       now->wall_ahead_ms < 0 ? "behind" : "ahead");
}

static void report(const struct engine_counters *now, const struct engine_counters *before, double seconds, uint64_t lost,
                   uint64_t letters_lost, struct audit *audit, size_t left_out)
{
    char clock[TIME_TEXT_MAX] = "-", state[96] = "", trouble[160] = "", not_finite[48] = "", odd[48] = "", letters[48] = "",
         audited[160] = "", rested[64] = "", shadows[96] = "", plugins[96] = "", times[160];
    if (now->clock_ms != INT64_MIN)
        (void)time_text(now->clock_ms, clock);
    if (now->checkpoints + now->failed_checkpoints > 0)
        (void)snprintf(state, sizeof state, ", %" PRIu64 " checkpoints (%" PRIu64 " failed)", now->checkpoints,
                       now->failed_checkpoints);
    if (left_out > 0 || now->barred > 0)
        (void)snprintf(plugins, sizeof plugins, ", %zu plugin%s in quarantine, %" PRIu64 " folds left out", left_out,
                       left_out == 1 ? "" : "s", now->barred);
    if (lost + now->full_keys + now->full_logs > 0)
        (void)snprintf(trouble, sizeof trouble, ", %" PRIu64 " lost in Kafka, %" PRIu64 " refused for memory, %" PRIu64
                       " beyond key_records", lost, now->full_keys, now->full_logs);
    if (letters_lost > 0)
        (void)snprintf(letters, sizeof letters, ", %" PRIu64 " dead letters LOST", letters_lost);
    times_text(now, times, sizeof times);
    if (now->rested > 0)
        (void)snprintf(rested, sizeof rested, ", %" PRIu64 " for buckets at rest", now->rested);
    if (now->not_finite > 0)
        (void)snprintf(not_finite, sizeof not_finite, ", %" PRIu64 " not finite", now->not_finite);
    if (now->odd_amounts > 0)
        (void)snprintf(odd, sizeof odd, ", %" PRIu64 " odd amounts", now->odd_amounts);
    struct audit_counters counters = {0};
    if (audit != NULL)
        audit_count(audit, &counters);
    if (counters.features + counters.impure + counters.stale > 0)
        (void)snprintf(audited, sizeof audited, ", %" PRIu64 " audited (%" PRIu64 " wrong, %" PRIu64 " written again, %" PRIu64
                       " impure or stale)", counters.features, counters.mismatches, counters.repaired, counters.impure + counters.stale);
    if (now->shadow_compared > 0)
        (void)snprintf(shadows, sizeof shadows, ", %" PRIu64 " compared with shadows (%" PRIu64 " differ)", now->shadow_compared,
                       now->shadow_differ);
    log_info("%.0f events/s, %.0f features/s, clock %s, %" PRIu64 " keys, %.1f MB, %" PRIu64 " bad, %" PRIu64
             " late%s, %" PRIu64 " duplicate%s%s%s%s%s%s%s%s%s%s",
             (double)(now->messages - before->messages) / seconds,
             (double)(now->sink.sets + now->sink.deletes - before->sink.sets - before->sink.deletes) / seconds, clock,
             now->keys, (double)now->memory / 1e6, now->bad, now->late, rested, now->duplicates, letters, times, state, trouble, not_finite,
             odd, plugins, audited, shadows,
             now->writing ? "" : ", NOT WRITING yet");
}

/* What is watched until it has happened. */
struct watch {
    struct attendance *attendance;
    struct reload_check check;
    enum ending ending;
    int64_t started_ms;
    bool restored, writing; /* was said */
    int64_t told_ms;        /* when reading the state was last told of */
    bool reload;            /* is wanted */
    int stops;
};

/* How far reading the state is; that it is read; that features are written again: says each once, the first every now and
 * then. */
static void tell_progress(struct watch *watch, const struct engine_counters *now)
{
    const struct attendance *attendance = watch->attendance;
    int64_t now_ms = time_monotonic_ms();
    if (!now->restored && now->restore_bytes > 0 && now_ms - watch->told_ms >= READING_SAID_MS) {
        watch->told_ms = now_ms;
        log_info("reading the state: %.0f%% of %.1f MB, %" PRIu64 " records",
                 100.0 * (double)now->restore_bytes_done / (double)now->restore_bytes, (double)now->restore_bytes / 1e6,
                 now->restored_records);
    }
    if (!watch->restored && now->restored) {
        watch->restored = true;
        if (now->restored_records > 0)
            log_info("state: %" PRIu64 " records of %" PRIu64 " keys, %.1f MB of journals read in %.2f s",
                     now->restored_records, now->keys, (double)now->restore_bytes_done / 1e6,
                     (double)(now_ms - watch->started_ms) / 1000.0);
    }
    if (watch->writing || !now->restored || !now->writing)
        return;
    watch->writing = true;
    if (attendance->since_ms > 0) {
        attendance->trial->notice.stood_ms = now_ms - attendance->since_ms;
        log_info("features stood still for %" PRId64 " ms (restart: %s)", now_ms - attendance->since_ms,
                 restart_word(attendance->reason));
    }
    attendance->trial->notice.writes = true;
    trial_tell(attendance->trial);
}

static void look_at_stops(struct watch *watch)
{
    int told = signals_stops();
    if (told == watch->stops)
        return;
    if (watch->stops > 0 || told > 1) {
        log_warn("told to stop again: stopping at once, what was not written stays unwritten");
        trial_end(watch->attendance->trial);
        reload_check_stop(&watch->check);
        (void)standard_error_drain();
        crash_end_process(1);
    }
    watch->stops = told;
    supervisor_tell("STOPPING=1");
    log_info("%s: writing what is left, then stopping; once more stops at once", signals_last());
    source_stop(watch->attendance->source);
    watch->ending = ENDING_STOPPED;
}

/* The engine ends; what is owed is in its state. */
static void end_for_restart(struct watch *watch, enum ending ending)
{
    watch->ending = ending;
    watch->attendance->since_ms = time_monotonic_ms();
    engine_hurry(watch->attendance->engine);
    source_stop(watch->attendance->source);
}

static void refuse_reload(struct watch *watch, const struct error *error)
{
    log_error("not reloaded: %s%s%s; running on as before", error->what, error->found[0] == '\0' ? "" : "; found: ",
              error->found);
    watch->attendance->trial->notice.refusals++;
    trial_tell(watch->attendance->trial);
}

static void look_at_reload(struct watch *watch)
{
    struct error error = {0};
    if (signals_take_reload()) {
        watch->reload = watch->attendance->restartable;
        if (!watch->reload)
            log_error("told to reload, but without state.folder a restart would lose every window; running on as before; "
                      "do this: name a folder in group state of the configuration, or stop and start");
    }
    switch (reload_check_look(&watch->check, &error)) {
    case RELOAD_CHECKING: return;
    case RELOAD_REFUSED: refuse_reload(watch, &error); break;
    case RELOAD_GOOD:
        if (!watch->reload) { /* told again meanwhile: what was checked may not be what is there now */
            log_info("reload: checked; restarting");
            end_for_restart(watch, ENDING_RELOAD);
            return;
        }
        break;
    case RELOAD_NOTHING: break;
    }
    if (!watch->reload)
        return;
    watch->reload = false;
    log_info("reload: checking %s", watch->attendance->config);
    if (!reload_check_start(&watch->check, watch->attendance->config, watch->attendance->call_ms, &error))
        refuse_reload(watch, &error);
}

enum ending attend(struct attendance *attendance)
{
    struct engine_counters before = {0}, now;
    struct watch watch = {.attendance = attendance, .ending = ENDING_INPUT, .started_ms = time_monotonic_ms()};
    int64_t reported_ms = watch.started_ms;
    watch.restored = watch.writing = !attendance->restartable;
    watch.told_ms = watch.started_ms;
    plugin_call_unlist();
    plugin_call_list(true); /* from here on this thread has a loop */
    while (!engine_wait(attendance->engine, LOOK_EVERY_MS)) {
        plugin_call_beat();
        standard_error_flush();
        uint64_t letters_lost = dead_letters_lost(attendance->letters);
        if ((attendance->lease != NULL && lease_state(attendance->lease) == LEASE_LOST) ||
            engine_overtaken(attendance->engine)) {
            watch.ending = ENDING_LEASE;
            attendance->since_ms = time_monotonic_ms();
            break;
        }
        if (attendance->folder != NULL && !attendance->folder->locked) {
            char former[STATE_OWNER_MAX];
            (void)state_folder_lock(attendance->folder, attendance->owner, former);
        }
        look_at_stops(&watch);
        if (watch.ending == ENDING_INPUT)
            look_at_reload(&watch);
        if (watch.ending == ENDING_INPUT && attendance->restartable && source_grown(attendance->source))
            end_for_restart(&watch, ENDING_GROWN);
        int64_t now_ms = time_monotonic_ms();
        bool due = attendance->report_s > 0 && now_ms - reported_ms >= attendance->report_s * 1000;
        if (!due && watch.writing && !attendance->trial->pending)
            continue;
        engine_count(attendance->engine, &now);
        if (watch.ending == ENDING_INPUT) {
            tell_progress(&watch, &now);
            trial_look(attendance->trial, &now);
        }
        if (!due)
            continue;
        report(&now, &before, (double)(now_ms - reported_ms) / 1000.0, source_lost(attendance->source), letters_lost,
               attendance->audit, attendance->quarantined);
        before = now;
        reported_ms = now_ms;
    }
    reload_check_stop(&watch.check);
    plugin_call_unlist();
    plugin_call_list(false);
    return watch.ending;
}
