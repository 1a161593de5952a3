/* checkpoint.c - see checkpoint.h. */
#include "engine/checkpoint.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"
#include "engine/cut_manifest.h"
#include "engine/filling.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOOK_EVERY_MS 2 /* whether the workers are through */

struct checkpoint {
    const struct engine_settings *settings;
    struct worker *workers;
    pthread_t thread;
    struct manifest *stored; /* the last one of ours */
    uint64_t number;         /* of the last barrier */
    bool swept;              /* what former starts left is cleared away */
    bool untidy;             /* a failure may have left segments that nobody names */
    bool unsure;             /* since the last good one a manifest failed at its last step: it may be the one that counts */
    uint32_t given_up;       /* the most that a failed one has cleared away: sequences of all journals, added */
    struct log_limit trouble;
    struct filling filling;
    atomic_bool overtaken;   /* by another process */

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake, made;
    bool stop, refused;
    uint64_t asked, answered; /* checkpoint_now(): requests, and how many of them have been dealt with */
    uint64_t none;            /* of these, the last for which none could be made any more */
    bool good;                /* how the last one went */
    struct error error;
    uint64_t count, failed, filling_lanes, fill_done, fill_total;
    int64_t last_ms, took_ms;
};

/* ---- a new folder ---- */

static bool store_first(const struct engine_settings *settings, struct error *error)
{
    struct state_plan *plan = settings->state;
    if (!plan->held)
        return true;
    struct manifest *manifest = first_manifest(plan, settings->source);
    plan->held = !manifest_store(plan->folder->folder, manifest, plan->sync, error);
    manifest_free(manifest);
    return !plan->held;
}

void checkpoint_begin(const struct engine_settings *settings)
{
    struct error error = {0};
    settings->state->held = settings->state->manifest == NULL;
    if (!store_first(settings, &error))
        log_problem(LOG_LEVEL_ERROR, &error);
}

/* ---- making it durable ---- */

/* That is the one which was written last. */
static const char *newest_segment(const struct journal_cut *cut, char name[SEGMENT_NAME_MAX])
{
    return cut->segment_count == 0 ? "" : segment_name_text(&cut->segments[cut->segment_count - 1].name, name);
}

/* What the workers wrote is on the disk. What can't be is lost: its journal must be written anew. */
static bool sync_files(struct checkpoint *checkpoint, struct error *error)
{
    char name[SEGMENT_NAME_MAX];
    bool good = true;
    for (int i = 0; i < checkpoint->settings->workers; i++) {
        for (size_t lane = 0; lane < checkpoint->settings->set->lane_count; lane++) {
            struct journal_cut *cut = &checkpoint->workers[i].cut.lanes[lane];
            for (size_t f = 0; f < cut->file_count; f++) {
                if (checkpoint->settings->state->sync && fdatasync(cut->files[f].file) != 0) {
                    error_what(error, "the journal of lane %s can't be synced: %s",
                               checkpoint->settings->set->lanes[lane].name, strerror(errno));
                    error_found(error, "%s/journal/%s", checkpoint->settings->state->folder->path, newest_segment(cut, name));
                    error_advice(error, "look after the disk; the journal is written anew");
                    journal_lost(&checkpoint->workers[i].shard.lanes[lane].journal);
                    good = false;
                }
                if (cut->files[f].ended)
                    (void)close(cut->files[f].file);
            }
            cut->file_count = 0;
        }
    }
    if (good && checkpoint->settings->state->sync && fsync(checkpoint->settings->state->folder->journal) != 0) {
        error_what(error, "the folder of journals can't be synced: %s", strerror(errno));
        error_found(error, "%s/journal", checkpoint->settings->state->folder->path);
        error_advice(error, "look at the disk, and at what the kernel says of it");
        good = false;
    }
    return good;
}

static bool cuts_complete(const struct checkpoint *checkpoint, struct error *error)
{
    for (int i = 0; i < checkpoint->settings->workers; i++)
        if (!checkpoint->workers[i].cut.complete) {
            *error = checkpoint->workers[i].cut.error;
            return false;
        }
    return true;
}

static void free_cuts(struct checkpoint *checkpoint)
{
    for (int i = 0; i < checkpoint->settings->workers; i++)
        for (size_t lane = 0; lane < checkpoint->settings->set->lane_count; lane++) {
            free(checkpoint->workers[i].cut.lanes[lane].segments);
            checkpoint->workers[i].cut.lanes[lane].segments = NULL;
            checkpoint->workers[i].cut.lanes[lane].segment_count = 0;
        }
}

