/* shard.h - the keys that one worker owns: their logs, texts, timers and what is written of them.
 *
 * Two times move a shard. The clock (event time) decides what is in a window, late, or over. Sends (emit intervals, TTL
 * refreshes) go by the clock too where the clock is "event": then everything happens as if the clock stood exactly at the
 * moment it was due, so neither batches nor the number of workers show. Where the clock is "live" sends go by monotonic
 * time, and what is due is written at the end of a batch. Touched by its worker's thread only. */
#ifndef ENGINE_SHARD_H
#define ENGINE_SHARD_H

#include "engine/fold.h"
#include "engine/journal.h"
#include "engine/key_table.h"
#include "engine/ledger.h"
#include "engine/parcel.h"
#include "engine/shadow.h"
#include "engine/wheel.h"
#include "sink/sink.h"

/* Before every time there is: where the clock and the wheels begin. */
#define SHARD_BEGINNING_MS (-((int64_t)1 << 46))

struct shard_counters {
    uint64_t records;    /* inserted */
    uint64_t duplicates; /* of which some took the place of the copy that was there */
    uint64_t late;
    uint64_t rested;     /* came for a bucket that rests already (combining.h), and is not among the late */
    uint64_t folds;
    uint64_t lost;       /* groups that the sink lost and that were owed again */
    uint64_t full_keys;  /* records that belonged to new keys when memory was at its bound */
    uint64_t full_logs;  /* records that went, or were not taken, since their key had as many as it may */
};

/* What a shard knows of a lane beside its keys. */
struct shard_lane {
    struct journal journal;
    bool journaled;
    bool filling; /* its records come in from the journal or the topic's past: until all are there none is late or leaves */
    bool quiet;   /* and nothing of it is written until then */
    bool mending; /* and only since something of its journals was damaged: they are written anew then. What comes from the past is
                     not put in them before: a start from a checkpoint made meanwhile, where perhaps another worker owns the key
                     and sees no damage, would take half of a session for all of it */
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
    int64_t restored_ms; /* where the clock stood when it was restored; SHARD_BEGINNING_MS: it was not, or not known */
    struct slab slab;
    struct texts texts;
    struct key_table *tables; /* one a lane */
    struct shard_lane *lanes; /* the same */
    struct ledger ledger;
    uint8_t filling_since; /* the ledger's mark while lanes fill, since what they would write is not acknowledged; or 0 */
    struct wheel expiry, send;
    struct folder folder;
    struct buffer key; /* of the feature being written */
    struct sink *sink; /* not owned */
    bool sink_away;    /* it was waited for in vain: sink/patience.h */
    bool muted;        /* nothing may be written: the lease is not ours, or the fence not passed. All that is due is owed */
    int64_t *applied;  /* by partition: the shard knows all messages below this offset; NULL: no fence is kept */
    int32_t *unfenced; /* partitions whose `applied` the sink does not know yet */
    size_t unfenced_count;
    bool *listed;      /* by partition: it is among them */
    int64_t fenced_clock_ms; /* the clock that the sink knows of */
    bool ending;          /* the clock is moved by the end of the run: nobody goes on from there */
    size_t memory_max; /* bytes; 0: no bound */
    bool full;            /* memory is near its bound: no new keys */
    int64_t pace_budget, pace_budget_ms; /* live: records that folds of long windows may still take, as of these sends (pace.h) */
    bool over;            /* it is beyond it: known keys get no more records than they have */
    size_t fit_lane, fit_slot; /* where the search for slack goes on */
    struct log_queue touched, owed; /* a log is in one of them at most */
    bool waiting; /* event clock: some of the touched wait for the event, or the moment, to be whole */
    struct shard_counters counters;
    struct shadows shadows; /* what they differ in */
    uint64_t event;         /* that records are being taken of: what all of them have in common of their ids */
    uint32_t event_number;  /* and the sender's number of it: a copy has another one */
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

/* Messages of a partition below `next` are in what comes now. */
void shard_applied(struct shard *shard, int32_t partition, int64_t next);

/* Live: look at all that was touched or is due by `monotonic_ms`. With either clock: write what is owed, as far as the sink
 * is ready. True: nothing is owed any more. */
bool shard_send(struct shard *shard, int64_t monotonic_ms);

/* The final flush: every change that waits for its emit interval becomes due. */
void shard_release(struct shard *shard);

/* The fence is passed: of what waits to be written nobody knows what a former process has written. */
void shard_reread(struct shard *shard);

/* Nobody knows what is in Redis any more: everything live is owed. */
void shard_write_again(struct shard *shard);

/* ---- durable state ---- */

/* Before anything comes: the clock stands here (SHARD_BEGINNING_MS: not known), and every lane fills, quietly. */
void shard_restore(struct shard *shard, int64_t clock_ms);

/* An operation from a journal. `record`: in the lane's shape; its long texts lie where their offsets say behind `texts` (the
 * record's start in the file). NULL for JOURNAL_DROP. `owed`: the sink may not have acknowledged what follows from it. Returns
 * false if the record is too old to count. */
bool shard_restore_operation(struct shard *shard, size_t lane, enum journal_operation operation, uint64_t key_hash, sl_view key,
                             char *record, const char *texts, bool owed);

enum lane_wake {
    WAKE_FILLED,  /* its features are new: written at once */
    WAKE_RESTORED /* Redis has them, if all is well: owed ones are written at once, the others by and by, within `spread_ms`
                     (with the event clock at once) */
};
/* The lane has all it should have: what is too old leaves, and from now on it is as any other. */
void shard_lane_full(struct shard *shard, size_t lane, enum lane_wake wake, int64_t spread_ms);

/* It is not full yet, but what it has is written from now on. */
void shard_lane_loud(struct shard *shard, size_t lane);

/* The checkpoint's cut through this shard: journals are written, cuts[] (one a lane) and the others filled. `owed_ms`: the
 * clock up to which the sink has acknowledged everything; `former_owed`: what was owed when the shard was restored is not yet
 * acknowledged. False: a journal could not be written; *error says why. */
bool shard_cut(struct shard *shard, struct journal_cut *cuts, int64_t *owed_ms, bool *former_owed, struct error *error);

/* How long a record of this lane is of use, from its event time: for rolling windows the longest, for sessions as far as
 * the newest run and what may still join it reach back. */
int64_t lane_keep_ms(const struct set_lane *lane);

/* Bytes of memory in use for keys, logs, records, texts and tables. */
size_t shard_memory(const struct shard *shard);
/* The same without what is kept for later, and with what tables would need to grow: what the bound is compared with. */
size_t shard_memory_needed(const struct shard *shard);
size_t shard_keys(const struct shard *shard);

#endif
