/* shard.c - see shard.h: records in, clock and timers.
 *
 * What a log writes is in emission.c. A timer that fires too early does no harm: it is armed for the earliest moment at
 * which something may have to happen, and found out then; so it need not be moved when that moment moves away. */
#include "engine/shard.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/text_handle.h"
#include "engine/ages.h"
#include "engine/combining.h"
#include "engine/emission.h"
#include "engine/needs.h"
#include "engine/pace.h"
#include "engine/shard_logs.h"
#include "engine/shard_room.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Entries whose keys are fetched from memory before the first of them is touched. */
#define PREFETCH 16

void shard_init(struct shard *shard, const struct lane_set *set, bool event_clock, int64_t monotonic_ms)
{
    memset(shard, 0, sizeof *shard);
    shard->set = set;
    shard->event_clock = event_clock;
    shard->clock_ms = shard->restored_ms = SHARD_BEGINNING_MS;
    shard->send_ms = event_clock ? SHARD_BEGINNING_MS : monotonic_ms;
    texts_init(&shard->texts, &shard->slab);
    shard->tables = memory_new((set->lane_count + 1) * sizeof *shard->tables);
    shard->lanes = memory_new((set->lane_count + 1) * sizeof *shard->lanes);
    for (size_t i = 0; i < set->lane_count; i++)
        key_table_init(&shard->tables[i]);
    ledger_init(&shard->ledger, set->lane_count, SHARD_BEGINNING_MS);
    wheel_init(&shard->expiry, &shard->slab, offsetof(struct log, expiry), SHARD_BEGINNING_MS);
    wheel_init(&shard->send, &shard->slab, offsetof(struct log, send),
               event_clock ? SHARD_BEGINNING_MS : monotonic_ms);
    folder_init(&shard->folder, &shard->texts);
    shard->folder.costs = memory_new((set->lane_count + 1) * sizeof *shard->folder.costs);
    shadows_init(&shard->shadows, set, &shard->texts);
}

void shard_free(struct shard *shard)
{
    for (size_t i = 0; i < shard->set->lane_count; i++) {
        size_t at = 0;
        for (struct log *log; (log = key_table_next(&shard->tables[i], &at)) != NULL;)
            log_free_large(log, &shard->set->lanes[i], &shard->slab);
        key_table_free(&shard->tables[i]);
        if (shard->lanes[i].journaled)
            journal_free(&shard->lanes[i].journal);
    }
    free(shard->tables);
    free(shard->lanes);
    ledger_free(&shard->ledger);
    free(shard->folder.costs);
    folder_free(&shard->folder);
    shadows_free(&shard->shadows, shard->set);
    texts_free(&shard->texts);
    buffer_free(&shard->key);
    slab_free(&shard->slab);
    free(shard->touched.logs);
    free(shard->owed.logs);
}

_Static_assert(sizeof(struct log) + WINDOWS_MAX * (sizeof(struct view) + METRICS_MAX * sizeof(struct sent)) <= SLAB_LARGEST,
               "a log is named by its slab ref, so it must not be a large block");

/* ---- logs ---- */

struct log *log_new(struct shard *shard, size_t lane_index, uint64_t hash, sl_view key)
{
    const struct set_lane *lane = &shard->set->lanes[lane_index];
    struct log *log = slab_take(&shard->slab, log_size(lane));
    memset(log, 0, log_size(lane));
    log->hash = (uint32_t)hash;
    log->tag = (uint16_t)(hash >> 48);
    log->key = text_hold(&shard->texts, key.data, key.size);
    log->lane = (uint8_t)lane_index;
    for (size_t w = 0; w < lane->window_count; w++)
        view_fill_at(log_view(log, lane, w), VIEW_EVER_FULL);
    key_table_add(&shard->tables[lane_index], log);
    return log;
}

