/* shard_room.c - see shard_room.h. */
#include "engine/shard_room.h"

#include "base/log.h"
#include "engine/combining.h"

#include <stdlib.h>

#define QUEUE_KEPT 4096 /* logs for which an empty queue keeps its memory */
#define FIT_SLOTS  4    /* of a key table that are looked at for each record that comes */

/* ---- how much there is ---- */

static size_t tables_memory(const struct shard *shard)
{
    size_t bytes = (shard->texts.capacity + shard->touched.capacity + shard->owed.capacity) * sizeof(void *);
    for (size_t i = 0; i < shard->set->lane_count; i++)
        bytes += shard->tables[i].capacity * sizeof(uint64_t);
    return bytes;
}

size_t shard_memory(const struct shard *shard) { return shard->slab.mapped + tables_memory(shard); }

size_t shard_memory_needed(const struct shard *shard)
{
    return shard->slab.reserved + tables_memory(shard) + texts_growth(&shard->texts);
}

/* ---- slack ---- */

static void fit_logs(struct shard *shard, size_t slots)
{
    const struct set_lane *lane = &shard->set->lanes[shard->fit_lane];
    struct key_table *table = &shard->tables[shard->fit_lane];
    size_t end = shard->fit_slot + slots;
    for (struct log *log; shard->fit_slot < end && (log = key_table_next(table, &shard->fit_slot)) != NULL;)
        log_fit(log, lane, &shard->slab);
    if (shard->fit_slot < table->capacity)
        return;
    key_table_fit(table);
    shard->fit_slot = 0;
    shard->fit_lane = (shard->fit_lane + 1) % shard->set->lane_count;
}

static void fit_queue(struct log_queue *queue)
{
    if (queue->count > 0 || queue->capacity <= QUEUE_KEPT)
        return;
    free(queue->logs);
    *queue = (struct log_queue){0};
}

static void give_slack_up(struct shard *shard, size_t records)
{
    fit_logs(shard, records * FIT_SLOTS);
    texts_fit(&shard->texts);
    fit_queue(&shard->touched);
    fit_queue(&shard->owed);
    slab_give_spare(&shard->slab);
}

void room_look(struct shard *shard, size_t records)
{
    if (shard->memory_max == 0 || shard->set->lane_count == 0)
        return;
    if (shard_memory(shard) > shard->memory_max / 8 * 7)
        give_slack_up(shard, records);
    shard->over = shard_memory_needed(shard) > shard->memory_max;
}

/* ---- what may come ---- */

/* Looked at for each new key: what expired since the last one is free again. */
static bool has_room(struct shard *shard, size_t lane)
{
    static struct log_limit limit = {.every_ms = 10000};
    size_t needed = shard_memory_needed(shard), growth = key_table_growth(&shard->tables[lane]);
    size_t most = shard->memory_max / 16 * 15;
    bool was_full = shard->full;
    shard->full = needed > (was_full ? most / 20 * 19 : most);
    if (was_full && !shard->full)
        log_limited(&limit, LOG_LEVEL_INFO, "memory: there is room again (%.1f MB of this worker's %.1f MB are in use), new keys "
                    "are taken", (double)needed / 1e6, (double)shard->memory_max / 1e6);
    return !shard->full && (growth == 0 || needed + growth <= shard->memory_max);
}

bool room_for_key(struct shard *shard, size_t lane)
{
    static struct log_limit limit = {.every_ms = 10000};
    if (shard->memory_max == 0 || has_room(shard, lane))
        return true;
    shard->counters.full_keys++;
    log_limited(&limit, LOG_LEVEL_ERROR, "memory is at its bound (%.1f MB of this worker's %.1f MB): events of new keys are "
                "not taken, those of known keys are; do this: raise limits.memory, or shorten windows",
                (double)shard_memory(shard) / 1e6, (double)shard->memory_max / 1e6);
    return false;
}

/* As many records as this log may have; 0: no bound, as while a lane fills whose records are yet to be combined. */
static size_t records_max(const struct shard *shard, const struct log *log, bool added)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    if (combines(lane) && shard->lanes[log->lane].filling)
        return 0;
    size_t had = log->count - (added ? 1 : 0);
    if (shard->over && had >= ROOM_RECORDS && (lane->records_max == 0 || had < lane->records_max))
        return had;
    return lane->records_max;
}

bool room_in_log(const struct shard *shard, const struct set_lane *lane, struct log *log, const sl_stamp *stamp)
{
    size_t most = records_max(shard, log, false);
    if (most == 0 || log->count < most || !log_begins_with(log, lane, stamp))
        return true;
    log_note_cut(log, lane, stamp->time_ms);
    return false;
}

bool room_kept(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    size_t most = records_max(shard, log, true);
    if (most == 0 || log->count <= most)
        return false;
    log_note_cut(log, lane, log_time(log, lane, log->count - most - 1));
    log_trim(log, lane, &shard->slab, &shard->texts, log->count - most);
    return true;
}

void tell_crowded(struct shard *shard, const struct set_lane *lane, const struct log *log)
{
    static struct log_limit limit = {.every_ms = 10000};
    sl_view key = text_view(&log->key);
    shard->counters.full_logs++;
    if (shard->over)
        log_limited(&limit, LOG_LEVEL_ERROR, "memory is beyond its bound (%.1f MB of this worker's %.1f MB): keys with %d records "
                    "or more keep only as many, the newest; do this: raise limits.memory, or shorten windows",
                    (double)shard_memory(shard) / 1e6, (double)shard->memory_max / 1e6, ROOM_RECORDS);
    else if (lane->table->key == SL_KEY_OWN)
        log_limited(&limit, LOG_LEVEL_WARN, "lane %s: %s%.*s has %u records, as many as a key may have: only its newest are kept, and "
                    "its features say no more than they do; do this: raise key_records of the lane, or have it combine records",
                    lane->name, lane->key_prefix, (int)(key.size < 100 ? key.size : 100), key.data, lane->records_max);
    else
        log_limited(&limit, LOG_LEVEL_WARN, "lane %s: a key has %u records, as many as one may have: only its newest are kept, "
                    "and its features say no more than they do; it is hardly a shopper; do this: see key_records",
                    lane->name, lane->records_max);
}
