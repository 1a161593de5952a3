/* watermark.h - how far one worker's partitions let the clock go: DESIGN.md section 3, Time.
 *
 * Each worker says it for its own partitions, with every parcel; the owner of a key takes the least of what all workers have
 * said, so that no event in a queue can be overtaken by the clock.
 *
 * An event moves its partition no further than its message's Kafka timestamp, whatever its own time says: an event minutes
 * ahead, which the setting `future` allows, would else empty everybody's short windows at once, and the clock never goes back.
 * Its record is kept at its own time. (Files have no such timestamps: there every event moves the clock.) A partition that has
 * been idle gives the believed time (believed_time.h). Touched by one thread. */
#ifndef ENGINE_WATERMARK_H
#define ENGINE_WATERMARK_H

#include "config/config.h"
#include "engine/believed_time.h"
#include "ingest/source.h"

#define WATERMARK_UNKNOWN INT64_MIN  /* a partition has not said anything yet: the clock stands */
#define WATERMARK_NO_LIMIT INT64_MAX /* nothing to give: others decide */

struct watermark {
    const struct source *source;
    struct believed_time *time; /* shared by all workers */
    int worker, workers;
    bool ordered, live;
    int64_t disorder_ms, idle_ms;
    int64_t largest_ms;    /* what events moved it to here, of all partitions */
    int64_t *largest;      /* the same by partition; WATERMARK_UNKNOWN: none */
    int64_t *contribution; /* by partition: what it allows, disorder not yet taken off */
    int64_t least;         /* of the contributions of this worker's partitions */
    int64_t now_ms;        /* what time it is believed to be, when last refreshed */
    bool *at_end;          /* by partition: it was read to its end then */
    int64_t newest_stamp_ms; /* of the messages since then; INT64_MIN: none */
    bool newest_is_live;     /* one of them came after its partition had been read to its end */
    uint64_t ahead;          /* events that were ahead of their message by more than the disorder */
};

void watermark_init(struct watermark *watermark, struct source *source, struct believed_time *time, int worker, int workers,
                    enum clock_kind clock, int64_t disorder_ms, int64_t idle_ms);
void watermark_free(struct watermark *watermark);

/* Ask the source how its partitions do; before each batch, and when there is none. Not for files. */
void watermark_refresh(struct watermark *watermark, struct moment now);

/* An event of this time was read, in a message with this Kafka timestamp. */
void watermark_event(struct watermark *watermark, int32_t partition, int64_t time_ms, int64_t stamp_ms);

/* Durable state says that events have moved the partition so far. */
void watermark_restore(struct watermark *watermark, int32_t partition, int64_t time_ms);

/* What the clock may be now, as far as this worker's partitions are concerned. */
int64_t watermark_now(const struct watermark *watermark);

/* Has every partition of this worker been read to its end? */
bool watermark_at_end(const struct watermark *watermark);

#endif
