/* cut_manifest.c - see cut_manifest.h. */
#include "engine/cut_manifest.h"

#include "base/memory.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

static void put_partitions(const struct cut *cut, struct manifest *manifest)
{
    const struct source *source = cut->settings->source;
    manifest->partition_count = source->partitions;
    manifest->partitions = memory_new(((size_t)source->partitions + 1) * sizeof *manifest->partitions);
    for (int32_t p = 0; p < source->partitions; p++) {
        const struct worker *sender = &cut->workers[p % cut->settings->workers];
        bool barrier = !cut->last && atomic_load_explicit(&sender->barrier_sent, memory_order_acquire) == cut->barrier;
        manifest->partitions[p].next = barrier ? sender->barrier_next[p] : sender->extraction.next[p];
        manifest->partitions[p].largest_ms = barrier ? sender->barrier_largest[p] : sender->extraction.watermark.largest[p];
    }
}

static void put_clock(const struct cut *cut, struct manifest *manifest)
{
    manifest->clock_ms = INT64_MIN;
    manifest->owed_ms = INT64_MAX;
    for (int i = 0; i < cut->settings->workers; i++) {
        const struct worker_cut *part = &cut->workers[i].cut;
        int64_t clock_ms = part->clock_ms == SHARD_BEGINNING_MS ? INT64_MIN : part->clock_ms;
        int64_t owed_ms = part->owed_ms == SHARD_BEGINNING_MS ? INT64_MIN : part->owed_ms;
        manifest->clock_ms = clock_ms > manifest->clock_ms ? clock_ms : manifest->clock_ms;
        manifest->owed_ms = owed_ms < manifest->owed_ms ? owed_ms : manifest->owed_ms;
    }
}

static int by_order(const void *left, const void *right)
{
    const struct manifest_segment *a = left, *b = right;
    return segment_name_order(&a->name, &b->name);
}

static void add_segments(struct manifest_lane *lane, const struct manifest_segment *segments, size_t count)
{
    lane->segments = memory_resize(lane->segments, (lane->segment_count + count + 1) * sizeof *segments);
    if (count > 0)
        memcpy(lane->segments + lane->segment_count, segments, count * sizeof *segments);
    lane->segment_count += count;
}

/* From the oldest on, what has left is of no use; but what follows one that is needed may say what became of its records. */
static void forget_old(struct manifest_lane *lane, int64_t edge_ms)
{
    size_t count = 0;
    while (count < lane->segment_count && lane->segments[count].newest_ms < edge_ms)
        count++;
    if (count == 0)
        return;
    lane->segment_count -= count;
    memmove(lane->segments, lane->segments + count, lane->segment_count * sizeof *lane->segments);
}

static int64_t edge(int64_t owed_ms, int64_t keep_ms) { return owed_ms == INT64_MIN ? INT64_MIN : owed_ms - keep_ms; }

/* What was there before this start and is still needed: of the last manifest that we stored, else of the one we began with. */
static const struct manifest_lane *lane_before(const struct cut *cut, size_t number)
{
    const struct lane_plan *plan = &cut->settings->state->lanes[number];
    const char *name = cut->settings->set->lanes[number].name;
    if (cut->before == NULL)
        return plan->from;
    for (size_t i = 0; i < cut->before->lane_count; i++)
        if (strcmp(cut->before->lanes[i].name, name) == 0)
            return &cut->before->lanes[i];
    return NULL;
}

/* What was there before this start has nothing that the journals of this start lack. */
static bool all_whole(const struct cut *cut, size_t number)
{
    for (int i = 0; i < cut->settings->workers; i++)
        if (!cut->workers[i].cut.lanes[number].whole)
            return false;
    return true;
}

