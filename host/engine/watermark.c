/* watermark.c - see watermark.h. */
#include "engine/watermark.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>

#define SAY_EVERY_MS 3600000 /* what goes on is in the figures */

void watermark_init(struct watermark *watermark, struct source *source, struct believed_time *time, int worker, int workers,
                    enum clock_kind clock, int64_t disorder_ms, int64_t idle_ms)
{
    *watermark = (struct watermark){.source = source,
                                    .time = time,
                                    .worker = worker,
                                    .workers = workers,
                                    .ordered = source->ordered,
                                    .live = clock == CLOCK_LIVE,
                                    .disorder_ms = disorder_ms,
                                    .idle_ms = idle_ms,
                                    .largest_ms = INT64_MIN,
                                    .least = WATERMARK_UNKNOWN,
                                    .newest_stamp_ms = INT64_MIN};
    size_t size = ((size_t)source->partitions + 1) * sizeof(int64_t);
    watermark->largest = memory_new(size);
    watermark->contribution = memory_new(size);
    watermark->at_end = memory_new((size_t)source->partitions + 1);
    for (int32_t p = 0; p < source->partitions; p++)
        watermark->largest[p] = watermark->contribution[p] = WATERMARK_UNKNOWN;
}

void watermark_free(struct watermark *watermark)
{
    free(watermark->largest);
    free(watermark->contribution);
    free(watermark->at_end);
}

static void find_least(struct watermark *watermark)
{
    int64_t least = WATERMARK_NO_LIMIT;
    for (int32_t p = watermark->worker; p < watermark->source->partitions; p += watermark->workers)
        if (watermark->contribution[p] < least)
            least = watermark->contribution[p];
    watermark->least = least;
}

static int64_t contribution(struct watermark *watermark, int32_t partition, int64_t running_ms)
{
    int64_t largest = watermark->largest[partition], idle_since_ms = running_ms;
    enum partition_state state = source_partition((struct source *)(uintptr_t)watermark->source, partition, &idle_since_ms);
    watermark->at_end[partition] = state == PARTITION_AT_END;
    if (state != PARTITION_AT_END)
        return largest;
    if (!watermark->live)
        return WATERMARK_NO_LIMIT;
    bool idle = running_ms - idle_since_ms >= watermark->idle_ms;
    return idle && watermark->now_ms > largest ? watermark->now_ms : largest;
}

void watermark_refresh(struct watermark *watermark, struct moment now)
{
    if (watermark->newest_stamp_ms != INT64_MIN)
        believed_time_heard(watermark->time, now.running_ms, watermark->newest_stamp_ms, watermark->newest_is_live);
    watermark->newest_stamp_ms = INT64_MIN;
    watermark->newest_is_live = false;
    watermark->now_ms = believed_time_now(watermark->time, now);
    for (int32_t p = watermark->worker; p < watermark->source->partitions; p += watermark->workers)
        watermark->contribution[p] = contribution(watermark, p, now.running_ms);
    find_least(watermark);
}

/* How far an event of this time may move the clock; the message's timestamp says what time it is. */
static int64_t believe(struct watermark *watermark, int32_t partition, int64_t time_ms, int64_t stamp_ms)
{
    static struct log_limit limit = {.every_ms = SAY_EVERY_MS};
    if (stamp_ms > watermark->newest_stamp_ms)
        watermark->newest_stamp_ms = stamp_ms;
    watermark->newest_is_live = watermark->newest_is_live || watermark->at_end[partition];
    if (time_ms <= stamp_ms)
        return time_ms;
    if (time_ms - stamp_ms > watermark->disorder_ms) {
        watermark->ahead++;
        log_limited(&limit, LOG_LEVEL_WARN, "an event of partition %d is %.1f s ahead of its message's Kafka timestamp: it is kept, "
                    "and moves the clock no further than that; do this: look for a collector or a tracker whose clock is wrong",
                    (int)partition, (double)(time_ms - stamp_ms) / 1000);
    }
    return stamp_ms;
}

void watermark_event(struct watermark *watermark, int32_t partition, int64_t time_ms, int64_t stamp_ms)
{
    if (!watermark->ordered)
        time_ms = believe(watermark, partition, time_ms, stamp_ms);
    if (time_ms > watermark->largest_ms)
        watermark->largest_ms = time_ms;
    if (watermark->ordered)
        return;
    int64_t *largest = &watermark->largest[partition], *given = &watermark->contribution[partition];
    if (time_ms > *largest)
        *largest = time_ms;
    /* The event's partition has data to give, whatever it seemed when the batch began. */
    if (*given == *largest || (watermark->live && *given > *largest && *given != WATERMARK_NO_LIMIT))
        return;
    int64_t before = *given;
    *given = *largest;
    if (before <= watermark->least || *given < watermark->least)
        find_least(watermark);
}

void watermark_restore(struct watermark *watermark, int32_t partition, int64_t time_ms)
{
    bool ours = partition % watermark->workers == watermark->worker;
    watermark->largest[partition] = watermark->contribution[partition] = time_ms;
    if (ours && time_ms > watermark->largest_ms)
        watermark->largest_ms = time_ms;
    find_least(watermark);
}

int64_t watermark_now(const struct watermark *watermark)
{
    int64_t least = watermark->ordered ? watermark->largest_ms : watermark->least;
    return least == WATERMARK_UNKNOWN || least == WATERMARK_NO_LIMIT ? least : least - watermark->disorder_ms;
}

bool watermark_at_end(const struct watermark *watermark)
{
    for (int32_t p = watermark->worker; p < watermark->source->partitions; p += watermark->workers) {
        int64_t idle_since_ms;
        if (source_partition((struct source *)(uintptr_t)watermark->source, p, &idle_since_ms) != PARTITION_AT_END)
            return false;
    }
    return true;
}
