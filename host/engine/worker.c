/* worker.c - see worker.h.
 *
 * The loop never waits for another worker: whoever can't deliver works on what it has received instead. That ends, since the
 * parcels of the oldest batch that is still under way can always be taken by their owners. */
#include "engine/worker.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"
#include "sink/patience.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How long to wait for messages when there is nothing else to do; the most that idleness can add to freshness. */
#define IDLE_MS 5
/* How often others hear of our clock while we have no events for them. */
#define TELL_MS 20

void worker_init(struct worker *worker, const struct engine_settings *settings, struct worker *all, int index)
{
    memset(worker, 0, sizeof *worker);
    size_t workers = (size_t)settings->workers;
    worker->settings = settings;
    worker->all = all;
    worker->index = index;
    (void)pthread_mutex_init(&worker->lock, NULL);
    extraction_init(&worker->extraction, settings, index);
    shard_init(&worker->shard, settings->set, settings->clock == CLOCK_EVENT, time_monotonic_ms());
    worker->sink = settings->open_sink(settings->sink_context, shard_settled, &worker->shard);
    worker->shard.sink = worker->sink;
    size_t rings = workers * sizeof(struct ring);
    worker->inbox = aligned_alloc(64, rings);
    worker->returns = aligned_alloc(64, rings);
    assert(worker->inbox != NULL && worker->returns != NULL);
    memset(worker->inbox, 0, rings);
    memset(worker->returns, 0, rings);
    worker->outgoing = memory_new(workers * sizeof(struct parcel *));
    worker->sender_clock = memory_new(workers * sizeof(int64_t));
    worker->sender_ended = memory_new(workers * sizeof(bool));
    for (size_t i = 0; i < workers; i++)
        worker->sender_clock[i] =
            settings->source->ordered || (int32_t)i < settings->source->partitions ? WATERMARK_UNKNOWN : WATERMARK_NO_LIMIT;
    worker->largest_ms = INT64_MIN;
    worker->seen.clock_ms = INT64_MIN;
}

static void parcel_free(struct parcel *parcel)
{
    if (parcel != NULL)
        buffer_free(&parcel->entries);
    free(parcel);
}

void worker_free(struct worker *worker)
{
    for (int i = 0; i < worker->settings->workers; i++) {
        parcel_free(worker->outgoing[i]);
        for (struct parcel *parcel; (parcel = ring_take(&worker->inbox[i])) != NULL;)
            parcel_free(parcel);
        for (struct parcel *parcel; (parcel = ring_take(&worker->returns[i])) != NULL;)
            parcel_free(parcel);
    }
    sink_free(worker->sink);
    shard_free(&worker->shard);
    extraction_free(&worker->extraction);
    free(worker->inbox);
    free(worker->returns);
    free(worker->outgoing);
    free(worker->sender_clock);
    free(worker->sender_ended);
    (void)pthread_mutex_destroy(&worker->lock);
}

/* ---- parcels in ---- */

/* What all senders but this one allow, those too that have ended: a worker that was stopped has not read all there is. */
static int64_t limit_without(const struct worker *worker, int sender)
{
    int64_t limit = WATERMARK_NO_LIMIT;
    for (int i = 0; i < worker->settings->workers; i++)
        if (i != sender && worker->sender_clock[i] < limit)
            limit = worker->sender_clock[i];
    return limit;
}

static void receive(struct worker *worker, int sender, struct parcel *parcel)
{
    bool ordered = worker->settings->source->ordered;
    if (parcel->largest_ms > worker->largest_ms)
        worker->largest_ms = parcel->largest_ms;
    if (parcel->end) {
        worker->sender_ended[sender] = true;
        worker->senders_ended++;
    }
    worker->sender_clock[sender] = parcel->clock_ms; /* less than before if a partition that was dry has data again */
    int64_t limit = ordered ? WATERMARK_NO_LIMIT : limit_without(worker, sender);
    /* Where nobody limits it, the clock stays where the events brought it. */
    if (parcel->clock_ms == WATERMARK_NO_LIMIT && limit == WATERMARK_NO_LIMIT)
        parcel->clock_ms = WATERMARK_UNKNOWN;
    shard_apply(&worker->shard, parcel, limit);
    buffer_reset(&parcel->entries);
    parcel->count = 0;
    if (!ring_put(&worker->all[sender].returns[worker->index], parcel))
        parcel_free(parcel);
}

