/* worker.c - see worker.h.
 *
 * The loop never waits for another worker: whoever can't deliver works on what it has received instead. That ends, since the
 * parcels of the oldest batch that is still under way can always be taken by their owners. */
#include "engine/worker.h"

#include "base/memory.h"
#include "base/signal_stack.h"
#include "base/time.h"
#include "engine/barrier.h"
#include "engine/permission.h"
#include "engine/quarantine_mark.h"
#include "engine/restore.h"
#include "sink/patience.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long to wait for messages when there is nothing else to do; the most that idleness can add to freshness. */
#define IDLE_MS 5
/* How often others hear of our clock while we have no events for them. */
#define TELL_MS 20
/* How long the sink may take for what is under way, when a restart waits. */
#define HURRY_MS 200

/* What checkpoints, the fence and filling need. */
static void init_state(struct worker *worker)
{
    const struct engine_settings *settings = worker->settings;
    struct shard *shard = &worker->shard;
    size_t partitions = (size_t)settings->source->partitions + 1, lanes = settings->set->lane_count + 1;
    worker->barrier_next = memory_new(partitions * sizeof(int64_t));
    worker->barrier_largest = memory_new(partitions * sizeof(int64_t));
    worker->told_next = memory_new(partitions * sizeof(int64_t));
    worker->sender_barrier = memory_new((size_t)settings->workers * sizeof(uint64_t));
    worker->forget_ms = memory_new(lanes * sizeof *worker->forget_ms);
    worker->cut.lanes = memory_new(lanes * sizeof *worker->cut.lanes);
    for (size_t i = 0; i < lanes; i++)
        atomic_init(&worker->forget_ms[i], INT64_MIN);
    for (int32_t p = 0; p < settings->source->partitions; p++)
        worker->told_next[p] = worker->extraction.next[p];
    if (settings->lease != NULL) {
        shard->applied = memory_new(partitions * sizeof *shard->applied);
        shard->unfenced = memory_new(partitions * sizeof *shard->unfenced);
        shard->listed = memory_new(partitions * sizeof *shard->listed);
        memcpy(shard->applied, worker->extraction.next, (size_t)settings->source->partitions * sizeof *shard->applied);
    }
    worker->fence_passed = settings->lease == NULL;
    shard->muted = settings->lease != NULL; /* from the first moment: moving on to the checkpoint's clock writes */
    atomic_init(&worker->restored, settings->state == NULL);
    atomic_init(&worker->may_end, settings->state == NULL);
    if (settings->state == NULL)
        return;
    for (size_t i = 0; i < settings->set->lane_count; i++) {
        const struct set_lane *lane = &settings->set->lanes[i];
        const struct journal_settings journal = {.folder = settings->state->folder->journal,
                                                 .lane = lane->name,
                                                 .generation = settings->state->generation,
                                                 .worker = (uint32_t)worker->index,
                                                 .workers = (uint32_t)settings->workers,
                                                 .schema = &settings->state->lanes[i].schema,
                                                 .keep_ms = lane_keep_ms(lane),
                                                 .held = settings->state->held};
        journal_init(&shard->lanes[i].journal, &journal);
        shard->lanes[i].journaled = true;
    }
}