/* Segments that the manifest before still named. */
static void delete_unnamed(struct checkpoint *checkpoint, const struct manifest *before, const struct manifest *now)
{
    char file[SEGMENT_NAME_MAX];
    for (size_t l = 0; before != NULL && l < before->lane_count; l++)
        for (size_t s = 0; s < before->lanes[l].segment_count; s++)
            if (!manifest_names(now, &before->lanes[l].segments[s].name) &&
                unlinkat(checkpoint->settings->state->folder->journal,
                         segment_name_text(&before->lanes[l].segments[s].name, file), 0) != 0 && errno != ENOENT)
                checkpoint->untidy = true;
}

/* Segments of this start that the manifest does not name: those before the current ones, or those that were given up; or all,
 * where there is no manifest that could name one. False: some are still there. */
static bool sweep_own(const struct checkpoint *checkpoint, const struct manifest *manifest, bool only_given_up)
{
    const struct engine_settings *settings = checkpoint->settings;
    size_t count = 0;
    struct segment_name *bounds = memory_new(((size_t)settings->workers * settings->set->lane_count + 1) * sizeof *bounds);
    for (int i = 0; i < settings->workers; i++)
        for (size_t lane = 0; lane < settings->set->lane_count; lane++) {
            const struct journal_cut *cut = &checkpoint->workers[i].cut.lanes[lane];
            const char *name = settings->set->lanes[lane].name;
            struct segment_name *bound = &bounds[count++];
            bound->generation = settings->state->generation;
            bound->worker = (uint32_t)i;
            bound->sequence = settings->state->held ? UINT32_MAX : only_given_up ? cut->given_up : cut->position.sequence;
            memcpy(bound->lane, name, strlen(name) + 1);
        }
    bool good = state_folder_sweep_below(settings->state->folder, manifest, bounds, count);
    free(bounds);
    return good;
}

/* A disk that is full needs the room of what was given up to get well again. */
static void tidy_after_failure(struct checkpoint *checkpoint)
{
    uint32_t given_up = 0;
    checkpoint->untidy = true;
    if (checkpoint->settings->state->held) { /* the end, and no manifest could be made until then: they would look like state */
        (void)sweep_own(checkpoint, NULL, false);
        return;
    }
    for (int i = 0; i < checkpoint->settings->workers; i++)
        for (size_t lane = 0; lane < checkpoint->settings->set->lane_count; lane++)
            given_up += checkpoint->workers[i].cut.lanes[lane].given_up;
    if (given_up == checkpoint->given_up || checkpoint->unsure)
        return;
    checkpoint->given_up = given_up;
    (void)sweep_own(checkpoint, checkpoint->stored != NULL ? checkpoint->stored : checkpoint->settings->state->manifest, true);
}

static void tell_offsets(const struct checkpoint *checkpoint, const struct manifest *manifest)
{
    int64_t *next = memory_new(((size_t)manifest->partition_count + 1) * sizeof *next);
    for (int32_t p = 0; p < manifest->partition_count; p++)
        next[p] = manifest->partitions[p].next;
    source_commit(checkpoint->settings->source, next);
    free(next);
}

/* Another process may have gone on from here: then it is not ours any more, and what we could write nobody would read. */
static bool overtaken(struct checkpoint *checkpoint, struct error *error)
{
    const struct state_plan *plan = checkpoint->settings->state;
    uint64_t highest = manifest_highest_generation(plan->folder->folder);
    if (highest <= plan->generation)
        return false;
    if (highest == UINT64_MAX) {
        error_what(error, "the state's folder can't be listed: %s", strerror(errno));
        error_found(error, "%s", plan->folder->path);
        error_advice(error, "look at the disk, and at the limits of the process");
        return true;
    }
    error_what(error, "another process has taken over this state");
    error_found(error, "%s: it is at generation %llu, we are %llu", plan->folder->path, (unsigned long long)highest,
                (unsigned long long)plan->generation);
    error_advice(error, "nothing: this process stands by from now on");
    atomic_store(&checkpoint->overtaken, true);
    return true;
}

/* From the workers' cuts. */
static bool store(struct checkpoint *checkpoint, bool last, struct error *error)
{
    const struct state_plan *plan = checkpoint->settings->state;
    bool synced = sync_files(checkpoint, error);
    struct manifest *manifest = NULL;
    bool good = synced && cuts_complete(checkpoint, error) && !overtaken(checkpoint, error) &&
                store_first(checkpoint->settings, error);
    if (good) {
        struct cut cut = {.settings = checkpoint->settings,
                          .workers = checkpoint->workers,
                          .before = checkpoint->stored,
                          .filling = filling_anew(&checkpoint->filling),
                          .barrier = checkpoint->number,
                          .last = last};
        manifest = cut_manifest(&cut);
        good = manifest_store(plan->folder->folder, manifest, plan->sync, error);
        checkpoint->unsure = !good;
    }
    free_cuts(checkpoint);
    if (!good) {
        tidy_after_failure(checkpoint);
        manifest_free(manifest);
        return false;
    }
    delete_unnamed(checkpoint, checkpoint->stored != NULL ? checkpoint->stored : plan->manifest, manifest);
    if (!checkpoint->swept) {
        (void)state_folder_sweep(plan->folder, manifest, plan->generation);
        manifest_forget_before(plan->folder->folder, plan->generation);
        checkpoint->swept = true;
    }
    checkpoint->untidy = checkpoint->untidy && !sweep_own(checkpoint, manifest, false);
    manifest_free(checkpoint->stored);
    checkpoint->stored = manifest;
    tell_offsets(checkpoint, manifest);
    return true;
}

