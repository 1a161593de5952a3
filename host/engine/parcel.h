/* parcel.h - records on their way from the worker that extracted them to the worker that owns their keys.
 *
 * One batch of messages makes one parcel for each worker, an empty one too: it still carries the clock. A parcel is one
 * buffer of entries; texts travel by value inside their entry. Who takes it frees it. */
#ifndef ENGINE_PARCEL_H
#define ENGINE_PARCEL_H

#include "base/buffer.h"

#include <shoplane/types.h>

/* In the buffer: the struct, the record (record_size bytes), the key, then long texts. `size` is all of it, a multiple of 8.
 * A long text of the record is text_long(length << 32 | offset from the entry's start). */
struct entry {
    uint64_t key_hash;
    int64_t clock_ms; /* what the sender's partitions allow the clock to be, this event included */
    uint32_t size;
    uint32_t key_size;
    uint16_t lane; /* index in the lane set */
    uint16_t record_size;
    uint32_t reserved;
};

struct parcel {
    struct buffer entries;
    size_t count;
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
