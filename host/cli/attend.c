/* attend.c - see attend.h. */
#include "cli/attend.h"

#include "base/log.h"
#include "base/time.h"
#include "cli/signals.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_MS 20

static void report(const struct engine_counters *now, const struct engine_counters *before, double seconds, uint64_t lost)
{
    char clock[TIME_TEXT_MAX] = "-", state[96] = "", trouble[160] = "";
    if (now->clock_ms != INT64_MIN)
        (void)time_text(now->clock_ms, clock);
    if (now->checkpoints + now->failed_checkpoints > 0)
        (void)snprintf(state, sizeof state, ", %" PRIu64 " checkpoints (%" PRIu64 " failed)", now->checkpoints,
                       now->failed_checkpoints);
    if (lost + now->full_keys + now->full_logs > 0)
        (void)snprintf(trouble, sizeof trouble, ", %" PRIu64 " lost in Kafka, %" PRIu64 " refused for memory, %" PRIu64
                       " beyond key_records", lost, now->full_keys, now->full_logs);
    log_info("%.0f events/s, %.0f features/s, clock %s, %" PRIu64 " keys, %.1f MB, %" PRIu64 " bad, %" PRIu64
             " late, %" PRIu64 " duplicate%s%s%s",
             (double)(now->messages - before->messages) / seconds,
             (double)(now->sink.sets + now->sink.deletes - before->sink.sets - before->sink.deletes) / seconds, clock,
             now->keys, (double)now->memory / 1e6, now->bad, now->late, now->duplicates, state, trouble,
             now->writing ? "" : ", NOT WRITING yet");
}

/* State is read: says so once. */
static void tell_restored(const struct engine_counters *now, int64_t started_ms, bool *said)
{
    if (*said || !now->restored)
        return;
    *said = true;
    if (now->restored_records > 0)
        log_info("state: %" PRIu64 " records of %" PRIu64 " keys, %.1f MB of journals read in %.2f s", now->restored_records,
                 now->keys, (double)now->restore_bytes_done / 1e6, (double)(time_monotonic_ms() - started_ms) / 1000.0);
}

enum ending attend(const struct attendance *attendance)
{
    enum ending ending = ENDING_INPUT;
    struct engine_counters before = {0}, now;
    int64_t started_ms = time_monotonic_ms(), reported_ms = started_ms;
    bool restored = !attendance->restartable;
    int stops = 0;
    while (!engine_wait(attendance->engine, LOOK_EVERY_MS)) {
        if (attendance->lease != NULL && lease_state(attendance->lease) == LEASE_LOST)
            return ENDING_LEASE;
        if (signals_stops() > stops && (stops > 0 || signals_stops() > 1)) {
            log_warn("told to stop again: stopping at once, what was not written stays unwritten");
            _exit(1);
        }
        if (signals_stops() > stops) {
            stops = signals_stops();
            log_info("%s: writing what is left, then stopping; once more stops at once", signals_last());
            source_stop(attendance->source);
            ending = ENDING_STOPPED;
        }
        if (ending == ENDING_INPUT && attendance->restartable && source_grown(attendance->source)) {
            ending = ENDING_GROWN;
            source_stop(attendance->source);
        }
        int64_t now_ms = time_monotonic_ms();
        bool due = attendance->report_s > 0 && now_ms - reported_ms >= attendance->report_s * 1000;
        if (!due && restored)
            continue;
        engine_count(attendance->engine, &now);
        tell_restored(&now, started_ms, &restored);
        if (!due)
            continue;
        report(&now, &before, (double)(now_ms - reported_ms) / 1000.0, source_lost(attendance->source));
        before = now;
        reported_ms = now_ms;
    }
    return ending;
}
