/* key_state.c - see key_state.h. */
#include "engine/key_state.h"

#include "base/time.h"
#include "engine/key_hash.h"

#include <string.h>

static void take_block(struct shard *shard, size_t lane, const struct segment_block *block, size_t record_size,
                       const struct schema_copy *copy, sl_view key, uint64_t hash)
{
    _Alignas(8) char record[LANE_RECORD_MAX];
    for (size_t at = 0; at < block->bytes;) {
        const struct journal_entry *entry = (const void *)(block->entries + at);
        enum journal_operation operation = journal_entry_operation(entry);
        const char *body = (const char *)(entry + 1), *of = body + (operation == JOURNAL_DROP ? 0 : record_size);
        at += entry->size;
        if (journal_entry_key_size(entry) != key.size || memcmp(of, key.data, key.size) != 0)
            continue;
        if (operation != JOURNAL_DROP)
            record_schema_move(copy, body, record);
        (void)shard_restore_operation(shard, lane, operation, hash, key, record, body, false);
    }
}

static void note(struct error *damage, const struct error *error)
{
    if (damage->what[0] == '\0')
        *damage = *error;
}

static void take_segment(struct shard *shard, const struct state_plan *plan, size_t lane, const struct manifest_segment *segment,
                         sl_view key, uint64_t hash, struct error *damage)
{
    char name[SEGMENT_NAME_MAX];
    struct segment_reader reader;
    struct segment_block block;
    struct schema_copy copy;
    struct error error = {0};
    if (!segment_open(&reader, plan->folder->journal, segment_name_text(&segment->name, name), segment->bytes, &error)) {
        note(damage, &error);
        return;
    }
    bool fits = record_schema_compare(&reader.schema, &plan->lanes[lane].schema, &copy, &error) != SCHEMA_NEITHER;
    if (!fits)
        note(damage, &error);
    for (enum segment_read read; fits && (read = segment_read(&reader, &block, &error)) != SEGMENT_END;) {
        if (read == SEGMENT_DAMAGED)
            note(damage, &error);
        else
            take_block(shard, lane, &block, reader.schema.record_size, &copy, key, hash);
    }
    segment_reader_free(&reader);
}

void key_state_read(struct shard *shard, const struct state_plan *plan, sl_key kind, sl_view key, struct error *damage)
{
    const struct lane_set *set = plan->set;
    shard_init(shard, set, false, time_monotonic_ms());
    shard->muted = true;
    if (plan->manifest == NULL || plan->manifest->clock_ms == INT64_MIN)
        return;
    shard_restore(shard, plan->manifest->clock_ms);
    uint64_t hash = key_hash(key, kind);
    for (size_t i = 0; i < set->lane_count; i++) {
        const struct manifest_lane *from = plan->lanes[i].from;
        for (size_t s = 0; set->lanes[i].table->key == kind && from != NULL && s < from->segment_count; s++)
            take_segment(shard, plan, i, &from->segments[s], key, hash, damage);
        shard_lane_full(shard, i, WAKE_RESTORED, 0);
    }
}
