/* shard.h - the keys that one worker owns: their logs, texts, timers and what is written of them.
 *
 * Two times move a shard. The clock (event time) decides what is in a window, late, or over. Sends (emit intervals, TTL
 * refreshes) go by the clock too where the clock is "event": then everything happens as if the clock stood exactly at the
 * moment it was due, so neither batches nor the number of workers show. Where the clock is "live" sends go by monotonic
 * time, and what is due is written at the end of a batch. Touched by its worker's thread only. */
#ifndef ENGINE_SHARD_H
#define ENGINE_SHARD_H

#include "engine/fold.h"
#include "engine/key_table.h"
#include "engine/parcel.h"
#include "engine/wheel.h"
#include "sink/sink.h"

/* Before every time there is: where the clock and the wheels begin. */
#define SHARD_BEGINNING_MS (-((int64_t)1 << 46))

struct shard_counters {
    uint64_t records;    /* inserted */
    uint64_t duplicates; /* of which some took the place of the copy that was there */
    uint64_t late;
    uint64_t folds;
    uint64_t lost;       /* groups that the sink lost and that were owed again */
};

/* Logs that wait for something, first come first served. */
struct log_queue {
    struct log **logs; /* from `first` on */
    size_t first, count, capacity;
};
enum log_queue_kind {
    QUEUE_NONE,
    QUEUE_TOUCHED, /* to be looked at when the batch is through */
    QUEUE_OWED     /* something of it was due when the sink could not take it */
};

struct shard {
    const struct lane_set *set;
    bool event_clock;
    int64_t clock_ms; /* SHARD_BEGINNING_MS: nothing was read yet */
    int64_t send_ms;  /* the clock, or monotonic time */
    struct slab slab;
    struct texts texts;
    struct key_table *tables; /* one a lane */
    struct wheel expiry, send;
    struct folder folder;
    struct buffer key; /* of the feature being written */
    struct sink *sink; /* not owned */
    bool sink_away;    /* it was waited for in vain: sink/patience.h */
    struct log_queue touched, owed; /* a log is in one of them at most */
    struct shard_counters counters;
};

/* `sink` must have been made with shard_settled and this shard as its context. */
void shard_init(struct shard *shard, const struct lane_set *set, bool event_clock, int64_t monotonic_ms);
void shard_free(struct shard *shard);
void shard_settled(void *shard, void *token, bool ok);

/* Take the records of a parcel, in its order, moving the clock with each to what it carries, but never beyond `limit_ms`
 * (what other senders allow). */
void shard_apply(struct shard *shard, struct parcel *parcel, int64_t limit_ms);

/* Move the clock (never back): what leaves its window, or is over, does. With the event clock, sends that are due are
 * written at their time. */
void shard_advance(struct shard *shard, int64_t clock_ms);

/* Live: look at all that was touched or is due by `monotonic_ms`. With either clock: write what is owed, as far as the sink
 * is ready. True: nothing is owed any more. */
bool shard_send(struct shard *shard, int64_t monotonic_ms);

/* The final flush: every change that waits for its emit interval becomes due. */
void shard_release(struct shard *shard);

/* Nobody knows what is in Redis any more: everything live is owed. */
void shard_write_again(struct shard *shard);

/* Bytes of memory in use for keys, logs, records, texts and tables. */
size_t shard_memory(const struct shard *shard);
size_t shard_keys(const struct shard *shard);

#endif
