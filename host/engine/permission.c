/* permission.c - see permission.h. */
#include "engine/permission.h"

#include "base/time.h"
#include "sink/lease.h"

/* After this all that a partition that is at its end had to give has reached its owners. */
#define FENCE_IDLE_MS 1000

/* Has everything been read again that was written when the fence was set? The clock stands until every sender has been heard. A
 * fence beyond where the partition ended after we got the lease is of a topic that is not there any more. */
static bool past_offsets(const struct worker *worker)
{
    struct source *source = worker->settings->source;
    for (int i = 0; i < worker->settings->workers; i++)
        if (!worker->sender_heard[i])
            return false;
    for (int32_t p = 0; p < source->partitions; p++) {
        int64_t fence = lease_fence(worker->settings->lease, p), seen_ms, idle_since_ms;
        if (worker->shard.applied[p] >= fence)
            continue;
        int64_t end = source_end(source, p, &seen_ms);
        int64_t now_ms = time_boot_ms();
        bool idle = source_partition(source, p, &idle_since_ms) == PARTITION_AT_END &&
                    now_ms - idle_since_ms >= FENCE_IDLE_MS; /* offsets without a message may lie before the end */
        bool seen = seen_ms >= worker->held_ms || (idle && now_ms - worker->held_ms >= FENCE_IDLE_MS); /* and still there */
        if (end >= fence || !seen || (worker->shard.applied[p] < end && !idle))
            return false;
    }
    return true;
}

/* Nobody has written anything before. */
static bool no_fence(const struct worker *worker)
{
    const struct lease *lease = worker->settings->lease;
    bool none = lease_fence_clock(lease) == 0;
    for (int32_t p = 0; p < worker->settings->source->partitions; p++)
        none = none && lease_fence(lease, p) == 0;
    return none;
}

/* By events alone, too, the same messages do not always bring the clock to the same place: a partition that is at its end holds
 * nobody back, and which is at its end when, is not the same again. It never goes back: where it was, it is. (Without state
 * nobody knows that the fence is of this stream.) */
static void go_on_from_fence(struct worker *worker)
{
    const struct engine_settings *settings = worker->settings;
    const struct manifest *manifest = settings->state == NULL ? NULL : settings->state->manifest;
    if (settings->clock == CLOCK_EVENT && manifest != NULL && manifest->checkpoint > 0)
        shard_advance(&worker->shard, lease_fence_clock(settings->lease));
}

/* Is the clock there, too? While no messages come it goes by the wall clock, once partitions have been idle for long enough; that
 * of another machine may have been ahead of ours. */
static bool past_fence(struct worker *worker)
{
    const struct engine_settings *settings = worker->settings;
    if (no_fence(worker))
        return true;
    if (!past_offsets(worker))
        return false;
    int64_t now_ms = time_monotonic_ms();
    if (worker->offsets_passed_ms == 0) {
        worker->offsets_passed_ms = now_ms;
        go_on_from_fence(worker);
    }
    return worker->shard.clock_ms >= lease_fence_clock(settings->lease) ||
           now_ms - worker->offsets_passed_ms >= settings->idle_ms + FENCE_IDLE_MS;
}

void permission_look(struct worker *worker)
{
    bool held_now = lease_may_write(worker->settings->lease);
    if (held_now && worker->held_ms == 0)
        worker->held_ms = time_boot_ms();
    if (held_now && !worker->fence_passed && past_fence(worker)) {
        shard_reread(&worker->shard);
        worker->fence_passed = true;
    }
    worker->shard.muted = !held_now || !worker->fence_passed;
    atomic_store_explicit(&worker->writing, !worker->shard.muted, memory_order_relaxed);
}