/* How it went, for figures and for those who wait. */
static void note(struct checkpoint *checkpoint, bool good, uint64_t asked, int64_t began_ms, const struct error *error)
{
    (void)pthread_mutex_lock(&checkpoint->lock);
    bool recovered = good && !checkpoint->good && checkpoint->failed > 0;
    checkpoint->good = good;
    checkpoint->answered = asked;
    checkpoint->count += good;
    checkpoint->failed += !good;
    if (good)
        checkpoint->last_ms = time_wall_ms(), checkpoint->took_ms = time_monotonic_ms() - began_ms;
    (void)pthread_cond_broadcast(&checkpoint->made);
    (void)pthread_mutex_unlock(&checkpoint->lock);
    if (recovered)
        log_info("checkpoints are made again");
    if (!good)
        log_limited(&checkpoint->trouble, LOG_LEVEL_ERROR, "no checkpoint: %s%s%s%s%s; the last good one stands", error->what,
                    error->found[0] == '\0' ? "" : "; found: ", error->found, error->advice[0] == '\0' ? "" : "; do this: ",
                    error->advice);
}

/* There is none: the workers are ending, and the last one is made of what they leave. Who waits for this one need not. */
static void note_none(struct checkpoint *checkpoint, uint64_t asked)
{
    (void)pthread_mutex_lock(&checkpoint->lock);
    if (asked != checkpoint->answered)
        checkpoint->none = checkpoint->answered = asked;
    (void)pthread_cond_broadcast(&checkpoint->made);
    (void)pthread_mutex_unlock(&checkpoint->lock);
}

/* ---- the thread ---- */

static bool stopping(struct checkpoint *checkpoint)
{
    (void)pthread_mutex_lock(&checkpoint->lock);
    bool stop = checkpoint->stop;
    (void)pthread_mutex_unlock(&checkpoint->lock);
    return stop;
}

/* Sleep until somebody wakes us or it is time. */
static void doze(struct checkpoint *checkpoint, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_mutex_lock(&checkpoint->lock);
    if (!checkpoint->stop)
        (void)pthread_cond_timedwait(&checkpoint->wake, &checkpoint->lock, &until);
    (void)pthread_mutex_unlock(&checkpoint->lock);
}

/* The cuts are ours to read until this is said. */
static void give_cuts_back(struct checkpoint *checkpoint)
{
    for (int i = 0; i < checkpoint->settings->workers; i++)
        atomic_store_explicit(&checkpoint->workers[i].cut_taken, checkpoint->number, memory_order_release);
}

/* False: workers have ended before all of them had cut. */
static bool gather_cuts(struct checkpoint *checkpoint)
{
    checkpoint->number++;
    for (int i = 0; i < checkpoint->settings->workers; i++)
        atomic_store_explicit(&checkpoint->workers[i].barrier_wanted, checkpoint->number, memory_order_release);
    for (;;) {
        bool all = true, ended = false;
        for (int i = 0; i < checkpoint->settings->workers; i++) {
            uint64_t done = atomic_load_explicit(&checkpoint->workers[i].cut_done, memory_order_acquire);
            all = all && done >= checkpoint->number;
            ended = ended || done == CUT_LAST || atomic_load(&checkpoint->workers[i].ended);
        }
        if (ended)
            return false;
        if (all)
            return true;
        if (stopping(checkpoint))
            return false;
        doze(checkpoint, LOOK_EVERY_MS);
    }
}

