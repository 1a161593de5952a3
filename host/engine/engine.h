/* engine.h - the workers between a source and the sinks.
 *
 * A worker is one thread: it reads and extracts its partitions (or its share of a file's batches), and owns its keys.
 * Workers meet in bounded rings of parcels only; a full ring makes the sender work on what it has received until there is
 * room. The features do not depend on how many there are. */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/error.h"
#include "engine/state_plan.h"
#include "ingest/source.h"
#include "plugin/lane_set.h"
#include "sink/dead_letters.h"
#include "sink/sink.h"
#include "snowplow/bad_row.h"

struct believed_time;
struct engine;
struct lease;

/* A plugin that is not called: engine/quarantine_mark.h. */
struct quarantined_plugin {
    const char *name, *why;
};

struct engine_settings {
    const struct lane_set *set;
    struct source *source;
    struct dead_letters *letters;
    int workers;
    enum clock_kind clock;
    int64_t disorder_ms, idle_ms, future_ms, max_message_bytes;
    struct believed_time *time; /* the engine's own: engine_start() sets it */
    bool made_up;     /* the events are a test's: amounts that are none are meant so, and not said */
    bool to_end;      /* the end of the input is the end of the run: always so for files */
    int64_t until_ms; /* move the clock here at the end of the input; INT64_MIN: no further than the largest event time */
    int64_t drain_ms; /* how long the sink may take without any progress, at the end, before the rest is given up */
    /* Makes the sink of one worker; called once a worker, in their order, before they start. */
    struct sink *(*open_sink)(void *context, int worker, sink_settled *settled, void *settled_context);
    void *sink_context;
    struct limit_settings limits; /* zeroed: none */

    /* Durable state and one owner: see checkpoint.h, sink/lease.h. NULL: none. */
    struct state_plan *state;
    struct lease *lease; /* nothing is written before it is held and its fence is passed */
    /* A part of the topic's past (kafka_past_new), to fill lanes; called by a thread of the engine's. */
    struct source *(*open_past)(void *context, int64_t from_ms, const int64_t *from, const int64_t *to, int32_t partitions,
                                int64_t *short_ms, struct error *error);
    void *past_context;
    const struct kafka_settings *kafka; /* for it */
    const struct quarantined_plugin *quarantined;
    size_t quarantined_count;
};

struct engine_counters {
    uint64_t messages, bytes; /* read */
    uint64_t events;          /* readable, dead letters not among them */
    uint64_t unwanted;        /* of these: no lane wants their name */
    uint64_t unkeyed;         /* of these: a lane wanted it, but it had no such key */
    uint64_t bad;             /* dead letters */
    uint64_t odd_amounts;     /* of the events: one where something asked for as money is none, and so missing */
    uint64_t ahead;           /* events ahead of their message by more than the disorder; they did not move the clock so far */
    uint64_t unstamped;       /* messages whose Kafka timestamp can't be one */
    int64_t wall_ahead_ms;    /* of the time that is believed, by the wall clock; below 0: it is behind */
    uint64_t records, duplicates, late, folds, lost;
    uint64_t rested;          /* records for a bucket that rests already; not among the late */
    uint64_t not_finite;      /* features that a parser made of a number that is not finite: absent */
    uint64_t keys;            /* logs now: one a key and lane */
    uint64_t memory;          /* bytes in use for them */
    struct sink_counters sink;
    int64_t clock_ms;         /* the furthest of the workers' clocks; INT64_MIN: nothing read yet */
    uint64_t unsent;          /* given up at the end: keys whose values the sink did not take */
    uint64_t full_keys, full_logs; /* records refused: memory at its bound; a key that has as many as it may */
    uint64_t barred;          /* folds left out: of a key that their plugin crashed at twice */
    uint64_t shadow_compared, shadow_differ; /* features of shadows, each time: engine/shadow.h */
    uint64_t checkpoints, failed_checkpoints;
    int64_t checkpoint_ms;    /* wall clock of the last good one; 0: none yet */
    int64_t checkpoint_took_ms; /* from asking the workers to the manifest's being in place */
    bool at_end;              /* every partition was read to its end when its worker looked last */
    bool restored;            /* state was read; features are as fresh as the stream is */
    uint64_t restored_records, restore_bytes_done, restore_bytes;
    bool writing;             /* the lease is held and the fence passed (or there are none) */
    uint64_t filling;         /* bits of the lanes that are being filled */
    uint64_t fill_done, fill_total; /* messages */
};

/* Start the workers. */
struct engine *engine_start(const struct engine_settings *settings);

/* As of now; callable while it runs. */
void engine_count(struct engine *engine, struct engine_counters *counters);

/* True once every worker has ended; waits up to timeout_ms for that. */
bool engine_wait(struct engine *engine, int timeout_ms);

/* True: it stopped by itself because of this error (state that can't be used). Once it has ended. */
bool engine_error(struct engine *engine, struct error *error);

/* The end that comes is for a restart: the sink gets only a moment for what is under way, and nothing more is given to it; what
 * is owed is in the state. Before source_stop(). Thread-safe. */
void engine_hurry(struct engine *engine);

/* Has another process gone on from our state? Then nothing that we write or keep counts any more. */
bool engine_overtaken(struct engine *engine);

/* Make a checkpoint now, and wait until it is made or has failed. */
bool engine_checkpoint(struct engine *engine);

/* Wait for the workers, make the last checkpoint. True: all is kept (or there is no state to keep). */
bool engine_finish(struct engine *engine);

/* Wait for the workers, then free all. Stop the source first if it does not end by itself. */
void engine_free(struct engine *engine);

#endif