void shard_forget(struct shard *shard, struct log *log)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    assert(log->count == 0 && log->pins == 0 && log->queue == QUEUE_NONE && log->since == 0);
    wheel_disarm(&shard->expiry, log);
    wheel_disarm(&shard->send, log);
    key_table_remove(&shard->tables[log->lane], log);
    text_drop(&shard->texts, log->key);
    slab_give(&shard->slab, log, log_size(lane));
}

/* ---- sessions ---- */

int64_t session_end(const struct set_lane *lane, const struct log *log)
{
    return log_time(log, lane, log->count - 1) + lane->windows[0].settings.gap_ms;
}

bool session_gone(const struct shard *shard, const struct set_lane *lane, const struct log *log)
{
    return log->count == 0 || session_end(lane, log) + lane->windows[0].settings.lateness_ms < shard->clock_ms;
}

void drop_session(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    if (shard->lanes[log->lane].journaled)
        journal_drop(&shard->lanes[log->lane].journal, text_view(&log->key));
    log_trim(log, lane, &shard->slab, &shard->texts, log->count);
    emission_silence(lane, log, 0);
}

/* How long after its end a run that is not the newest is kept, and how far behind the clock an event is late in any case. */
static int64_t run_keep_ms(const struct set_lane *lane)
{
    const struct window_settings *window = &lane->windows[0].settings;
    return window->max_ms + window->gap_ms + window->lateness_ms;
}

void drop_old_runs(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    int64_t edge_ms = shard->clock_ms - run_keep_ms(lane);
    size_t first = 0;
    if (log->count == 0 || log_time(log, lane, 0) >= edge_ms)
        return;
    for (size_t end; (end = log_run_end(log, lane, first)) < log->count && log_time(log, lane, end - 1) < edge_ms;)
        first = end;
    if (first == 0)
        return;
    if (shard->lanes[log->lane].journaled)
        journal_trim(&shard->lanes[log->lane].journal, text_view(&log->key), (const void *)log_record(log, lane, first),
                     lane->table->record_size);
    log_trim(log, lane, &shard->slab, &shard->texts, first);
}

void shard_end_session(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    if (log->count == 0 || session_end(lane, log) >= shard->clock_ms || shard->lanes[log->lane].filling)
        return;
    struct view *view = log_view(log, lane, 0);
    view->live = false;
    if (session_gone(shard, lane, log) && !view->dirty && !view->owed && log->pins == 0)
        drop_session(shard, lane, log);
}

/* ---- the clock ---- */

/* When a session is over, or its log goes; WHEEL_NEVER if neither lies ahead. */
static int64_t next_session_end(const struct shard *shard, const struct set_lane *lane, const struct log *log)
{
    int64_t end = session_end(lane, log);
    if (session_gone(shard, lane, log))
        return WHEEL_NEVER; /* it waits for the sink */
    return end >= shard->clock_ms ? end + 1 : end + lane->windows[0].settings.lateness_ms + 1;
}

/* When the first run goes, or before: its first record tells it while that is in the future. */
static int64_t next_run_drop(const struct shard *shard, const struct set_lane *lane, const struct log *log, bool exact)
{
    int64_t next = log_time(log, lane, 0) + run_keep_ms(lane) + 1;
    if (next > shard->clock_ms || !exact)
        return next > shard->clock_ms ? next : WHEEL_NEVER;
    size_t end = log_run_end(log, lane, 0);
    return end == log->count ? WHEEL_NEVER : log_time(log, lane, end - 1) + run_keep_ms(lane) + 1;
}

/* When the next record leaves a window or reaches an age, or the session is over, or something of it goes. WHEEL_NEVER if none
 * of it lies ahead. `exact` false: since the log's timer was armed nothing happened but that a record was added. That can only put off
 * when the first run goes, unless the record begins that run. (When it begins the second run, the timer is there to see the
 * end of the first.) */
