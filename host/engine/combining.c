/* combining.c - see combining.h. */
#include "engine/combining.h"

/* Where the first bucket begins that does not rest yet: of all that begin at clock - rest - bucket or later. */
static int64_t edge_ms(const struct shard *shard, const struct set_lane *lane)
{
    int64_t bucket_ms = lane->table->bucket_ms, least_ms = shard->clock_ms - lane->rest_ms - bucket_ms;
    return combining_time(lane, least_ms + bucket_ms - 1);
}

void combining_rested(struct shard *shard, const struct set_lane *lane, struct log *log)
{
    int64_t edge = edge_ms(shard, lane);
    uint8_t number = (uint8_t)(edge / lane->table->bucket_ms);
    if (number == log->combined) /* no bucket has come to rest since */
        return;
    log->combined = number;
    int64_t *combined_ms = log->capacity > LOG_SHORT_MAX ? log_combined(log, lane) : NULL;
    size_t begin = combined_ms != NULL ? log_from(log, lane, *combined_ms) : 0;
    if (combined_ms != NULL)
        *combined_ms = edge;
    log_combine(log, lane, &shard->slab, &shard->texts, begin, log_from(log, lane, edge));
}
