/* shard_state.c - a shard's durable state: back from the journals, and cut for a checkpoint. See shard.h. */
#include "engine/shard.h"

#include "base/memory.h"
#include "base/text_handle.h"
#include "engine/combining.h"
#include "engine/emission.h"
#include "engine/needs.h"
#include "engine/shard_logs.h"
#include "engine/shard_room.h"

#include <stdlib.h>
#include <string.h>

int64_t lane_keep_ms(const struct set_lane *lane)
{
    if (!lane->session)
        return lane->longest_ms;
    const struct window_settings *window = &lane->windows[0].settings;
    return 2 * window->max_ms + window->gap_ms + window->lateness_ms; /* a run goes back max; one before it can reach it */
}

/* ---- back ---- */

void shard_restore(struct shard *shard, int64_t clock_ms)
{
    shard_advance(shard, clock_ms);
    shard->restored_ms = shard->ledger.marks[0].clock_ms = shard->clock_ms;
    for (size_t i = 0; i < shard->set->lane_count; i++)
        shard->lanes[i].filling = shard->lanes[i].quiet = true;
    if (shard->set->lane_count > 0)
        shard->filling_since = ledger_open(&shard->ledger);
}

/* What changed is from this time on: windows that had left it behind when it came are as they were. */
static void owe(const struct shard *shard, struct log *log, const struct set_lane *lane, int64_t changed_ms)
{
    for (size_t w = 0; w < lane->window_count; w++)
        if (lane->session || changed_ms >= shard->clock_ms - lane->windows[w].settings.length_ms)
            log_view(log, lane, w)->owed = true;
}

/* What was decided when the record came stands. It was new: a copy that is here is one that had gone by then. */
static void insert_again(struct shard *shard, const struct set_lane *lane, struct log *log, enum journal_operation operation,
                         char *record, const char *texts, int64_t *changed_ms)
{
    const sl_stamp *stamp = (const void *)record;
    if (!room_in_log(shard, lane, log, stamp))
        return;
    hold_texts(shard, lane, texts, record);
    enum log_result result = log_insert(log, lane, &shard->slab, &shard->texts, record, changed_ms);
    if (result == LOG_DUPLICATE && operation == JOURNAL_INSERT) {
        log_remove(log, lane, &shard->slab, &shard->texts, stamp);
        result = log_insert(log, lane, &shard->slab, &shard->texts, record, changed_ms);
    }
    if (result == LOG_DUPLICATE)
        give_texts_back(shard, lane, record);
    if (result == LOG_INSERTED)
        (void)room_kept(shard, lane, log);
}

bool shard_restore_operation(struct shard *shard, size_t number, enum journal_operation operation, uint64_t key_hash, sl_view key,
                             char *record, const char *texts, bool owed)
{
    const struct set_lane *lane = &shard->set->lanes[number];
    struct log *log = key_table_find(&shard->tables[number], key_hash, key);
    if (operation == JOURNAL_DROP) {
        if (log == NULL)
            return true;
        log_trim(log, lane, &shard->slab, &shard->texts, log->count);
        for (size_t w = 0; w < lane->window_count; w++) /* nobody drops what is owed */
            log_view(log, lane, w)->owed = false;
        return true;
    }
    const sl_stamp *stamp = (const void *)record;
    if (operation == JOURNAL_TRIM) {
        if (log != NULL)
            log_trim(log, lane, &shard->slab, &shard->texts, log_from_stamp(log, lane, stamp));
        return true;
    }
    if (shard->clock_ms != SHARD_BEGINNING_MS && stamp->time_ms < shard->clock_ms - lane_keep_ms(lane)) {
        if (operation == JOURNAL_REPLACE && log != NULL) {
            log_remove(log, lane, &shard->slab, &shard->texts, stamp);
            if (owed)
                owe(shard, log, lane, INT64_MAX);
        }
        return false;
    }
    if (log == NULL)
        log = log_new(shard, number, key_hash, key);
    int64_t changed_ms = stamp->time_ms; /* of a copy that it takes the place of, that one's */
    insert_again(shard, lane, log, operation, record, texts, &changed_ms);
    if (owed)
        owe(shard, log, lane, changed_ms);
    return true;
}

/* What has left its windows since it was kept leaves the log; which windows hold something? */
static void look_at_clock(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    if (!lane->session) {
        log_trim(log, lane, &shard->slab, &shard->texts, log_from(log, lane, shard->clock_ms - lane->longest_ms));
        for (size_t w = 0; w < lane->window_count; w++)
            log_view(log, lane, w)->live =
                log_from(log, lane, shard->clock_ms - lane->windows[w].settings.length_ms) < log->count;
        return;
    }
    log_view(log, lane, 0)->live = log->count > 0 && session_end(lane, log) >= shard->clock_ms;
    shard_end_session(shard, lane, log);
    drop_old_runs(shard, lane, log);
}

static bool is_owed(const struct set_lane *lane, struct log *log)
{
    for (size_t w = 0; w < lane->window_count; w++)
        if (log_view(log, lane, w)->owed)
            return true;
    return false;
}

