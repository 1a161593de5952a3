/* watermark.h - how far one worker's partitions let the clock go: DESIGN.md section 3, Time.
 *
 * Each worker says it for its own partitions, with every parcel; the owner of a key takes the least of what all workers have
 * said, so that no event in a queue can be overtaken by the clock. Touched by one thread. */
#ifndef ENGINE_WATERMARK_H
#define ENGINE_WATERMARK_H

#include "config/config.h"
#include "ingest/source.h"

#define WATERMARK_UNKNOWN INT64_MIN  /* a partition has not said anything yet: the clock stands */
#define WATERMARK_NO_LIMIT INT64_MAX /* nothing to give: others decide */

struct watermark {
    const struct source *source;
    int worker, workers;
    bool ordered, live;
    int64_t disorder_ms, idle_ms;
    int64_t largest_ms;    /* of all events seen here */
    int64_t *largest;      /* by partition; WATERMARK_UNKNOWN: none */
    int64_t *contribution; /* by partition: what it allows, disorder not yet taken off */
    int64_t least;         /* of the contributions of this worker's partitions */
};

void watermark_init(struct watermark *watermark, struct source *source, int worker, int workers, enum clock_kind clock,
                    int64_t disorder_ms, int64_t idle_ms);
void watermark_free(struct watermark *watermark);

/* Ask the source how its partitions do; before each batch, and when there is none. */
void watermark_refresh(struct watermark *watermark, int64_t wall_ms);

/* An event of this time was read. */
void watermark_event(struct watermark *watermark, int32_t partition, int64_t time_ms);

/* Durable state says that an event of this time was read of the partition. */
void watermark_restore(struct watermark *watermark, int32_t partition, int64_t time_ms);

/* What the clock may be now, as far as this worker's partitions are concerned. */
int64_t watermark_now(const struct watermark *watermark);

/* Has every partition of this worker been read to its end? */
bool watermark_at_end(const struct watermark *watermark);

#endif
