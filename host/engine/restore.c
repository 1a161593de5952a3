/* restore.c - see restore.h. */
#include "engine/restore.h"

#include "base/log.h"
#include "engine/key_hash.h"
#include "engine/shard_room.h"
#include "engine/worker.h"
#include "plugin/plugin_table.h"


/* Does any key of this segment belong to this worker? */
static bool concerns(const struct worker *worker, const struct manifest_segment *segment)
{
    return segment->name.workers != (uint32_t)worker->settings->workers ||
           segment->name.worker == (uint32_t)worker->index;
}

static void note_damage(struct worker *worker, size_t lane, const struct error *damage)
{
    log_problem(LOG_LEVEL_ERROR, damage);
    if (worker->restore.damaged == 0)
        worker->restore.damage = *damage;
    worker->restore.damaged |= UINT64_C(1) << lane;
}

/* Entries whose keys are fetched from memory before the first of them is touched. */
#define PREFETCH 16

/* An entry of one of our keys. */
struct found {
    enum journal_operation operation;
    uint64_t hash;
    sl_view key;
    const char *body;
};

/* The next of our entries in the block from *at on, at most PREFETCH; where their keys lie is being fetched. */
static size_t find_entries(const struct worker *worker, size_t number, const struct segment_block *block, size_t record_size,
                           size_t *at, struct found *found)
{
    const sl_lane *lane = worker->settings->set->lanes[number].table;
    const struct key_table *table = &worker->shard.tables[number];
    size_t count = 0;
    while (count < PREFETCH && *at < block->bytes) {
        const struct journal_entry *entry = (const void *)(block->entries + *at);
        enum journal_operation operation = journal_entry_operation(entry);
        const char *body = (const char *)(entry + 1);
        sl_view key = {body + (operation == JOURNAL_DROP ? 0 : record_size), journal_entry_key_size(entry)};
        *at += entry->size;
        if (key_owner(key, lane->key, worker->settings->workers) != worker->index)
            continue;
        found[count] = (struct found){operation, key_hash(key, lane->key), key, body};
        key_table_prefetch(table, found[count++].hash);
    }
    for (size_t i = 0; i < count; i++) {
        const struct log *log = key_table_guess(table, found[i].hash);
        if (log == NULL)
            continue;
        __builtin_prefetch(log);
        __builtin_prefetch((const char *)log + 64);
    }
    return count;
}

/* The entries of a block that are of our keys. `owed`: the sink may not have acknowledged what follows from them. */
static void take_block(struct worker *worker, size_t number, const struct segment_block *block, size_t from_size,
                       const struct schema_copy *copy, bool owed)
{
    uint64_t taken = 0;
    room_look(&worker->shard, block->count);
    _Alignas(8) char record[LANE_RECORD_MAX];
    struct found found[PREFETCH];
    for (size_t at = 0, count; (count = find_entries(worker, number, block, from_size, &at, found)) > 0;) {
        for (size_t i = 0; i < count; i++) {
            if (found[i].operation != JOURNAL_DROP)
                record_schema_move(copy, found[i].body, record);
            taken += shard_restore_operation(&worker->shard, number, found[i].operation, found[i].hash, found[i].key, record,
                                             found[i].body, owed);
        }
    }
    (void)atomic_fetch_add_explicit(&worker->restore.records, taken, memory_order_relaxed);
}

/* What counts of the segment; of one that has become shorter, what is left of it. False: nothing can be read. */
static bool open_segment(struct worker *worker, size_t number, const struct manifest_segment *segment,
                         struct segment_reader *reader)
{
    char name[SEGMENT_NAME_MAX];
    struct error error = {0}, again;
    int folder = worker->settings->state->folder->journal;
    if (segment_open(reader, folder, segment_name_text(&segment->name, name), segment->bytes, &error))
        return true;
    note_damage(worker, number, &error);
    if (!segment_open(reader, folder, name, UINT64_MAX, &again))
        return false;
    if (reader->length < segment->bytes)
        return true;
    segment_reader_free(reader); /* it could not be opened for another reason; what is behind the checkpoint is not ours to take */
    return false;
}