static int64_t next_expiry(const struct shard *shard, const struct set_lane *lane, const struct log *log, bool exact)
{
    if (log->count == 0)
        return WHEEL_NEVER;
    int64_t next = ages_next(lane, log, 0, shard->clock_ms);
    if (lane->session) {
        int64_t end = next_session_end(shard, lane, log), drop = next_run_drop(shard, lane, log, exact);
        next = next <= session_end(lane, log) ? next : WHEEL_NEVER;
        next = end < next ? end : next;
        return drop < next ? drop : next;
    }
    for (size_t w = 0; w < lane->window_count; w++) {
        int64_t length = lane->windows[w].settings.length_ms;
        size_t first = log_from(log, lane, shard->clock_ms - length);
        if (first < log->count && log_time(log, lane, first) + length + 1 < next)
            next = log_time(log, lane, first) + length + 1;
    }
    return next;
}

void arm_expiry(struct shard *shard, const struct set_lane *lane, struct log *log, bool exact)
{
    if (shard->lanes[log->lane].filling)
        return; /* all at once when it is full */
    int64_t next = next_expiry(shard, lane, log, exact || !timer_armed(&log->expiry));
    if (next != WHEEL_NEVER && (!timer_armed(&log->expiry) || next < log->expiry.due_ms))
        wheel_arm(&shard->expiry, log, next);
}

/* Has a record of the newest run reached an age since `due_ms`, before the session was over? */
static bool session_aged(const struct shard *shard, const struct set_lane *lane, const struct log *log, int64_t due_ms)
{
    int64_t until_ms = emission_fold_ms(shard, lane, log);
    return ages_last(lane, log, 0, until_ms) >= due_ms && ages_last(lane, log, log_newest_run(log, lane), until_ms) >= due_ms;
}

/* Its windows have changed: write what is due. Where others need its values, or it needs theirs, once all is whole. */
static void look(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    if (lane->has_needs)
        emission_look_when_whole(shard, log);
    else
        emission_look(shard, log);
}

/* The clock has passed `due_ms`, when this log's timer was due: what has left its windows since, or become older? */
static void expire(struct shard *shard, struct log *log, int64_t due_ms)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    int64_t clock = shard->clock_ms;
    if (log->count == 0)
        return;
    if (lane->session) {
        struct view *view = log_view(log, lane, 0);
        if (view->live && session_aged(shard, lane, log, due_ms)) {
            view->dirty = true;
            pace_changed(log, lane, 0);
        }
        if (lane->dependents != 0)
            needs_touch(shard, log, NEEDS_ALL_WINDOWS);
        shard_end_session(shard, lane, log);
        drop_old_runs(shard, lane, log);
    } else {
        uint32_t changed = 0;
        for (size_t w = 0; w < lane->window_count; w++) {
            int64_t length = lane->windows[w].settings.length_ms;
            size_t first = log_from(log, lane, clock - length);
            if (log_from(log, lane, due_ms - length - 1) == first && ages_last(lane, log, first, clock) < due_ms)
                continue;
            struct view *view = log_view(log, lane, w);
            view->dirty = true;
            pace_changed(log, lane, w);
            view->live = first < log->count;
            changed |= 1u << w;
        }
        log_trim(log, lane, &shard->slab, &shard->texts, log_from(log, lane, clock - lane->longest_ms));
        if (changed != 0 && lane->dependents != 0)
            needs_touch(shard, log, changed);
    }
    arm_expiry(shard, lane, log, true);
    look(shard, lane, log);
}

static void fire_expiry(struct shard *shard, struct log *log)
{
    while (log != NULL) {
        struct log *next = wheel_after(&shard->expiry, log);
        expire(shard, log, log->expiry.due_ms);
        log = next;
    }
}

static void fire_send(struct shard *shard, struct log *log)
{
    while (log != NULL) {
        struct log *next = wheel_after(&shard->send, log);
        emission_look(shard, log);
        log = next;
    }
}