static void free_state(struct worker *worker)
{
    free(worker->barrier_next);
    free(worker->barrier_largest);
    free(worker->told_next);
    free(worker->sender_barrier);
    free(worker->forget_ms);
    for (size_t i = 0; i < worker->settings->set->lane_count; i++)
        journal_cut_free(&worker->cut.lanes[i]);
    free(worker->cut.lanes);
    free(worker->shard.applied);
    free(worker->shard.unfenced);
    free(worker->shard.listed);
}

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
    worker->sink = settings->open_sink(settings->sink_context, index, shard_settled, &worker->shard);
    worker->shard.sink = worker->sink;
    worker->shard.memory_max = (size_t)(settings->limits.memory_bytes / settings->workers);
    if (worker->shard.memory_max == 0 || worker->shard.memory_max > SLAB_MOST)
        worker->shard.memory_max = SLAB_MOST;
    size_t rings = workers * sizeof(struct ring);
    worker->inbox = aligned_alloc(64, rings);
    worker->returns = aligned_alloc(64, rings);
    assert(worker->inbox != NULL && worker->returns != NULL);
    memset(worker->inbox, 0, rings);
    memset(worker->returns, 0, rings);
    worker->outgoing = memory_new(workers * sizeof(struct parcel *));
    worker->sender_clock = memory_new(workers * sizeof(int64_t));
    worker->sender_heard = memory_new(workers * sizeof(bool));
    worker->sender_ended = memory_new(workers * sizeof(bool));
    for (size_t i = 0; i < workers; i++)
        worker->sender_clock[i] =
            settings->source->ordered || (int32_t)i < settings->source->partitions ? WATERMARK_UNKNOWN : WATERMARK_NO_LIMIT;
    init_state(worker);
    question_box_init(&worker->questions);
    worker->largest_ms = INT64_MIN;
    worker->seen.clock_ms = INT64_MIN;
}