static bool receive_all(struct worker *worker)
{
    bool any = false;
    int workers = worker->settings->workers;
    if (worker->settings->source->ordered) {
        while (worker->senders_ended < workers) {
            int sender = (int)(worker->expected % (uint64_t)workers);
            struct parcel *parcel = worker->sender_ended[sender] ? NULL : ring_take(&worker->inbox[sender]);
            if (parcel == NULL && !worker->sender_ended[sender])
                break;
            worker->expected++;
            if (parcel == NULL)
                continue;
            receive(worker, sender, parcel);
            any = true;
        }
        return any;
    }
    for (int sender = 0; sender < workers; sender++)
        for (struct parcel *parcel; (parcel = ring_take(&worker->inbox[sender])) != NULL; any = true)
            receive(worker, sender, parcel);
    return any;
}

/* ---- parcels out ---- */

static void make_parcels(struct worker *worker)
{
    for (int i = 0; i < worker->settings->workers; i++) {
        struct parcel *parcel = ring_take(&worker->returns[i]);
        if (parcel == NULL)
            parcel = memory_new(sizeof *parcel);
        worker->outgoing[i] = parcel;
    }
    worker->outgoing_any = true;
}

/* State our clock in what goes out next. */
static void close_parcels(struct worker *worker, bool end)
{
    for (int i = 0; i < worker->settings->workers; i++) {
        worker->outgoing[i]->clock_ms = watermark_now(&worker->extraction.watermark);
        worker->outgoing[i]->largest_ms = worker->extraction.watermark.largest_ms;
        worker->outgoing[i]->end = end;
    }
}

/* True: everything is delivered. */
static bool deliver(struct worker *worker)
{
    if (!worker->outgoing_any)
        return true;
    bool all = true;
    for (int i = 0; i < worker->settings->workers; i++) {
        if (worker->outgoing[i] == NULL)
            continue;
        if (ring_put(&worker->all[i].inbox[worker->index], worker->outgoing[i]))
            worker->outgoing[i] = NULL;
        else
            all = false;
    }
    worker->outgoing_any = !all;
    return all;
}

/* ---- a batch ---- */

/* `all_read`: our partitions were read to their end, and hold nobody back any more; else we were stopped. */
static void end_input(struct worker *worker, bool all_read)
{
    make_parcels(worker);
    close_parcels(worker, true);
    for (int i = 0; i < worker->settings->workers && all_read; i++)
        worker->outgoing[i]->clock_ms = WATERMARK_NO_LIMIT;
    worker->input_ended = true;
}

/* No events for now: others must still hear of our clock. */
static void tell(struct worker *worker)
{
    int64_t now = time_monotonic_ms();
    if (worker->settings->source->ordered || now - worker->told_ms < TELL_MS)
        return;
    worker->told_ms = now;
    watermark_refresh(&worker->extraction.watermark, time_wall_ms());
    make_parcels(worker);
    close_parcels(worker, false);
}

/* True: there was something. */
static bool read_batch(struct worker *worker, int timeout_ms)
{
    struct source *source = worker->settings->source;
    struct batch batch;
    /* Before the batch is taken: a partition that ends with it still has what is in it to give. */
    if (!source->ordered)
        watermark_refresh(&worker->extraction.watermark, time_wall_ms());
    switch (source_take(source, worker->index, timeout_ms, &batch)) {
    case TAKE_END: end_input(worker, false); return true;
    case TAKE_WAIT:
        if (worker->settings->to_end && !source->ordered && watermark_at_end(&worker->extraction.watermark))
            end_input(worker, true);
        else
            tell(worker);
        return false;
    default: break;
    }
    make_parcels(worker);
    uint64_t bytes = 0;
    for (size_t i = 0; i < batch.count; i++) {
        bytes += batch.messages[i].bytes.size;
        extraction_take(&worker->extraction, &batch.messages[i], worker->outgoing);
    }
    close_parcels(worker, false);
    worker->told_ms = source->ordered ? 0 : time_monotonic_ms();
    (void)atomic_fetch_add_explicit(&worker->messages, batch.count, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&worker->bytes, bytes, memory_order_relaxed);
    source_give_back(source, &batch);
    return true;
}

