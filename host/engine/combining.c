/* combining.c - see combining.h. */
#include "engine/combining.h"

/* Where the first bucket begins that does not rest yet: of all that begin at clock - rest - bucket or later. */
static int64_t edge_ms(const struct shard *shard, const struct set_lane *lane)
{
    int64_t bucket_ms = lane->table->bucket_ms, least_ms = shard->clock_ms - COMBINE_REST_MS - bucket_ms;
    return combining_time(lane, least_ms + bucket_ms - 1);
}

void combining_all(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    log_combine(log, lane, &shard->slab, &shard->texts, log_from(log, lane, edge_ms(shard, lane)));
}

void combining_make_room(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    bool crowded = shard->records_max != 0 && log->count >= shard->records_max;
    if (!crowded && log->start + log->count < log->capacity)
        return;
    uint8_t edge = (uint8_t)(edge_ms(shard, lane) / lane->table->bucket_ms);
    if (edge == log->combined) /* no bucket has come to rest since */
        return;
    log->combined = edge;
    combining_all(shard, lane, log);
}