static void parcel_free(struct parcel *parcel)
{
    if (parcel != NULL)
        buffer_free(&parcel->entries), buffer_free(&parcel->offsets);
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
    free_state(worker);
    shard_free(&worker->shard);
    extraction_free(&worker->extraction);
    free(worker->inbox);
    free(worker->returns);
    free(worker->outgoing);
    free(worker->sender_clock);
    free(worker->sender_heard);
    free(worker->sender_ended);
    question_box_free(&worker->questions);
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

static void give_parcel_back(struct worker *worker, int sender, struct parcel *parcel)
{
    buffer_reset(&parcel->entries);
    parcel->count = 0;
    if (!ring_put(&worker->all[sender].returns[worker->index], parcel))
        parcel_free(parcel);
}

/* A sender has no more of the past; with the last one the lanes that were filled are full. */
static void end_past(struct worker *worker)
{
    if (++worker->past_ended < worker->settings->workers)
        return;
    uint64_t lanes = atomic_load(&worker->past_lanes);
    for (size_t i = 0; i < worker->settings->set->lane_count; i++)
        if ((lanes >> i & 1u) != 0 && worker->shard.lanes[i].filling)
            shard_lane_full(&worker->shard, i, WAKE_FILLED, 0);
    atomic_store(&worker->past_done, true);
}

static void receive_past(struct worker *worker, int sender, struct parcel *parcel)
{
    shard_apply(&worker->shard, parcel, WATERMARK_UNKNOWN);
    if (parcel->past_end)
        end_past(worker);
    give_parcel_back(worker, sender, parcel);
}

static void note_offsets(struct worker *worker, const struct parcel *parcel)
{
    const struct parcel_offset *offsets = (const void *)parcel->offsets.data;
    for (size_t i = 0; i < parcel->offsets.size / sizeof *offsets; i++)
        shard_applied(&worker->shard, offsets[i].partition, offsets[i].next);
}

static void receive(struct worker *worker, int sender, struct parcel *parcel)
{
    if (parcel->past) {
        receive_past(worker, sender, parcel);
        return;
    }
    bool ordered = worker->settings->source->ordered;
    if (parcel->barrier != 0)
        worker->sender_barrier[sender] = parcel->barrier;
    note_offsets(worker, parcel);
    if (parcel->largest_ms > worker->largest_ms)
        worker->largest_ms = parcel->largest_ms;
    if (parcel->end) {
        worker->sender_ended[sender] = true;
        worker->senders_ended++;
    }
    worker->sender_heard[sender] = true;
    worker->sender_clock[sender] = parcel->clock_ms; /* less than before if a partition that was dry has data again */
    int64_t limit = ordered ? WATERMARK_NO_LIMIT : limit_without(worker, sender);
    /* Where nobody limits it, the clock stays where the events brought it. */
    if (parcel->clock_ms == WATERMARK_NO_LIMIT && limit == WATERMARK_NO_LIMIT)
        parcel->clock_ms = WATERMARK_UNKNOWN;
    shard_apply(&worker->shard, parcel, limit);
    give_parcel_back(worker, sender, parcel);
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
        for (struct parcel *parcel; !barrier_holds(worker, sender) && (parcel = ring_take(&worker->inbox[sender])) != NULL; any = true)
            receive(worker, sender, parcel);
    barrier_cut_if_due(worker);
    return any;
}

/* ---- parcels out ---- */

static void make_parcels(struct worker *worker)
{
    for (int i = 0; i < worker->settings->workers; i++) {
        struct parcel *parcel = ring_take(&worker->returns[i]);
        if (parcel == NULL)
            parcel = memory_new(sizeof *parcel);
        buffer_reset(&parcel->offsets);
        parcel->barrier = 0;
        parcel->past = parcel->past_end = false;
        worker->outgoing[i] = parcel;
    }
    worker->outgoing_any = true;
}

/* What we have read since we last said so goes along. */
static void put_offsets(struct worker *worker)
{
    const struct source *source = worker->settings->source;
    for (int32_t p = worker->index; p < source->partitions; p += worker->settings->workers) {
        struct parcel_offset offset = {p, worker->extraction.next[p]};
        if (offset.next == worker->told_next[p])
            continue;
        worker->told_next[p] = offset.next;
        for (int i = 0; i < worker->settings->workers; i++)
            buffer_put(&worker->outgoing[i]->offsets, &offset, sizeof offset);
    }
}

/* State our clock in what goes out next. */
static void close_parcels(struct worker *worker, bool end)
{
    if (!worker->settings->source->ordered)
        put_offsets(worker);
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
    worker->cut_short = !all_read;
    atomic_store(&worker->reading_ended, true);
}

/* A checkpoint is wanted: here is where we stand, and behind it the others may go no further until all have said so. */
static bool send_barrier(struct worker *worker)
{
    uint64_t wanted = barrier_due(worker);
    if (wanted == 0)
        return false;
    make_parcels(worker);
    close_parcels(worker, false);
    for (int i = 0; i < worker->settings->workers; i++)
        worker->outgoing[i]->barrier = wanted;
    return true;
}

/* No events for now: others must still hear of our clock. */
static void tell(struct worker *worker)
{
    int64_t now = time_monotonic_ms();
    if (worker->settings->source->ordered || now - worker->told_ms < TELL_MS)
        return;
    worker->told_ms = now;
    watermark_refresh(&worker->extraction.watermark, moment_now());
    make_parcels(worker);
    close_parcels(worker, false);
}

/* Where a partition was read to its end, offsets behind the last message have nothing to give: no checkpoint need want them. */
static void note_ends(struct worker *worker)
{
    struct source *source = worker->settings->source;
    for (int32_t p = worker->index; p < source->partitions; p += worker->settings->workers) {
        int64_t passed = source_passed(source, p);
        if (passed > worker->extraction.next[p])
            worker->extraction.next[p] = passed;
    }
}

/* True: there was something. */
static bool read_batch(struct worker *worker, int timeout_ms)
{
    struct source *source = worker->settings->source;
    struct batch batch;
    /* Before the batch is taken: a partition that ends with it still has what is in it to give. */
    if (!source->ordered)
        watermark_refresh(&worker->extraction.watermark, moment_now());
    switch (source_take(source, worker->index, timeout_ms, &batch)) {
    case TAKE_END:
        note_ends(worker);
        end_input(worker, false);
        return true;
    case TAKE_WAIT:
        note_ends(worker);
        if (worker->settings->to_end && !source->ordered && atomic_load(&worker->may_end) &&
            watermark_at_end(&worker->extraction.watermark))
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
        worker->extraction.next[batch.messages[i].partition] = batch.messages[i].offset + 1;
    }
    note_ends(worker);
    close_parcels(worker, false);
    worker->told_ms = source->ordered ? 0 : time_monotonic_ms();
    (void)atomic_fetch_add_explicit(&worker->messages, batch.count, memory_order_relaxed);
    (void)atomic_fetch_add_explicit(&worker->bytes, bytes, memory_order_relaxed);
    source_give_back(source, &batch);
    return true;
}

/* A batch of the past, if there is one to be read. True: there was something. */
static bool read_past(struct worker *worker)
{
    struct source *past = atomic_load_explicit(&worker->past, memory_order_acquire);
    struct batch batch = {0};
    if (past == NULL || worker->past_read)
        return false;
    enum take take = source_take(past, worker->index, 0, &batch);
    if (take == TAKE_WAIT)
        return false;
    make_parcels(worker);
    for (int i = 0; i < worker->settings->workers; i++) {
        worker->outgoing[i]->past = true;
        worker->outgoing[i]->past_end = take == TAKE_END;
        worker->outgoing[i]->clock_ms = WATERMARK_UNKNOWN;
    }
    worker->past_read = take == TAKE_END;
    if (take == TAKE_END)
        return true;
    uint64_t lanes = atomic_load_explicit(&worker->past_lanes, memory_order_relaxed);
    for (size_t i = 0; i < batch.count; i++)
        extraction_take_past(&worker->extraction, &batch.messages[i], lanes, worker->outgoing);
    source_give_back(past, &batch);
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
        .odd_amounts = extraction->odd_amounts,
        .ahead = extraction->watermark.ahead,
        .unstamped = extraction->unstamped,
        .records = shard->counters.records,
        .duplicates = shard->counters.duplicates,
        .late = shard->counters.late,
        .rested = shard->counters.rested,
        .folds = shard->counters.folds,
        .not_finite = shard->folder.not_finite,
        .lost = shard->counters.lost,
        .keys = shard_keys(shard),
        .memory = shard_memory(shard),
        .sink = worker->sink->counters,
        .clock_ms = shard->clock_ms == SHARD_BEGINNING_MS ? INT64_MIN : shard->clock_ms,
        .unsent = shard->owed.count,
        .full_keys = shard->counters.full_keys,
        .barred = shard->folder.barred,
        .at_end = watermark_at_end(&extraction->watermark),
        .shadow_compared = shard->shadows.compared,
        .shadow_differ = shard->shadows.differ,
        .full_logs = shard->counters.full_logs,
    };
    (void)pthread_mutex_lock(&worker->lock);
    worker->seen = seen;
    (void)pthread_mutex_unlock(&worker->lock);
}

