/* combining.h - counters: records of one bucket that become one, in lanes that have `combine` (lane.h of the SDK).
 *
 * Event times are rounded down to the bucket when records are extracted. A bucket rests when the clock is the lane's `rest`
 * past its end: from then on its events are not taken, but counted (shard_counters.rested), whether anything of it has been combined or not, so that no copy of an event
 * whose id is gone can come in again. (A copy that states another time, in a bucket that does not rest yet, counts as an event
 * of its own.) They are combined when the next record comes to their log, each once. Whether they are shows in no value: that is
 * the plugin's promise (lane.h of the SDK).
 *
 * The journal has every record as it came. While a lane fills, from the journal or the topic, nothing is combined, and
 * key_records does not count; when it is full, all that rests is. Until then a key takes as much memory as its
 * events. */
#ifndef ENGINE_COMBINING_H
#define ENGINE_COMBINING_H

#include "engine/shard.h"

static inline bool combines(const struct set_lane *lane) { return lane->table->combine != NULL; }

/* The event time of a record of this lane, for the event's. */
static inline int64_t combining_time(const struct set_lane *lane, int64_t time_ms)
{
    int64_t bucket_ms = lane->table->bucket_ms, into_ms = bucket_ms == 0 ? 0 : time_ms % bucket_ms;
    return time_ms - (into_ms < 0 ? into_ms + bucket_ms : into_ms);
}

/* Is the bucket that begins here at rest? */
static inline bool combining_rests(const struct set_lane *lane, int64_t bucket_ms, int64_t clock_ms)
{
    return bucket_ms + lane->table->bucket_ms + lane->rest_ms < clock_ms;
}

/* Combine what has come to rest since this was done last. */
void combining_rested(struct shard *shard, const struct set_lane *lane, struct log *log);

#endif
