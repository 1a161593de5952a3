/* parcel.h - records on their way from the worker that extracted them to the worker that owns their keys.
 *
 * One batch of messages makes one parcel for each worker, an empty one too: it still carries the clock. A parcel is one
 * buffer of entries; texts travel by value inside their entry. Who takes it frees it.
 *
 * A checkpoint travels with them: a parcel can carry a barrier, and who has it from every sender has taken exactly what lies
 * before the cut. */
#ifndef ENGINE_PARCEL_H
#define ENGINE_PARCEL_H

#include "base/buffer.h"

#include <shoplane/types.h>

/* In the buffer: the struct, the record (record_size bytes), the key, then long texts. `size` is all of it, a multiple of 8.
 * A long text of the record is text_long(length << 32 | offset from the record's start): what follows the struct is what the
 * journal keeps (state/segment.h). */
struct entry {
    uint64_t key_hash; /* for the owner's table: key_hash.h */
    int64_t clock_ms; /* what the sender's partitions allow the clock to be, this event included */
    uint32_t size;
    uint32_t key_size;
    uint16_t lane; /* index in the lane set */
    uint16_t record_size;
    uint32_t event; /* the sender's number of it: the same for all records of one event, another one for a copy of it */
};

/* The sender has read partition `partition` up to, not including, `next`. */
struct parcel_offset {
    int32_t partition;
    int64_t next;
};

struct parcel {
    struct buffer entries;
    size_t count;
    struct buffer offsets; /* struct parcel_offset, one a partition that this batch came from */
    uint64_t barrier;      /* of the checkpoint that comes behind it; 0: none */
    bool past;             /* it fills lanes from the topic's past: it says nothing of the clock */
    bool past_end;         /* that is all of the past */
    int64_t clock_ms;   /* the same after the batch's last event; INT64_MIN: not known, INT64_MAX: no limit */
    int64_t largest_ms; /* largest event time the sender has seen; INT64_MIN: none */
    bool end;           /* the sender has no more */
};

static inline void *entry_record(struct entry *entry) { return entry + 1; }
static inline sl_view entry_key(const struct entry *entry)
{
    return (sl_view){(const char *)(entry + 1) + entry->record_size, entry->key_size};
}

#endif
