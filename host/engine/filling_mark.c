/* filling_mark.c - see filling_mark.h. */
#include "engine/filling_mark.h"

#include <stdio.h>
#include <string.h>

#define TTL_S          60
#define RENEW_EVERY_MS 20000

static void write_mark(struct shard *shard, const struct state_plan *plan, size_t lane, bool stands)
{
    char key[512];
    int size = snprintf(key, sizeof key, "shoplane:{%s}:filling:%s", plan->topic, plan->set->lanes[lane].name);
    struct feature_write write = {.key = {key, (size_t)size},
                                  .value = {stands ? "1" : NULL, stands ? 1 : 0},
                                  .ttl_s = TTL_S,
                                  .time_ms = shard->clock_ms};
    sink_write(shard->sink, &write);
}

bool filling_mark_keep(struct filling_mark *mark, struct shard *shard, const struct state_plan *plan, int64_t now_ms)
{
    uint64_t filling = 0;
    for (size_t i = 0; i < plan->set->lane_count; i++)
        filling |= (uint64_t)shard->lanes[i].filling << i;
    bool renew = filling != 0 && now_ms - mark->renewed_ms >= RENEW_EVERY_MS;
    if (filling == mark->marked && !renew) {
        mark->confirmed = mark->confirmed || sink_poll(shard->sink, 0);
        return filling == 0 || mark->confirmed;
    }
    if (shard->muted || !sink_ready(shard->sink))
        return false;
    for (size_t i = 0; i < plan->set->lane_count; i++) {
        bool stands = (filling >> i & 1u) != 0;
        if (stands || (mark->marked >> i & 1u) != 0)
            write_mark(shard, plan, i, stands);
    }
    sink_commit(shard->sink, NULL);
    sink_flush(shard->sink);
    mark->marked = filling;
    mark->renewed_ms = now_ms;
    mark->confirmed = false;
    return false;
}
