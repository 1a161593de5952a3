/* filling.c - see filling.h. */
#include "engine/filling.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAY_EVERY_MS   10000
#define RETRY_EVERY_MS 2000

void filling_init(struct filling *filling, const struct engine_settings *settings, struct worker *workers)
{
    *filling = (struct filling){.settings = settings, .workers = workers, .lanes = settings->state->to_fill};
}

void filling_free(struct filling *filling)
{
    source_free(filling->past);
    filling->past = NULL;
}

/* "product, cart" */
static const char *lane_names(const struct filling *filling, uint64_t lanes, char out[256])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < filling->settings->set->lane_count && used < 200; i++)
        if ((lanes >> i & 1u) != 0)
            used += (size_t)snprintf(out + used, 256 - used, "%s%s", used == 0 ? "" : ", ",
                                     filling->settings->set->lanes[i].name);
    return out;
}

static bool all_restored(const struct filling *filling)
{
    for (int i = 0; i < filling->settings->workers; i++)
        if (!atomic_load(&filling->workers[i].restored))
            return false;
    return true;
}

static void let_end(struct filling *filling)
{
    for (int i = 0; i < filling->settings->workers; i++)
        atomic_store(&filling->workers[i].may_end, true);
}

/* From when on, or from which offsets, the past is needed; NULL: by time. */
static const int64_t *where_from(const struct filling *filling, int64_t *from_ms)
{
    const struct state_plan *plan = filling->settings->state;
    const int64_t *stopped = NULL;
    int64_t keep_ms = 0;
    bool by_time = false;
    for (size_t i = 0; i < plan->set->lane_count; i++) {
        if ((filling->lanes >> i & 1u) == 0)
            continue;
        if (plan->lanes[i].fate == FATE_RESUMED && (filling->damaged >> i & 1u) == 0 && stopped == NULL)
            stopped = plan->lanes[i].from->stopped;
        else
            by_time = true; /* two that stopped at different times read from the longest window on, too */
        if (lane_keep_ms(&plan->set->lanes[i]) > keep_ms)
            keep_ms = lane_keep_ms(&plan->set->lanes[i]);
    }
    int64_t clock_ms = plan->manifest->clock_ms;
    /* A message may be older than its event by what a tracker's clock may be ahead. */
    *from_ms = clock_ms == INT64_MIN ? 0 : clock_ms - keep_ms - filling->settings->future_ms;
    return by_time ? NULL : stopped;
}

/* The first damage that was found. */
static const struct error *first_damage(const struct filling *filling)
{
    int i = 0;
    while (filling->workers[i].restore.damaged == 0)
        i++;
    return &filling->workers[i].restore.damage;
}

/* How far back the longest window of these lanes reaches. */
static int64_t longest_ms(const struct filling *filling, uint64_t lanes)
{
    int64_t longest = 0;
    for (size_t i = 0; i < filling->settings->set->lane_count; i++) {
        int64_t keep_ms = lane_keep_ms(&filling->settings->set->lanes[i]);
        if ((lanes >> i & 1u) != 0 && keep_ms > longest)
            longest = keep_ms;
    }
    return longest;
}

/* Those that are damaged may need less of the past than others. */
static bool refuse_short(const struct filling *filling, int64_t short_ms, struct error *error)
{
    char names[256];
    lane_names(filling, filling->damaged, names);
    bool enough = short_ms <= longest_ms(filling, filling->lanes) - longest_ms(filling, filling->damaged);
    if (filling->damaged == 0 || enough || filling->settings->state->accept_loss) {
        log_warn("filling %s: the topic goes back less than the longest window, by %.1f h: features are of what there is until "
                 "that has passed", lane_names(filling, filling->lanes, names), (double)short_ms / 3600000.0);
        return true;
    }
    const struct error *damage = first_damage(filling);
    error_what(error, "records of lane %s are damaged, and Kafka does not have all of their events any more", names);
    error_found(error, "%s: %s%s%s; the topic goes back %.1f h less than needed", damage->found, damage->what,
                damage->advice[0] == '\0' ? "" : "; ", damage->advice, (double)short_ms / 3600000.0);
    error_advice(error, "restore a backup (shoplane state restore), or start once with --accept-loss: what is whole is used, and "
                 "windows lack the events that are gone until their time has passed");
    return false;
}

