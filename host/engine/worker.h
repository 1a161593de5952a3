/* worker.h - one thread: a batch in, parcels out to the owners of the keys, parcels in from all workers, sends.
 *
 * Where the source is ordered (files), parcels are taken in the order of the batches, whoever made them; so all owners see
 * the stream in one order and the clock moves the same for each. */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include "base/ring.h"
#include "engine/engine.h"
#include "engine/extraction.h"
#include "engine/shard.h"

#include <pthread.h>

struct worker {
    const struct engine_settings *settings;
    int index;
    struct worker *all; /* every worker, by index */
    pthread_t thread;
    bool joined;
    atomic_bool ended;

    struct extraction extraction;
    struct shard shard;
    struct sink *sink;
    uint64_t replaced; /* of the sink's servers, after which all was written again */

    struct ring *inbox;       /* one a sender: parcels to apply */
    struct ring *returns;     /* one a receiver: parcels of ours that were applied, to be used again */
    struct parcel **outgoing; /* one a receiver: made by the last batch, NULL once delivered */
    bool outgoing_any;

    int64_t *sender_clock; /* one a sender: what it last allowed */
    bool *sender_ended;
    int senders_ended;
    uint64_t expected;     /* ordered: the batch whose parcel comes next */
    bool input_ended;      /* the source gave us its end, and we have said so */
    int64_t largest_ms;    /* of all senders' events */
    int64_t told_ms;       /* monotonic: when the others last heard of our clock */

    /* Read by others while it runs. */
    _Atomic uint64_t messages, bytes;
    struct engine_counters seen; /* the rest, copied now and then under the lock */
    pthread_mutex_t lock;
};

void worker_init(struct worker *worker, const struct engine_settings *settings, struct worker *all, int index);
void *worker_run(void *worker);
void worker_free(struct worker *worker);

#endif