void shard_advance(struct shard *shard, int64_t clock_ms)
{
    if (clock_ms <= shard->clock_ms)
        return;
    if (!shard->event_clock) {
        shard->clock_ms = clock_ms;
        fire_expiry(shard, wheel_advance(&shard->expiry, clock_ms));
        return;
    }
    bool begins = shard->clock_ms == SHARD_BEGINNING_MS;
    for (;;) {
        int64_t expiry = wheel_bound(&shard->expiry), send = wheel_bound(&shard->send);
        int64_t next = expiry < send ? expiry : send;
        if (next > clock_ms)
            break;
        shard->clock_ms = shard->send_ms = next;
        fire_expiry(shard, wheel_advance(&shard->expiry, next));
        fire_send(shard, wheel_advance(&shard->send, next));
        if (!begins) /* `next` may be long before anything is due: what waits is written as of where the clock begins */
            needs_whole(shard);
        shadows_compare(shard, &shard->shadows);
    }
    shard->clock_ms = shard->send_ms = clock_ms;
    (void)wheel_advance(&shard->expiry, clock_ms);
    (void)wheel_advance(&shard->send, clock_ms);
    if (begins) {
        shard->waiting = false;
        emission_begin(shard);
    }
}

/* ---- records in ---- */

/* Of a lane that combines: has what it would count in come to rest? */
static bool is_rested(const struct shard *shard, const struct set_lane *lane, int64_t time_ms)
{
    return combines(lane) && !shard->lanes[lane - shard->set->lanes].filling && combining_rests(lane, time_ms, shard->clock_ms);
}

static bool is_late(const struct shard *shard, const struct set_lane *lane, const struct log *log, int64_t time_ms)
{
    bool filling = shard->lanes[lane - shard->set->lanes].filling;
    if (lane->session && filling)
        return false; /* whether its session goes on is not known yet */
    if (filling) /* what has left its windows meanwhile may still stand in Redis: it is to be known that they are empty */
        return time_ms < shard->restored_ms - lane->longest_ms;
    if (!lane->session)
        return time_ms < shard->clock_ms - lane->longest_ms;
    const struct window_settings *window = &lane->windows[0].settings;
    bool live = log != NULL && !session_gone(shard, lane, log);
    return time_ms + (live ? run_keep_ms(lane) : window->gap_ms + window->lateness_ms) < shard->clock_ms;
}

void hold_texts(struct shard *shard, const struct set_lane *lane, const char *base, char *record)
{
    for (size_t i = 0; i < lane->text_count; i++) {
        sl_text text;
        memcpy(&text, record + lane->text_offsets[i], sizeof text);
        if (!text_is_long(text))
            continue;
        uint64_t where = text_where(text);
        text = text_hold(&shard->texts, base + (where & UINT32_MAX), (size_t)(where >> 32));
        memcpy(record + lane->text_offsets[i], &text, sizeof text);
    }
}

void give_texts_back(struct shard *shard, const struct set_lane *lane, const char *record)
{
    for (size_t i = 0; i < lane->text_count; i++) {
        sl_text text;
        memcpy(&text, record + lane->text_offsets[i], sizeof text);
        text_drop(&shard->texts, text);
    }
}

/* The windows that hold a record of this time have changed: a bit each. */
static uint32_t touch(struct shard *shard, const struct set_lane *lane, struct log *log, int64_t time_ms)
{
    uint32_t changed = 0;
    for (size_t w = 0; w < lane->window_count; w++) {
        const struct window_settings *window = &lane->windows[w].settings;
        struct view *view = log_view(log, lane, w);
        if (lane->session) {
            view->dirty = true;
            pace_changed(log, lane, w);
            view->live = log_time(log, lane, log->count - 1) + window->gap_ms >= shard->clock_ms;
            changed |= 1u << w;
        } else if (time_ms >= shard->clock_ms - window->length_ms) {
            view->dirty = true;
            pace_changed(log, lane, w);
            view->live = log_time(log, lane, log->count - 1) >= shard->clock_ms - window->length_ms;
            changed |= 1u << w;
        }
    }
    return changed;
}

/* The record in the entry joins its log. Returns what log_insert() says; in *changed_ms the event time from which windows
 * have changed. The journal knows of it as much as the log does, but where a lane is mending. */
