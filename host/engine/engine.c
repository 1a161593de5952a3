/* engine.c - see engine.h. */
#include "engine/engine.h"

#include "base/memory.h"
#include "base/time.h"
#include "engine/believed_time.h"
#include "engine/checkpoint.h"
#include "engine/key_hash.h"
#include "engine/question.h"
#include "engine/worker.h"

#include <stdlib.h>
#include <time.h>

#define LOOK_EVERY_MS 5 /* whether the workers have ended */

struct engine {
    struct engine_settings settings;
    struct believed_time time;
    struct worker *workers;
    struct checkpoint *checkpoint; /* NULL: no durable state */
    bool joined, finished, kept;
};

struct engine *engine_start(const struct engine_settings *settings)
{
    struct engine *engine = memory_new(sizeof *engine);
    engine->settings = *settings;
    engine->settings.time = &engine->time;
    believed_time_init(&engine->time);
    engine->workers = memory_new((size_t)settings->workers * sizeof *engine->workers);
    if (settings->state != NULL)
        checkpoint_begin(settings);
    for (int i = 0; i < settings->workers; i++)
        worker_init(&engine->workers[i], &engine->settings, engine->workers, i);
    for (int i = 0; i < settings->workers; i++)
        if (pthread_create(&engine->workers[i].thread, NULL, worker_run, &engine->workers[i]) != 0)
            abort(); /* no threads at start: as good as no memory */
    if (settings->state != NULL)
        engine->checkpoint = checkpoint_start(&engine->settings, engine->workers);
    return engine;
}

void engine_count(struct engine *engine, struct engine_counters *counters)
{
    *counters = (struct engine_counters){.clock_ms = INT64_MIN, .at_end = true, .restored = true, .writing = true};
    if (engine->checkpoint != NULL)
        checkpoint_count(engine->checkpoint, counters);
    counters->wall_ahead_ms = believed_time_held(&engine->time);
    for (int i = 0; i < engine->settings.workers; i++) {
        struct worker *worker = &engine->workers[i];
        (void)pthread_mutex_lock(&worker->lock);
        struct engine_counters seen = worker->seen;
        (void)pthread_mutex_unlock(&worker->lock);
        counters->messages += atomic_load_explicit(&worker->messages, memory_order_relaxed);
        counters->bytes += atomic_load_explicit(&worker->bytes, memory_order_relaxed);
        counters->events += seen.events;
        counters->unwanted += seen.unwanted;
        counters->unkeyed += seen.unkeyed;
        counters->bad += seen.bad;
        counters->ahead += seen.ahead;
        counters->unstamped += seen.unstamped;
        counters->records += seen.records;
        counters->duplicates += seen.duplicates;
        counters->late += seen.late;
        counters->rested += seen.rested;
        counters->folds += seen.folds;
        counters->not_finite += seen.not_finite;
        counters->odd_amounts += seen.odd_amounts;
        counters->lost += seen.lost;
        counters->keys += seen.keys;
        counters->memory += seen.memory;
        counters->unsent += seen.unsent;
        counters->full_keys += seen.full_keys;
        counters->full_logs += seen.full_logs;
        counters->barred += seen.barred;
        counters->at_end = counters->at_end && seen.at_end;
        counters->shadow_compared += seen.shadow_compared;
        counters->shadow_differ += seen.shadow_differ;
        counters->restored = counters->restored && atomic_load(&worker->restored);
        counters->writing = counters->writing && atomic_load(&worker->writing);
        counters->restored_records += atomic_load_explicit(&worker->restore.records, memory_order_relaxed);
        counters->restore_bytes_done += atomic_load_explicit(&worker->restore.bytes, memory_order_relaxed);
        counters->restore_bytes += atomic_load_explicit(&worker->restore.bytes_all, memory_order_relaxed);
        counters->sink.groups += seen.sink.groups;
        counters->sink.sets += seen.sink.sets;
        counters->sink.deletes += seen.sink.deletes;
        counters->sink.refreshes += seen.sink.refreshes;
        counters->sink.bytes += seen.sink.bytes;
        counters->sink.failed_groups += seen.sink.failed_groups;
        counters->sink.reconnects += seen.sink.reconnects;
        if (seen.clock_ms > counters->clock_ms)
            counters->clock_ms = seen.clock_ms;
    }
}

static bool ended(struct engine *engine)
{
    for (int i = 0; i < engine->settings.workers; i++)
        if (!atomic_load(&engine->workers[i].ended))
            return false;
    return true;
}

static void join_all(struct engine *engine)
{
    for (int i = 0; i < engine->settings.workers && !engine->joined; i++)
        (void)pthread_join(engine->workers[i].thread, NULL);
    engine->joined = true;
}

bool engine_wait(struct engine *engine, int timeout_ms)
{
    /* Looked at, not joined with a time limit: that goes by the wall clock, and would wait for hours where it is set back. */
    int64_t until_ms = time_monotonic_ms() + timeout_ms;
    while (!ended(engine)) {
        int64_t left_ms = until_ms - time_monotonic_ms();
        if (left_ms <= 0)
            return false;
        struct timespec moment = {.tv_nsec = (long)(left_ms < LOOK_EVERY_MS ? left_ms : LOOK_EVERY_MS) * 1000000};
        (void)nanosleep(&moment, NULL);
    }
    join_all(engine);
    return true;
}

struct worker *engine_worker(struct engine *engine, int number) { return &engine->workers[number]; }

int engine_workers(const struct engine *engine) { return engine->settings.workers; }

int engine_owner(const struct engine *engine, sl_view key, sl_key kind)
{
    return key_owner(key, kind, engine->settings.workers);
}

bool engine_error(struct engine *engine, struct error *error)
{
    return engine->checkpoint != NULL && checkpoint_error(engine->checkpoint, error);
}

void engine_hurry(struct engine *engine)
{
    for (int i = 0; i < engine->settings.workers; i++)
        atomic_store(&engine->workers[i].hurry, true);
}

bool engine_overtaken(struct engine *engine)
{
    return engine->checkpoint != NULL && checkpoint_overtaken(engine->checkpoint);
}

bool engine_checkpoint(struct engine *engine)
{
    return engine->checkpoint != NULL && checkpoint_now(engine->checkpoint);
}

bool engine_finish(struct engine *engine)
{
    join_all(engine);
    if (!engine->finished)
        engine->kept = engine->checkpoint == NULL || checkpoint_finish(engine->checkpoint);
    engine->finished = true;
    return engine->kept;
}

void engine_free(struct engine *engine)
{
    if (engine == NULL)
        return;
    (void)engine_finish(engine);
    checkpoint_free(engine->checkpoint);
    for (int i = 0; i < engine->settings.workers; i++)
        worker_free(&engine->workers[i]);
    free(engine->workers);
    believed_time_free(&engine->time);
    free(engine);
}