static bool open_past(struct filling *filling, struct error *error)
{
    const struct engine_settings *settings = filling->settings;
    const struct manifest *manifest = settings->state->manifest;
    int32_t partitions = manifest->partition_count < settings->source->partitions ? manifest->partition_count
                                                                                 : settings->source->partitions;
    int64_t from_ms, short_ms = 0;
    const int64_t *from = where_from(filling, &from_ms);
    int64_t *to = memory_new(((size_t)partitions + 1) * sizeof *to);
    for (int32_t p = 0; p < partitions; p++)
        to[p] = source_begin(settings->source, p);
    struct error reason = {0};
    char names[256];
    filling->past = settings->open_past(settings->past_context, from_ms, from, to, partitions, &short_ms, &reason);
    free(to);
    if (filling->past == NULL) {
        filling->retry_ms = time_monotonic_ms() + RETRY_EVERY_MS;
        log_problem(LOG_LEVEL_WARN, &reason);
        return true;
    }
    if (short_ms > 0 && !refuse_short(filling, short_ms, error))
        return false;
    log_info("filling %s from the topic's past", lane_names(filling, filling->lanes, names));
    filling->begun_ms = filling->said_ms = time_monotonic_ms();
    for (int i = 0; i < settings->workers; i++) {
        atomic_store(&filling->workers[i].past_lanes, filling->lanes);
        atomic_store_explicit(&filling->workers[i].past, filling->past, memory_order_release);
    }
    return true;
}

static bool past_done(const struct filling *filling)
{
    for (int i = 0; i < filling->settings->workers; i++)
        if (!atomic_load(&filling->workers[i].past_done))
            return false;
    return true;
}

/* What was whole of the damaged lanes, and what the topic had of the rest, is written anew: then the damaged files are not
 * needed any more, and the next start does not find the damage again, when Kafka may not have the events. */
static void rewrite_damaged(struct filling *filling)
{
    for (int i = 0; i < filling->settings->workers; i++)
        for (size_t lane = 0; lane < filling->settings->set->lane_count; lane++)
            if ((filling->damaged >> lane & 1u) != 0)
                journal_lost(&filling->workers[i].shard.lanes[lane].journal);
}

uint64_t filling_anew(const struct filling *filling)
{
    return filling->lanes & (filling->settings->state->to_fill | ~filling->damaged);
}

bool filling_decide(struct filling *filling)
{
    if (filling->decided || !all_restored(filling))
        return filling->decided;
    for (int i = 0; i < filling->settings->workers; i++)
        filling->damaged |= filling->workers[i].restore.damaged;
    filling->lanes |= filling->damaged;
    filling->decided = true;
    if (filling->lanes == 0)
        let_end(filling);
    return true;
}

bool filling_step(struct filling *filling, struct error *error)
{
    char names[256];
    uint64_t done, total;
    int64_t now_ms = time_monotonic_ms();
    if (!filling_decide(filling))
        return true;
    if (filling->lanes == 0)
        return true;
    if (filling->past == NULL)
        return now_ms < filling->retry_ms || open_past(filling, error);
    source_progress(filling->past, &done, &total);
    if (past_done(filling)) {
        log_info("%s: full after %.1f s and %llu messages of the past", lane_names(filling, filling->lanes, names),
                 (double)(now_ms - filling->begun_ms) / 1000.0, (unsigned long long)done);
        rewrite_damaged(filling);
        filling->lanes = filling->damaged = 0;
        filling_free(filling);
        let_end(filling);
    } else if (now_ms - filling->said_ms >= SAY_EVERY_MS) {
        filling->said_ms = now_ms;
        log_info("filling %s: %llu of %llu messages", lane_names(filling, filling->lanes, names), (unsigned long long)done,
                 (unsigned long long)total);
    }
    return true;
}