/* ---- sends ---- */

static void publish_counters(struct worker *worker)
{
    const struct extraction *extraction = &worker->extraction;
    const struct shard *shard = &worker->shard;
    struct engine_counters seen = {
        .messages = atomic_load_explicit(&worker->messages, memory_order_relaxed),
        .bytes = atomic_load_explicit(&worker->bytes, memory_order_relaxed),
        .events = extraction->events,
        .unwanted = extraction->unwanted,
        .unkeyed = extraction->unkeyed,
        .bad = extraction->bad,
        .records = shard->counters.records,
        .duplicates = shard->counters.duplicates,
        .late = shard->counters.late,
        .folds = shard->counters.folds,
        .lost = shard->counters.lost,
        .keys = shard_keys(shard),
        .memory = shard_memory(shard),
        .sink = worker->sink->counters,
        .clock_ms = shard->clock_ms == SHARD_BEGINNING_MS ? INT64_MIN : shard->clock_ms,
        .unsent = shard->owed.count,
    };
    (void)pthread_mutex_lock(&worker->lock);
    worker->seen = seen;
    (void)pthread_mutex_unlock(&worker->lock);
}

/* Write what is due. False: something is owed. */
static bool send(struct worker *worker)
{
    bool live = worker->settings->clock == CLOCK_LIVE;
    if (worker->sink->counters.replaced != worker->replaced) {
        worker->replaced = worker->sink->counters.replaced;
        shard_write_again(&worker->shard);
    }
    bool all = shard_send(&worker->shard, live ? time_monotonic_ms() : 0);
    sink_flush(worker->sink);
    (void)sink_poll(worker->sink, 0);
    return all;
}

/* The end: the last clock, all changes, and every acknowledgement. */
static void finish(struct worker *worker)
{
    struct shard *shard = &worker->shard;
    bool by_events = worker->settings->to_end || worker->settings->source->ordered;
    if (by_events && worker->largest_ms != INT64_MIN)
        shard_advance(shard, worker->largest_ms);
    if (by_events && worker->settings->until_ms != INT64_MIN)
        shard_advance(shard, worker->settings->until_ms);
    shard_release(shard);
    int64_t progress_ms = time_monotonic_ms();
    const struct sink_counters *counters = &worker->sink->counters;
    uint64_t taken = 0; /* groups; those that failed come again */
    size_t waiting = 0;
    for (;;) {
        bool sent = send(worker);
        if (sink_poll(worker->sink, 20) && sent && shard->owed.count == 0)
            break;
        if (counters->groups - counters->failed_groups != taken || shard->owed.count != waiting) {
            taken = counters->groups - counters->failed_groups;
            waiting = shard->owed.count;
            progress_ms = time_monotonic_ms();
        } else if (time_monotonic_ms() - progress_ms > worker->settings->drain_ms) {
            break;
        }
    }
}

void *worker_run(void *argument)
{
    struct worker *worker = argument;
    uint64_t rounds = 0;
    while (worker->senders_ended < worker->settings->workers || worker->outgoing_any) {
        bool busy = receive_all(worker);
        uint64_t failed = worker->sink->counters.failed_groups;
        bool sent = send(worker);
        bool delivered = deliver(worker);
        if (delivered && !worker->input_ended) {
            /* One that is only full gets a moment before more is read; one that is away does not hold the stream up. */
            bool away = !sink_patient(worker->sink, &worker->shard.sink_away);
            /* What is owed goes on at once if the sink only was full; if it is away or fails, hurry would be of no use. */
            bool more = !sent && !away && worker->sink->counters.failed_groups == failed;
            busy = read_batch(worker, busy || more ? 0 : IDLE_MS) || busy;
            (void)deliver(worker);
        } else if (!busy) {
            (void)sink_poll(worker->sink, 1);
            if (sink_descriptor(worker->sink, &(bool){false}) < 0)
                (void)sched_yield();
        }
        if (!busy || ++rounds % 16 == 0)
            publish_counters(worker);
    }
    finish(worker);
    publish_counters(worker);
    atomic_store(&worker->ended, true);
    return NULL;
}
