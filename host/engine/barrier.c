/* barrier.c - see barrier.h. */
#include "engine/barrier.h"

uint64_t barrier_due(struct worker *worker)
{
    uint64_t wanted = atomic_load_explicit(&worker->barrier_wanted, memory_order_acquire);
    if (wanted == atomic_load_explicit(&worker->barrier_sent, memory_order_relaxed))
        return 0;
    for (int32_t p = worker->index; p < worker->settings->source->partitions; p += worker->settings->workers) {
        worker->barrier_next[p] = worker->extraction.next[p];
        worker->barrier_largest[p] = worker->extraction.watermark.largest[p];
    }
    atomic_store_explicit(&worker->barrier_sent, wanted, memory_order_release);
    return wanted;
}

bool barrier_holds(const struct worker *worker, int sender)
{
    return worker->sender_barrier[sender] > worker->barrier_cut;
}

void barrier_make_cut(struct worker *worker, uint64_t number)
{
    struct worker_cut *cut = &worker->cut;
    while (atomic_load_explicit(&worker->cut_taken, memory_order_acquire) < atomic_load(&worker->cut_done))
        (void)sink_poll(worker->sink, 1); /* only where reading has ended while a checkpoint is being made */
    for (size_t i = 0; i < worker->settings->set->lane_count; i++) {
        int64_t forget_ms = atomic_load_explicit(&worker->forget_ms[i], memory_order_relaxed);
        journal_forget_before(&worker->shard.lanes[i].journal, forget_ms);
    }
    cut->complete = shard_cut(&worker->shard, cut->lanes, &cut->owed_ms, &cut->former_owed, &cut->error);
    cut->clock_ms = worker->shard.clock_ms;
    atomic_store_explicit(&worker->cut_done, number, memory_order_release);
}

void barrier_cut_if_due(struct worker *worker)
{
    uint64_t barrier = worker->barrier_cut;
    for (int i = 0; i < worker->settings->workers; i++)
        if (worker->sender_barrier[i] > barrier)
            barrier = worker->sender_barrier[i];
    if (barrier == worker->barrier_cut)
        return;
    for (int i = 0; i < worker->settings->workers; i++)
        if (!worker->sender_ended[i] && worker->sender_barrier[i] != barrier)
            return;
    barrier_make_cut(worker, barrier);
    worker->barrier_cut = barrier;
}
