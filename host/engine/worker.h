/* worker.h - one thread: a batch in, parcels out to the owners of the keys, parcels in from all workers, sends.
 *
 * Where the source is ordered (files), parcels are taken in the order of the batches, whoever made them; so all owners see
 * the stream in one order and the clock moves the same for each. */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include "base/ring.h"
#include "engine/engine.h"
#include "engine/extraction.h"
#include "engine/filling_mark.h"
#include "engine/question.h"
#include "engine/shard.h"

#include <pthread.h>

/* What a checkpoint takes from a worker. Written by it, read by the checkpoint's thread once `cut_done` says so. */
struct worker_cut {
    int64_t clock_ms, owed_ms;
    bool former_owed;          /* something of what former starts left is still owed */
    struct journal_cut *lanes; /* one a lane */
    bool complete;
    struct error error;        /* where it is not */
};

/* How reading the journals went, once `restored` says that it is over. */
struct worker_restore {
    uint64_t damaged;       /* bits of the lanes of which something could not be read */
    struct error damage;    /* the first */
    _Atomic uint64_t records, bytes, bytes_all;
};

#define CUT_LAST UINT64_MAX /* the number of the cut that a worker makes at its end */

struct worker {
    const struct engine_settings *settings;
    int index;
    struct worker *all; /* every worker, by index */
    pthread_t thread;
    atomic_bool ended;
    atomic_bool hurry; /* engine_hurry() */

    struct extraction extraction;
    struct shard shard;
    struct sink *sink;
    uint64_t replaced; /* of the sink's servers, after which all was written again */

    struct ring *inbox;       /* one a sender: parcels to apply */
    struct ring *returns;     /* one a receiver: parcels of ours that were applied, to be used again */
    struct parcel **outgoing; /* one a receiver: made by the last batch, NULL once delivered */
    bool outgoing_any;

    int64_t *sender_clock; /* one a sender: what it last allowed */
    bool *sender_heard;    /* it has said what it allows */
    bool *sender_ended;
    int senders_ended;
    uint64_t expected;     /* ordered: the batch whose parcel comes next */
    bool input_ended;      /* the source gave us its end, and we have said so */
    bool cut_short;        /* it was stopped: there may be more */
    int64_t largest_ms;    /* of all senders' events */
    int64_t told_ms;       /* monotonic: when the others last heard of our clock */

    /* Checkpoints: a barrier is sent where the checkpoint's thread wants one, and the cut is made where one has come from
     * every sender. */
    _Atomic uint64_t barrier_wanted, barrier_sent;
    int64_t *barrier_next, *barrier_largest; /* by partition, of ours: where we stood when it was sent */
    uint64_t *sender_barrier;                /* the last that came from each */
    uint64_t barrier_cut;                    /* the last that was cut */
    _Atomic uint64_t cut_done, cut_taken; /* made; and read: until then the next one waits */
    struct worker_cut cut;
    atomic_bool reading_ended;               /* extraction.next and the watermark change no more */
    int64_t *told_next;                      /* by partition: what was last sent along as parcel_offset */
    _Atomic int64_t *forget_ms;              /* by lane: segments of ours before this are not needed */

    atomic_bool restored;
    struct worker_restore restore;
    bool fence_passed;
    int64_t offsets_passed_ms;               /* monotonic: when the offsets of the fence were; 0: not yet */
    int64_t held_ms;                         /* time_boot_ms(): when we first saw the lease held; 0: not yet */
    atomic_bool writing;                     /* nothing mutes us, for figures */

    /* Filling lanes from the past: all workers read their partitions of it. */
    struct source *_Atomic past;             /* given by the checkpoint's thread */
    _Atomic uint64_t past_lanes;
    bool past_read;                          /* ours is read */
    int past_ended;                          /* senders who have said so */
    atomic_bool past_done;                   /* all senders have: its lanes are full here */
    struct filling_mark mark;                /* the first worker's */
    atomic_bool marks_stand;                 /* the same */
    int64_t quarantine_marked_ms;            /* the same: when it was said last */
    atomic_bool may_end;                     /* nothing is to be filled (any more): the end of the topic may be the end */

    struct question_box questions; /* of others, about our keys */

    /* Read by others while it runs. */
    _Atomic uint64_t messages, bytes;
    struct engine_counters seen; /* the rest, copied now and then under the lock */
    pthread_mutex_t lock;
};

void worker_init(struct worker *worker, const struct engine_settings *settings, struct worker *all, int index);
void *worker_run(void *worker);
void worker_free(struct worker *worker);

#endif
