/* engine.h - the workers between a source and the sinks.
 *
 * A worker is one thread: it reads and extracts its partitions (or its share of a file's batches), and owns its keys.
 * Workers meet in bounded rings of parcels only; a full ring makes the sender work on what it has received until there is
 * room. The features do not depend on how many there are. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/error.h"
#include "ingest/source.h"
#include "plugin/lane_set.h"
#include "sink/dead_letters.h"
#include "sink/sink.h"
#include "snowplow/bad_row.h"

struct engine;

struct engine_settings {
    const struct lane_set *set;
    struct source *source;
    struct dead_letters *letters;
    int workers;
    enum clock_kind clock;
    int64_t disorder_ms, idle_ms, future_ms, max_message_bytes;
    bool to_end;      /* the end of the input is the end of the run: always so for files */
    int64_t until_ms; /* move the clock here at the end of the input; INT64_MIN: no further than the largest event time */
    int64_t drain_ms; /* how long the sink may take without any progress, at the end, before the rest is given up */
    /* Makes the sink of one worker; called once a worker, before it starts. */
    struct sink *(*open_sink)(void *context, sink_settled *settled, void *settled_context);
    void *sink_context;
};

struct engine_counters {
    uint64_t messages, bytes; /* read */
    uint64_t events;          /* readable, dead letters not among them */
    uint64_t unwanted;        /* of these: no lane wants their name */
    uint64_t unkeyed;         /* of these: a lane wanted it, but it had no such key */
    uint64_t bad;             /* dead letters */
    uint64_t records, duplicates, late, folds, lost;
    uint64_t keys;            /* logs now: one a key and lane */
    uint64_t memory;          /* bytes in use for them */
    struct sink_counters sink;
    int64_t clock_ms;         /* the furthest of the workers' clocks; INT64_MIN: nothing read yet */
    uint64_t unsent;          /* given up at the end: keys whose values the sink did not take */
};

/* Start the workers. */
struct engine *engine_start(const struct engine_settings *settings);

/* As of now; callable while it runs. */
void engine_count(struct engine *engine, struct engine_counters *counters);

/* True once every worker has ended; waits up to timeout_ms for that. */
bool engine_wait(struct engine *engine, int timeout_ms);

/* Wait for the workers, then free all. Stop the source first if it does not end by itself. */
void engine_free(struct engine *engine);

#endif