static void take_segment(struct worker *worker, size_t number, const struct manifest_segment *segment)
{
    struct error error = {0};
    struct segment_reader reader;
    struct segment_block block;
    if (!open_segment(worker, number, segment, &reader))
        return;
    struct schema_copy copy; /* segments of one lane may be of several of its builds */
    if (record_schema_compare(&reader.schema, &worker->settings->state->lanes[number].schema, &copy, &error) == SCHEMA_NEITHER) {
        note_damage(worker, number, &error);
        segment_reader_free(&reader);
        return;
    }
    uint64_t before = 0;
    for (enum segment_read read; (read = segment_read(&reader, &block, &error)) != SEGMENT_END;) {
        if (read == SEGMENT_DAMAGED) {
            note_damage(worker, number, &error);
            continue;
        }
        take_block(worker, number, &block, reader.schema.record_size, &copy, block.offset >= segment->owed_from);
        (void)atomic_fetch_add_explicit(&worker->restore.bytes, reader.at - before, memory_order_relaxed);
        plugin_call_beat();
        before = reader.at;
    }
    segment_reader_free(&reader);
}

/* The time within which every value is to be written once more: a refresh is due when a quarter of the TTL is left, so after
 * a crash some have no more than that. */
static int64_t spread_ms(const struct set_lane *lane)
{
    int64_t shortest_s = INT64_MAX;
    for (size_t w = 0; w < lane->window_count; w++)
        if (lane->windows[w].settings.ttl_s < shortest_s)
            shortest_s = lane->windows[w].settings.ttl_s;
    return shortest_s * 1000 / 4;
}

/* The clock went on between what Redis had acknowledged and the checkpoint: what became of values meanwhile is owed. */
static void restore_clock(struct worker *worker, const struct manifest *manifest)
{
    if (manifest->clock_ms != INT64_MIN)
        shard_advance(&worker->shard, manifest->clock_ms);
    struct watermark *watermark = &worker->extraction.watermark;
    for (int32_t p = 0; p < worker->settings->source->partitions && p < manifest->partition_count; p++) {
        const struct manifest_partition *partition = &manifest->partitions[p];
        if (partition->largest_ms != INT64_MIN)
            watermark_restore(watermark, p, partition->largest_ms);
        if (partition->largest_ms > worker->largest_ms)
            worker->largest_ms = partition->largest_ms;
    }
}

/* What stands beside another may have written until now, or not: who writes now writes all of it. */
static enum lane_wake wake_of(const struct state_plan *plan, const struct set_lane *lane)
{
    return lane->pairs == 0 && !plan->write_again ? WAKE_RESTORED : WAKE_FILLED;
}

void restore_worker(struct worker *worker)
{
    const struct state_plan *plan = worker->settings->state;
    struct shard *shard = &worker->shard;
    if (plan == NULL)
        return;
    if (plan->manifest != NULL) {
        int64_t owed_ms = plan->manifest->owed_ms;
        shard_restore(shard, owed_ms == INT64_MIN ? SHARD_BEGINNING_MS : owed_ms);
        for (size_t i = 0; i < plan->set->lane_count; i++) {
            const struct manifest_lane *from = plan->lanes[i].from;
            for (size_t s = 0; from != NULL && s < from->segment_count; s++)
                if (concerns(worker, &from->segments[s]))
                    (void)atomic_fetch_add(&worker->restore.bytes_all, from->segments[s].bytes);
        }
        for (size_t i = 0; i < plan->set->lane_count; i++) {
            const struct manifest_lane *from = plan->lanes[i].from;
            for (size_t s = 0; from != NULL && s < from->segment_count; s++)
                if (concerns(worker, &from->segments[s]))
                    take_segment(worker, i, &from->segments[s]);
            bool to_fill = (plan->to_fill >> i & 1u) != 0, damaged = (worker->restore.damaged >> i & 1u) != 0;
            shard->lanes[i].mending = damaged && !to_fill;
            if (!to_fill && !damaged)
                shard_lane_full(shard, i, wake_of(plan, &plan->set->lanes[i]), spread_ms(&plan->set->lanes[i]));
        }
        restore_clock(worker, plan->manifest);
    }
    atomic_store(&worker->restored, true);
}