static void *checkpoint_thread(void *argument)
{
    struct checkpoint *checkpoint = argument;
    int64_t interval_ms = checkpoint->settings->state->interval_ms, due_ms = time_monotonic_ms() + interval_ms;
    while (!stopping(checkpoint)) {
        struct error error = {0};
        if (!filling_step(&checkpoint->filling, &error)) {
            (void)pthread_mutex_lock(&checkpoint->lock);
            checkpoint->refused = true;
            checkpoint->error = error;
            (void)pthread_mutex_unlock(&checkpoint->lock);
            source_stop(checkpoint->settings->source);
            break;
        }
        uint64_t done = 0, total = 0;
        if (checkpoint->filling.past != NULL)
            source_progress(checkpoint->filling.past, &done, &total);
        (void)pthread_mutex_lock(&checkpoint->lock);
        uint64_t asked = checkpoint->asked;
        bool due = asked != checkpoint->answered || time_monotonic_ms() >= due_ms;
        checkpoint->filling_lanes = checkpoint->filling.lanes;
        checkpoint->fill_done = done;
        checkpoint->fill_total = total;
        (void)pthread_mutex_unlock(&checkpoint->lock);
        if (!due || !checkpoint->filling.decided) {
            doze(checkpoint, checkpoint->filling.decided ? 20 : LOOK_EVERY_MS);
            continue;
        }
        int64_t began_ms = time_monotonic_ms();
        if (!store_first(checkpoint->settings, &error))
            note(checkpoint, false, asked, began_ms, &error);
        else if (gather_cuts(checkpoint))
            note(checkpoint, store(checkpoint, false, &error), asked, began_ms, &error);
        else
            note_none(checkpoint, asked);
        give_cuts_back(checkpoint);
        due_ms = time_monotonic_ms() + interval_ms;
    }
    (void)pthread_mutex_lock(&checkpoint->lock);
    checkpoint->stop = true;
    (void)pthread_cond_broadcast(&checkpoint->made);
    (void)pthread_mutex_unlock(&checkpoint->lock);
    return NULL;
}

struct checkpoint *checkpoint_start(const struct engine_settings *settings, struct worker *workers)
{
    struct checkpoint *checkpoint = memory_new(sizeof *checkpoint);
    checkpoint->settings = settings;
    checkpoint->workers = workers;
    checkpoint->trouble.every_ms = 10000;
    filling_init(&checkpoint->filling, settings, workers);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&checkpoint->lock, NULL);
    (void)pthread_cond_init(&checkpoint->wake, &monotonic);
    (void)pthread_cond_init(&checkpoint->made, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&checkpoint->thread, NULL, checkpoint_thread, checkpoint) != 0)
        abort(); /* no threads at start: as good as no memory */
    return checkpoint;
}

bool checkpoint_now(struct checkpoint *checkpoint)
{
    (void)pthread_mutex_lock(&checkpoint->lock);
    uint64_t asked = ++checkpoint->asked;
    (void)pthread_cond_signal(&checkpoint->wake);
    while (checkpoint->answered < asked && !checkpoint->stop)
        (void)pthread_cond_wait(&checkpoint->made, &checkpoint->lock);
    bool good = checkpoint->answered >= asked && checkpoint->none < asked && checkpoint->good;
    (void)pthread_mutex_unlock(&checkpoint->lock);
    return good;
}

bool checkpoint_finish(struct checkpoint *checkpoint)
{
    struct error error = {0};
    (void)pthread_mutex_lock(&checkpoint->lock);
    checkpoint->stop = true;
    (void)pthread_cond_signal(&checkpoint->wake);
    (void)pthread_mutex_unlock(&checkpoint->lock);
    (void)pthread_join(checkpoint->thread, NULL);
    bool refused = checkpoint->refused;
    bool decided = filling_decide(&checkpoint->filling); /* where they ended before the thread had looked */
    int64_t began_ms = time_monotonic_ms();
    bool good = !refused && decided && store(checkpoint, true, &error);
    if (!refused && decided)
        note(checkpoint, good, checkpoint->asked, began_ms, &error);
    return good;
}

bool checkpoint_overtaken(struct checkpoint *checkpoint) { return atomic_load(&checkpoint->overtaken); }

bool checkpoint_error(struct checkpoint *checkpoint, struct error *error)
{
    (void)pthread_mutex_lock(&checkpoint->lock);
    bool refused = checkpoint->refused;
    if (refused)
        *error = checkpoint->error;
    (void)pthread_mutex_unlock(&checkpoint->lock);
    return refused;
}

void checkpoint_count(struct checkpoint *checkpoint, struct engine_counters *counters)
{
    (void)pthread_mutex_lock(&checkpoint->lock);
    counters->checkpoints = checkpoint->count;
    counters->failed_checkpoints = checkpoint->failed;
    counters->checkpoint_ms = checkpoint->last_ms;
    counters->checkpoint_took_ms = checkpoint->took_ms;
    counters->filling = checkpoint->filling_lanes;
    counters->fill_done = checkpoint->fill_done;
    counters->fill_total = checkpoint->fill_total;
    (void)pthread_mutex_unlock(&checkpoint->lock);
}

void checkpoint_free(struct checkpoint *checkpoint)
{
    if (checkpoint == NULL)
        return;
    filling_free(&checkpoint->filling);
    manifest_free(checkpoint->stored);
    (void)pthread_mutex_destroy(&checkpoint->lock);
    (void)pthread_cond_destroy(&checkpoint->wake);
    (void)pthread_cond_destroy(&checkpoint->made);
    free(checkpoint);
}