/* Features of lanes that are being filled are written once readers can see that they are not complete. */
static void fill_aloud(struct worker *worker)
{
    if (worker->index == 0)
        atomic_store(&worker->marks_stand,
                     filling_mark_keep(&worker->mark, &worker->shard, worker->settings->state, time_monotonic_ms()));
    if (!atomic_load(&worker->all[0].marks_stand))
        return;
    for (size_t i = 0; i < worker->settings->set->lane_count; i++)
        if (worker->shard.lanes[i].filling && worker->shard.lanes[i].quiet)
            shard_lane_loud(&worker->shard, i);
}

/* Write what is due. False: something is owed. */
static bool send(struct worker *worker)
{
    bool live = worker->settings->clock == CLOCK_LIVE;
    permission_look(worker);
    if (worker->sink->counters.replaced != worker->replaced) {
        worker->replaced = worker->sink->counters.replaced;
        worker->quarantine_marked_ms = 0;
        worker->mark.marked = 0; /* nor is it known whether marks are there */
        shard_write_again(&worker->shard);
    }
    if (worker->settings->state != NULL && worker->settings->state->fill_at_once)
        fill_aloud(worker);
    if (worker->index == 0)
        quarantine_mark_keep(&worker->quarantine_marked_ms, &worker->shard, worker->settings, time_monotonic_ms());
    bool all = shard_send(&worker->shard, live ? time_monotonic_ms() : 0);
    sink_flush(worker->sink);
    (void)sink_poll(worker->sink, 0);
    return all;
}

/* The end, for a restart: only the acknowledgements that are on their way. What waits for its time goes on waiting in the
 * state, and the clock stays where the stream is. */
static void finish_in_a_hurry(struct worker *worker)
{
    int64_t began_ms = time_monotonic_ms();
    sink_flush(worker->sink);
    while (!sink_poll(worker->sink, 5) && time_monotonic_ms() - began_ms < HURRY_MS)
        plugin_call_beat();
    if (worker->settings->state != NULL)
        barrier_make_cut(worker, CUT_LAST);
}