static void wake_lane(struct shard *shard, size_t number, enum lane_wake wake, int64_t spread_ms)
{
    const struct set_lane *lane = &shard->set->lanes[number];
    shard->lanes[number].quiet = false;
    if (shard->event_clock)
        spread_ms = 0;
    if (wake == WAKE_FILLED)
        ledger_begin_lane(&shard->ledger, number);
    size_t at = 0;
    for (struct log *log; (log = key_table_next(&shard->tables[number], &at)) != NULL;) {
        bool held = log->count > 0;
        /* A session that ended while the lane was filled: Redis may not have its last value. */
        if (wake == WAKE_FILLED && lane->session && held && session_end(lane, log) >= shard->restored_ms)
            log_view(log, lane, 0)->owed = true;
        look_at_clock(shard, lane, log);
        if (combines(lane) && !shard->lanes[number].filling)
            combining_rested(shard, lane, log);
        arm_expiry(shard, lane, log, true);
        /* Evenly, by where the key lies. */
        int64_t after_ms = spread_ms <= 0 ? 0 : (int64_t)((uint64_t)log->hash * 2654435761u % (uint64_t)spread_ms);
        emission_wake(shard, log, wake, held, shard->send_ms + after_ms);
        if (lane->dependents != 0 && (wake == WAKE_FILLED || is_owed(lane, log)))
            needs_touch(shard, log, NEEDS_ALL_WINDOWS);
    }
}

void shard_lane_full(struct shard *shard, size_t number, enum lane_wake wake, int64_t spread_ms)
{
    shard->lanes[number].filling = shard->lanes[number].mending = false;
    wake_lane(shard, number, wake, spread_ms);
    for (size_t i = 0; i < shard->set->lane_count; i++)
        if (shard->lanes[i].filling)
            return;
    if (shard->filling_since != 0)
        ledger_close(&shard->ledger, shard->filling_since);
    shard->filling_since = 0;
}

void shard_lane_loud(struct shard *shard, size_t number) { wake_lane(shard, number, WAKE_FILLED, 0); }

/* ---- cut ---- */

/* A record of the log as an entry, its texts by value again. */
static struct entry *entry_of(struct buffer *out, size_t number, const struct set_lane *lane, const struct log *log,
                              const char *record)
{
    size_t size = lane->table->record_size;
    sl_view key = text_view(&log->key);
    buffer_reset(out);
    (void)buffer_add(out, sizeof(struct entry));
    buffer_put(out, record, size);
    buffer_put(out, key.data, key.size);
    for (size_t i = 0; i < lane->text_count; i++) {
        sl_text text;
        memcpy(&text, record + lane->text_offsets[i], sizeof text);
        if (!text_is_long(text))
            continue;
        sl_view view = text_view(&text);
        text = text_long((uint64_t)view.size << 32 | (out->size - sizeof(struct entry)));
        buffer_put(out, view.data, view.size);
        memcpy(out->data + sizeof(struct entry) + lane->text_offsets[i], &text, sizeof text);
    }
    struct entry *entry = (void *)out->data;
    *entry = (struct entry){.size = (uint32_t)out->size,
                            .key_size = (uint32_t)key.size,
                            .lane = (uint16_t)number,
                            .record_size = (uint16_t)size};
    return entry;
}

/* The disk lost what it had: all that the logs hold is written once more. */
static bool write_anew(struct shard *shard, size_t number, struct error *error)
{
    const struct set_lane *lane = &shard->set->lanes[number];
    struct journal *journal = &shard->lanes[number].journal;
    struct buffer entry = {0};
    size_t at = 0;
    if (!journal_renew(journal, error))
        return false;
    bool good = true;
    for (const struct log *log; good && (log = key_table_next(&shard->tables[number], &at)) != NULL;) {
        if (lane->session && log->count > 0) /* what was said of those before is lost too, and older journals have them */
            journal_trim(journal, text_view(&log->key), (const void *)log_record(log, lane, 0), lane->table->record_size);
        for (size_t i = 0; i < log->count; i++)
            (void)journal_put(journal, entry_of(&entry, number, lane, log, log_record(log, lane, i)));
        good = journal_keeps_up(journal, error);
    }
    buffer_free(&entry);
    return good;
}

bool shard_cut(struct shard *shard, struct journal_cut *cuts, int64_t *owed_ms, bool *former_owed, struct error *error)
{
    const struct ledger_mark *oldest = ledger_oldest(&shard->ledger);
    struct journal_position *positions = memory_new((shard->set->lane_count + 1) * sizeof *positions);
    bool complete = true;
    *owed_ms = oldest == NULL ? shard->clock_ms : oldest->clock_ms;
    *former_owed = oldest != NULL && oldest->positions[0].bytes == 0; /* the mark before the first checkpoint */
    for (size_t i = 0; i < shard->set->lane_count; i++) {
        struct journal *journal = &shard->lanes[i].journal;
        struct error reason;
        bool renewed = journal_is_broken(journal);
        const struct journal_position *acknowledged = renewed || oldest == NULL ? NULL : &oldest->positions[i];
        journal_cut_reset(journal, &cuts[i]);
        if ((renewed && !write_anew(shard, i, &reason)) ||
            !journal_cut(journal, shard->clock_ms, acknowledged, &cuts[i], &reason)) {
            cuts[i].given_up = journal->given_up;
            if (complete)
                *error = reason;
            complete = false;
        }
        positions[i] = cuts[i].position;
        if (renewed && oldest != NULL) /* which of its records are owed is not known any more: all may be */
            for (size_t s = 0; s < cuts[i].segment_count; s++)
                cuts[i].segments[s].owed_from = 0;
    }
    if (complete)
        ledger_mark(&shard->ledger, shard->clock_ms, positions);
    free(positions);
    return complete;
}