static enum log_result insert(struct shard *shard, const struct set_lane *lane, struct log *log, struct entry *entry, bool past,
                              int64_t *changed_ms)
{
    struct shard_lane *state = &shard->lanes[entry->lane];
    char *record = entry_record(entry);
    bool journaled = state->journaled && !(past && state->mending);
    size_t put = journaled ? journal_put(&state->journal, entry) : 0;
    hold_texts(shard, lane, record, record);
    enum log_result result = log_insert(log, lane, &shard->slab, &shard->texts, record, changed_ms);
    if (result == LOG_DUPLICATE)
        give_texts_back(shard, lane, record);
    if (journaled && result == LOG_DUPLICATE)
        journal_take_back(&state->journal, put);
    if (journaled && result == LOG_REPLACED)
        journal_replaced(&state->journal, put);
    return result;
}

static void take_entry(struct shard *shard, struct entry *entry, int64_t limit_ms, bool past)
{
    const struct set_lane *lane = &shard->set->lanes[entry->lane];
    if (past && !shard->lanes[entry->lane].filling)
        return; /* what is damaged is of another worker: ours is whole */
    if (!past)
        shard_advance(shard, entry->clock_ms < limit_ms ? entry->clock_ms : limit_ms);
    const sl_stamp stamp = *(const sl_stamp *)entry_record(entry);
    struct log *log = key_table_find(&shard->tables[entry->lane], entry->key_hash, entry_key(entry));
    if (is_late(shard, lane, log, stamp.time_ms)) {
        shard->counters.late += !past;
        return;
    }
    if (is_rested(shard, lane, stamp.time_ms)) {
        shard->counters.rested += !past;
        return;
    }
    if (log == NULL && !room_for_key(shard, entry->lane))
        return;
    if (log == NULL)
        log = log_new(shard, entry->lane, entry->key_hash, entry_key(entry));
    else if (lane->session && log->count > 0 && session_gone(shard, lane, log) && !shard->lanes[entry->lane].filling)
        drop_session(shard, lane, log); /* what was owed of it is overtaken by the run that begins */
    if (combines(lane) && !shard->lanes[entry->lane].filling)
        combining_rested(shard, lane, log);
    if (!room_in_log(shard, lane, log, &stamp)) {
        tell_crowded(shard, lane, log);
        return;
    }
    int64_t changed_ms = stamp.time_ms;
    enum log_result result = insert(shard, lane, log, entry, past, &changed_ms);
    if (result != LOG_INSERTED)
        shard->counters.duplicates += !past;
    if (result == LOG_DUPLICATE)
        return;
    shard->counters.records += !past;
    if (result == LOG_INSERTED && room_kept(shard, lane, log))
        tell_crowded(shard, lane, log);
    if (shard->lanes[entry->lane].quiet)
        return;
    uint32_t changed = touch(shard, lane, log, changed_ms);
    if (lane->session && result == LOG_REPLACED) { /* the newest event of a run may turn out to be older than it seemed */
        shard_end_session(shard, lane, log);
        if (!shard->lanes[entry->lane].filling)
            drop_old_runs(shard, lane, log);
    }
    arm_expiry(shard, lane, log, result == LOG_REPLACED);
    if (lane->dependents != 0)
        needs_touch(shard, log, changed);
    look(shard, lane, log);
}

/* What stands beside each other has taken all of the event before. */
static void begin_event(struct shard *shard, struct entry *entry)
{
    uint64_t event = ((const sl_stamp *)entry_record(entry))->id / SL_EVENT_RECORDS_MAX;
    if (event != shard->event || entry->event != shard->event_number) {
        needs_whole(shard);
        shadows_compare(shard, &shard->shadows);
    }
    shard->event = event;
    shard->event_number = entry->event;
}

static struct entry *entry_at(const struct parcel *parcel, size_t at)
{
    return (struct entry *)(void *)(parcel->entries.data + at);
}

