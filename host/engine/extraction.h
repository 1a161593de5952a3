/* extraction.h - one message through every lane that wants it, into the parcels of the keys' owners.
 *
 * All lanes extract before any record is put into a parcel: an event is taken whole, or goes to the dead letters whole.
 * Events of the past, read again to fill some lanes, are extracted by those lanes alone and change nothing else: they were
 * counted, and refused, when they came. */
#ifndef ENGINE_EXTRACTION_H
#define ENGINE_EXTRACTION_H

#include "engine/cost.h"
#include "engine/engine.h"
#include "engine/parcel.h"
#include "engine/watermark.h"

struct staged;

struct extraction {
    const struct engine_settings *settings;
    struct reader *reader;
    struct watermark watermark;
    struct staged *staged; /* records of the current event */
    size_t staged_count, staged_capacity;
    struct buffer own_keys; /* of those whose lanes have keys of their own */
    bool long_key;           /* a lane gave a record of the current event a key that is too long: */
    struct bad_row bad_key;  /* so it is said */
    const struct set_lane *crowded; /* a lane that wanted more records of the current event than one may make; or NULL */
    struct lane_cost *costs; /* one a lane: its extract. The shard has the rest */
    int64_t *next;         /* by partition: offset behind the last message taken, or where its end was told behind that; files: not
                              kept */
    uint32_t sent_events; /* numbers of events whose records were sent */
    uint64_t events, unwanted, unkeyed, bad, odd_amounts;
    uint64_t unstamped; /* messages whose Kafka timestamp can't be one */
};

void extraction_init(struct extraction *extraction, const struct engine_settings *settings, int worker);
void extraction_free(struct extraction *extraction);

/* `parcels`: one a worker, which entries are appended to. */
void extraction_take(struct extraction *extraction, const struct message *message, struct parcel *const *parcels);

/* A message of the past, for the lanes whose bit is set. */
void extraction_take_past(struct extraction *extraction, const struct message *message, uint64_t lanes,
                          struct parcel *const *parcels);

#endif
