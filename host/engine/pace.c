/* pace.c - see pace.h. */
#include "engine/pace.h"

#define CHANGES_ABOVE  12 /* records; for each CHANGES_SHARE beyond them a change more is waited for */
#define CHANGES_SHARE  4
#define GAP_SHARE      8
#define BUDGET_KEPT_MS 200  /* of time in which nothing was folded */
#define LOOK_AGAIN_MS  1000 /* live, with the budget used up */

_Static_assert(PACE_RECORDS > LOG_SHORT_MAX && PACE_RECORDS >= CHANGES_ABOVE + 2 * CHANGES_SHARE, "less than two changes are no wait");

/* Of a session all records of its log are taken for it: which of them count is not known without looking. */
static size_t records_of(const struct shard *shard, const struct set_lane *lane, const struct log *log, size_t w)
{
    return lane->session ? log->count : log->count - log_from(log, lane, shard->clock_ms - lane->windows[w].settings.length_ms);
}

/* Are there as many changes as its size asks for? Found without looking for its first record. */
static bool changed_enough(const struct shard *shard, const struct set_lane *lane, const struct log *log, size_t w)
{
    uint32_t changes = log_pace(log, lane, w)->changes;
    size_t below = CHANGES_ABOVE + CHANGES_SHARE * ((size_t)(changes > 1 ? changes : 1) + 1);
    return log->count < below ||
           (!lane->session &&
            log_time(log, lane, log->count - below) < shard->clock_ms - lane->windows[w].settings.length_ms);
}

/* As long as a window waits at most, in time of the stream. */
static int64_t longest_wait_ms(const struct set_lane *lane, const struct log *log, size_t w)
{
    const struct window_settings *window = &lane->windows[w].settings;
    if (!lane->session)
        return window->length_ms / PACE_SHARE;
    int64_t lasted_ms = log_time(log, lane, log->count - 1) - log_time(log, lane, 0);
    int64_t least_ms = window->gap_ms / GAP_SHARE, wait_ms = lasted_ms / PACE_SHARE;
    return wait_ms > least_ms ? wait_ms : least_ms;
}

static bool has_budget(struct shard *shard)
{
    int64_t past_ms = shard->send_ms - shard->pace_budget_ms;
    shard->pace_budget_ms = shard->send_ms;
    if (past_ms > BUDGET_KEPT_MS)
        past_ms = BUDGET_KEPT_MS;
    shard->pace_budget += past_ms * PACE_BUDGET;
    if (shard->pace_budget > BUDGET_KEPT_MS * PACE_BUDGET)
        shard->pace_budget = BUDGET_KEPT_MS * PACE_BUDGET;
    return shard->pace_budget > 0;
}

void pace_changed(struct log *log, const struct set_lane *lane, size_t w)
{
    if (log->count >= PACE_RECORDS)
        log_pace(log, lane, w)->changes++;
    else if (log->capacity > LOG_SHORT_MAX) /* it may have had more; whether the block is still as large must not matter */
        for (size_t i = 0; i < lane->window_count; i++)
            *log_pace(log, lane, i) = (struct pace){.folded_ms = PACE_NEVER};
}

bool pace_due(struct shard *shard, const struct set_lane *lane, struct log *log, size_t w)
{
    if (log->count < PACE_RECORDS || changed_enough(shard, lane, log, w))
        return true;
    int64_t folded_ms = log_pace(log, lane, w)->folded_ms, longest_ms = longest_wait_ms(lane, log, w);
    if (shard->event_clock)
        return folded_ms + longest_ms <= shard->send_ms;
    int64_t due_ms = folded_ms + (int64_t)records_of(shard, lane, log, w);
    return due_ms <= shard->send_ms && (has_budget(shard) || due_ms + longest_ms <= shard->send_ms);
}

int64_t pace_due_ms(struct shard *shard, const struct set_lane *lane, struct log *log, size_t w)
{
    if (pace_due(shard, lane, log, w))
        return shard->send_ms;
    int64_t folded_ms = log_pace(log, lane, w)->folded_ms;
    if (shard->event_clock)
        return folded_ms + longest_wait_ms(lane, log, w);
    int64_t due_ms = folded_ms + (int64_t)records_of(shard, lane, log, w);
    return due_ms > shard->send_ms ? due_ms : shard->send_ms + LOOK_AGAIN_MS;
}

void pace_folded(struct shard *shard, const struct set_lane *lane, struct log *log, size_t w, size_t records)
{
    if (log->count >= PACE_RECORDS)
        *log_pace(log, lane, w) = (struct pace){.folded_ms = shard->send_ms};
    if (records >= PACE_RECORDS)
        shard->pace_budget -= (int64_t)records;
}