void shard_apply(struct shard *shard, struct parcel *parcel, int64_t limit_ms)
{
    size_t ahead = 0, at = 0;
    struct entry *group[PREFETCH];
    room_look(shard, parcel->count);
    while (at < parcel->entries.size) {
        size_t count = 0;
        for (; count < PREFETCH && ahead < parcel->entries.size; ahead += entry_at(parcel, ahead)->size) {
            group[count] = entry_at(parcel, ahead);
            key_table_prefetch(&shard->tables[group[count]->lane], group[count]->key_hash);
            count++;
        }
        for (size_t i = 0; i < count; i++) {
            const struct log *log = key_table_guess(&shard->tables[group[i]->lane], group[i]->key_hash);
            if (log == NULL)
                continue;
            __builtin_prefetch(log);
            __builtin_prefetch((const char *)log + 64);
        }
        for (size_t i = 0; i < count; i++) {
            begin_event(shard, group[i]);
            take_entry(shard, group[i], limit_ms, parcel->past);
        }
        at = ahead;
    }
    needs_whole(shard);
    shadows_compare(shard, &shard->shadows);
    if (!parcel->past)
        shard_advance(shard, parcel->clock_ms < limit_ms ? parcel->clock_ms : limit_ms);
}

void shard_applied(struct shard *shard, int32_t partition, int64_t next)
{
    if (shard->applied == NULL || next == shard->applied[partition]) /* less than before: the topic was made anew */
        return;
    shard->applied[partition] = next;
    if (!shard->listed[partition])
        shard->unfenced[shard->unfenced_count++] = partition;
    shard->listed[partition] = true;
}

/* ---- sends ---- */

bool shard_send(struct shard *shard, int64_t monotonic_ms)
{
    if (!shard->event_clock && monotonic_ms > shard->send_ms) {
        shard->send_ms = monotonic_ms;
        fire_send(shard, wheel_advance(&shard->send, monotonic_ms));
    }
    bool all = emission_send_queued(shard);
    shadows_compare(shard, &shard->shadows);
    return all;
}

static void for_every_log(struct shard *shard, void (*act)(struct shard *shard, struct log *log))
{
    for (size_t i = 0; i < shard->set->lane_count; i++) {
        size_t at = 0;
        for (struct log *log; (log = key_table_next(&shard->tables[i], &at)) != NULL;)
            act(shard, log);
    }
}

/* A log that was released, and a hash of its key that is the same in every process. */
struct released {
    uint64_t hash;
    struct log *log;
};

static int by_key(const void *left, const void *right)
{
    const struct released *a = left, *b = right;
    if (a->log->lane != b->log->lane)
        return a->log->lane < b->log->lane ? -1 : 1;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    sl_view x = text_view(&a->log->key), y = text_view(&b->log->key);
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);
    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

/* Tables are walked in the order of a secret; a replay gives the same lines in the same order each time. */
static void sort_released(struct log **logs, size_t count)
{
    struct released *released = memory_new((count + 1) * sizeof *released);
    for (size_t i = 0; i < count; i++) {
        sl_view key = text_view(&logs[i]->key);
        released[i] = (struct released){hash_bytes(key.data, key.size), logs[i]};
    }
    qsort(released, count, sizeof *released, by_key);
    for (size_t i = 0; i < count; i++)
        logs[i] = released[i].log;
    free(released);
}

void shard_release(struct shard *shard)
{
    size_t owed = shard->owed.count;
    for_every_log(shard, emission_release);
    if (shard->event_clock && shard->owed.count > owed)
        sort_released(shard->owed.logs + shard->owed.first + owed, shard->owed.count - owed);
}

void shard_reread(struct shard *shard)
{
    for (size_t i = 0; i < shard->touched.count; i++)
        emission_doubt(shard, shard->touched.logs[shard->touched.first + i]);
    for (size_t i = 0; i < shard->owed.count; i++)
        emission_doubt(shard, shard->owed.logs[shard->owed.first + i]);
}

void shard_write_again(struct shard *shard) { for_every_log(shard, emission_write_again); }

size_t shard_keys(const struct shard *shard)
{
    size_t keys = 0;
    for (size_t i = 0; i < shard->set->lane_count; i++)
        keys += shard->tables[i].count;
    return keys;
}