static void put_lane(const struct cut *cut, struct manifest *manifest, size_t number)
{
    const struct set_lane *set = &cut->settings->set->lanes[number];
    const struct state_plan *plan = cut->settings->state;
    struct manifest_lane *lane = &manifest->lanes[manifest->lane_count++];
    bool filling = (cut->filling >> number & 1u) != 0;
    bool owed = false;
    memcpy(lane->name, set->name, strlen(set->name) + 1);
    lane->condition = filling ? LANE_FILLING : LANE_FULL;
    lane->longest_ms = lane_keep_ms(set);
    record_schema_copy(&lane->schema, &plan->lanes[number].schema);
    for (int i = 0; i < cut->settings->workers; i++)
        owed = owed || cut->workers[i].cut.former_owed;
    const struct manifest_lane *before = all_whole(cut, number) ? NULL : lane_before(cut, number);
    for (size_t s = 0; before != NULL && s < before->segment_count; s++) {
        struct manifest_segment segment = before->segments[s];
        if (segment.name.generation == plan->generation)
            continue; /* its worker says what became of it */
        if (!owed)
            segment.owed_from = segment.bytes;
        add_segments(lane, &segment, 1);
    }
    forget_old(lane, edge(manifest->owed_ms, lane->longest_ms));
    bool former = lane->segment_count > 0;
    for (int i = 0; i < cut->settings->workers; i++) {
        const struct journal_cut *part = &cut->workers[i].cut.lanes[number];
        add_segments(lane, part->segments, part->segment_count);
        if (!former) /* what follows one that is needed may say what became of its records; from the next cut on */
            atomic_store_explicit(&cut->workers[i].forget_ms[number], edge(manifest->owed_ms, lane->longest_ms),
                                  memory_order_relaxed);
    }
    if (lane->segment_count > 0)
        qsort(lane->segments, lane->segment_count, sizeof *lane->segments, by_order);
}

/* A lane that is switched off now: it waits until its records expire, or it comes back. */
static void put_orphan(struct manifest *manifest, const struct manifest_lane *from, const struct manifest *read)
{
    if (from->condition == LANE_FILLING)
        return;
    struct manifest_lane *lane = &manifest->lanes[manifest->lane_count];
    memcpy(lane->name, from->name, sizeof lane->name);
    lane->condition = LANE_OFF;
    lane->longest_ms = from->longest_ms;
    add_segments(lane, from->segments, from->segment_count);
    forget_old(lane, edge(manifest->owed_ms, lane->longest_ms));
    if (lane->segment_count == 0) {
        free(lane->segments);
        *lane = (struct manifest_lane){0};
        return;
    }
    record_schema_copy(&lane->schema, &from->schema);
    lane->stopped = memory_new(((size_t)manifest->partition_count + 1) * sizeof *lane->stopped);
    for (int32_t p = 0; p < manifest->partition_count; p++) {
        bool known = p < read->partition_count;
        lane->stopped[p] = from->stopped != NULL && known ? from->stopped[p] : known ? read->partitions[p].next : 0;
    }
    manifest->lane_count++;
}

static struct manifest *new_manifest(const struct state_plan *plan, uint64_t checkpoint)
{
    struct manifest *manifest = memory_new(sizeof *manifest);
    manifest->generation = plan->generation;
    manifest->checkpoint = checkpoint;
    manifest->written_ms = time_wall_ms();
    memcpy(manifest->set, plan->plugin_set, sizeof manifest->set);
    manifest->topic = memory_text(plan->topic);
    return manifest;
}

struct manifest *first_manifest(const struct state_plan *plan, struct source *source)
{
    struct manifest *manifest = new_manifest(plan, 0);
    manifest->clock_ms = manifest->owed_ms = INT64_MIN;
    manifest->partition_count = source->partitions;
    manifest->partitions = memory_new(((size_t)source->partitions + 1) * sizeof *manifest->partitions);
    for (int32_t p = 0; p < source->partitions; p++)
        manifest->partitions[p] = (struct manifest_partition){.next = source_begin(source, p), .largest_ms = INT64_MIN};
    manifest->lanes = memory_new((plan->set->lane_count + 1) * sizeof *manifest->lanes);
    for (size_t i = 0; i < plan->set->lane_count; i++) {
        const struct set_lane *set = &plan->set->lanes[i];
        struct manifest_lane *lane = &manifest->lanes[manifest->lane_count++];
        memcpy(lane->name, set->name, strlen(set->name) + 1);
        lane->condition = LANE_FULL;
        lane->longest_ms = lane_keep_ms(set);
        record_schema_copy(&lane->schema, &plan->lanes[i].schema);
    }
    return manifest;
}

struct manifest *cut_manifest(const struct cut *cut)
{
    const struct state_plan *plan = cut->settings->state;
    const struct manifest *read = cut->before != NULL ? cut->before : plan->manifest;
    struct manifest *manifest = new_manifest(plan, (read == NULL ? 0 : read->checkpoint) + 1);
    put_partitions(cut, manifest);
    put_clock(cut, manifest);
    manifest->lanes = memory_new((plan->set->lane_count + (read == NULL ? 0 : read->lane_count) + 1) * sizeof *manifest->lanes);
    for (size_t i = 0; i < plan->set->lane_count; i++)
        put_lane(cut, manifest, i);
    for (size_t i = 0; read != NULL && i < read->lane_count; i++)
        if (state_plan_orphan(plan, &read->lanes[i]))
            put_orphan(manifest, &read->lanes[i], read);
    return manifest;
}