/* Who stops before its fence, or before it knows the time, comes to neither by waiting: what it owes stays owed. */
static bool hopeless(const struct worker *worker)
{
    const struct shard *shard = &worker->shard;
    return (!worker->fence_passed && worker->cut_short) || (shard->event_clock && shard->clock_ms == SHARD_BEGINNING_MS);
}

/* The end: the last clock, all changes, and every acknowledgement. */
static void finish(struct worker *worker)
{
    if (atomic_load(&worker->hurry)) {
        finish_in_a_hurry(worker);
        return;
    }
    struct shard *shard = &worker->shard;
    bool by_events = worker->settings->to_end || worker->settings->source->ordered;
    /* What moves the clock here is the end of the run, not of the stream: what is kept goes on from before it. */
    if (by_events && worker->settings->state != NULL)
        barrier_make_cut(worker, CUT_LAST);
    shard->ending = by_events;
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
        plugin_call_beat();
        bool sent = send(worker);
        if (sink_poll(worker->sink, 20) && sent && shard->owed.count == 0)
            break;
        if (counters->groups - counters->failed_groups != taken || shard->owed.count != waiting) {
            taken = counters->groups - counters->failed_groups;
            waiting = shard->owed.count;
            progress_ms = time_monotonic_ms();
        } else if (hopeless(worker) || time_monotonic_ms() - progress_ms > worker->settings->drain_ms) {
            break;
        }
    }
    if (!by_events && worker->settings->state != NULL)
        barrier_make_cut(worker, CUT_LAST);
}

static void thread_ended(void *worker)
{
    (void)worker;
    plugin_call_thread_ended();
}

static void run(struct worker *worker)
{
    uint64_t rounds = 0;
    restore_worker(worker);
    permission_look(worker); /* with the event clock the first parcel writes */
    while (worker->senders_ended < worker->settings->workers || worker->outgoing_any) {
        plugin_call_beat();
        bool busy = receive_all(worker);
        uint64_t failed = worker->sink->counters.failed_groups;
        bool sent = send(worker);
        bool delivered = deliver(worker);
        if (delivered && !worker->input_ended && send_barrier(worker)) {
            busy = true;
            (void)deliver(worker);
        } else if (delivered && !worker->input_ended) {
            /* One that is only full gets a moment before more is read; one that is away does not hold the stream up. */
            bool away = !sink_patient(worker->sink, &worker->shard.sink_away);
            /* What is owed goes on at once if the sink only was full; if it is away or fails, hurry would be of no use. */
            bool more = !sent && !away && worker->sink->counters.failed_groups == failed;
            bool past = !worker->past_read && atomic_load_explicit(&worker->past, memory_order_relaxed) != NULL;
            busy = read_batch(worker, busy || more || past ? 0 : IDLE_MS) || busy;
            if (deliver(worker) && past && read_past(worker)) {
                busy = true;
                (void)deliver(worker);
            }
        } else if (!busy) {
            (void)sink_poll(worker->sink, 1);
            if (sink_descriptor(worker->sink, &(bool){false}) < 0)
                (void)sched_yield();
        }
        if (!busy || ++rounds % 16 == 0)
            publish_counters(worker);
        question_look(worker);
    }
    question_box_close(worker);
    finish(worker);
    publish_counters(worker);
}

void *worker_run(void *argument)
{
    struct worker *worker = argument;
    char name[16];
    (void)snprintf(name, sizeof name, "worker-%d", worker->index);
    (void)pthread_setname_np(pthread_self(), name); /* for who looks with top or a debugger */
    signal_stack_use(); /* plugins run here, and may use up ours */
    plugin_call_list(true);
    pthread_cleanup_push(thread_ended, worker); /* pthread_exit() in a plugin */
    run(worker);
    pthread_cleanup_pop(0);
    plugin_call_unlist();
    atomic_store(&worker->ended, true);
    return NULL;
}
