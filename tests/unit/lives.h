/* lives.h - a host's lives in one test: a topic in memory with offsets, a folder of state, and a Redis that outlives them, in
 * memory that processes share. A life is a process of its own (fork) with a whole engine, several workers and a checkpoint's
 * thread; it is killed by SIGKILL at a given step, or stopped, or reads to the end. All that the next one has is the folder
 * and Redis.
 *
 * The lease is the smallest there can be: always held, its fence is what the sinks were told (this file defines the two of
 * lease.h's functions that the engine calls; with them the linker needs no Redis).
 *
 * Redis keeps what readers would see, and notices when a value is folded as of an earlier clock than the one that it
 * replaces: `older`. */
#ifndef TESTS_LIVES_H
#define TESTS_LIVES_H

#include "engine/engine.h"

#include "kept_writes.h"
#include "memory_source.h"
#include "state_fixture.h"
#include "visits_lane.h"

#include "base/time.h"
#include "sink/lease.h"
#include "state/state_folder.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define LIVES_T          1700000000000
#define LIVES_PARTITIONS 3
#define LIVES_KEYS       4096
#define LIVES_LIMIT_MS   60000

static inline void lives_moment(void)
{
    struct timespec moment = {.tv_nsec = 50000};
    (void)nanosleep(&moment, NULL);
}

/* ---- Redis ---- */

struct lives_key {
    char key[64], values[2][64]; /* "": there is none; the other one is written, then it is its turn */
    _Atomic int turn;
    int64_t time_ms;
};

struct world {
    struct lives_key keys[LIVES_KEYS];
    _Atomic uint32_t key_count;
    atomic_flag lock;
    _Atomic int64_t fence[LIVES_PARTITIONS], fence_clock;
    _Atomic int64_t steps;      /* until SIGKILL; negative: never */
    _Atomic uint64_t older;     /* values that replaced newer ones */
    char older_key[200];
    _Atomic uint64_t checkpoints, filled, restored;
    char error[400];            /* why the engine stopped by itself */
    bool kept;                  /* engine_finish() said so */
};

static inline struct world *world_new(void)
{
    struct world *world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(world != MAP_FAILED);
    atomic_store(&world->steps, -1);
    return world;
}
static inline void world_free(struct world *world) { (void)munmap(world, sizeof *world); }

static inline void world_step(struct world *world)
{
    if (atomic_load(&world->steps) >= 0 && atomic_fetch_sub(&world->steps, 1) == 0)
        (void)raise(SIGKILL);
}

static inline struct lives_key *world_find(struct world *world, sl_view key)
{
    uint32_t count = atomic_load(&world->key_count);
    for (uint32_t i = 0; i < count; i++)
        if (strlen(world->keys[i].key) == key.size && memcmp(world->keys[i].key, key.data, key.size) == 0)
            return &world->keys[i];
    assert_true(count < LIVES_KEYS && key.size < sizeof world->keys[0].key);
    memset(&world->keys[count], 0, sizeof world->keys[count]);
    memcpy(world->keys[count].key, key.data, key.size);
    world->keys[count].time_ms = INT64_MIN;
    atomic_store(&world->key_count, count + 1);
    return &world->keys[count];
}

static inline const char *world_value(const struct lives_key *key) { return key->values[atomic_load(&key->turn)]; }

static inline void world_write(struct world *world, const struct feature_write *write)
{
    if (write->refresh)
        return;
    while (atomic_flag_test_and_set(&world->lock))
        (void)sched_yield();
    struct lives_key *key = world_find(world, write->key);
    char *value = key->values[!atomic_load(&key->turn)];
    assert_true(write->value.size < sizeof key->values[0]);
    memset(value, 0, sizeof key->values[0]);
    if (write->value.data != NULL)
        memcpy(value, write->value.data, write->value.size);
    if (write->time_ms < key->time_ms && strcmp(value, world_value(key)) != 0 && atomic_fetch_add(&world->older, 1) == 0)
        (void)snprintf(world->older_key, sizeof world->older_key, "%s: \"%s\" as of %lld after \"%s\" as of %lld", key->key,
                       value, (long long)write->time_ms, world_value(key), (long long)key->time_ms);
    key->time_ms = write->time_ms;
    atomic_store(&key->turn, !atomic_load(&key->turn));
    atomic_flag_clear(&world->lock);
}

static inline const char *world_get(struct world *world, const char *key)
{
    return world_value(world_find(world, (sl_view){key, strlen(key)}));
}

/* How many keys differ; the first few are said. */
static inline size_t worlds_differ(struct world *is, struct world *should)
{
    size_t differ = 0;
    for (int way = 0; way < 2; way++) {
        struct world *from = way == 0 ? should : is, *to = way == 0 ? is : should;
        for (uint32_t i = 0; i < atomic_load(&from->key_count); i++) {
            const char *a = world_value(&from->keys[i]), *b = world_get(to, from->keys[i].key);
            if (strcmp(a, b) == 0 || (way == 1 && b[0] != '\0'))
                continue;
            if (differ++ < 5)
                (void)fprintf(stderr, "%s is \"%s\", should be \"%s\"\n", from->keys[i].key, way == 0 ? b : a,
                              way == 0 ? a : b);
        }
    }
    return differ;
}

/* ---- the sinks of one life: kept_writes.h's chaos, before the one Redis ---- */

struct life_sink {
    struct kept_sink kept;
    struct world *world;
};

static inline void life_write(struct sink *sink, const struct feature_write *write)
{
    struct life_sink *self = (struct life_sink *)(void *)sink;
    sink_count(sink, write);
    if (!self->kept.dropping)
        world_write(self->world, write);
}

static inline void life_commit(struct sink *sink, void *token)
{
    kept_commit(sink, token);
    world_step(((struct life_sink *)(void *)sink)->world);
}

static inline void life_fence(struct sink *sink, int32_t partition, int64_t offset)
{
    struct world *world = ((struct life_sink *)(void *)sink)->world;
    _Atomic int64_t *fence = partition == SINK_FENCE_CLOCK ? &world->fence_clock : &world->fence[partition];
    int64_t was = atomic_load(fence);
    while (was < offset && !atomic_compare_exchange_weak(fence, &was, offset))
        continue;
}

static struct sink_class life_sink_class;

/* ---- the lease ---- */

struct lease {
    int64_t fence[LIVES_PARTITIONS], fence_clock;
};
bool lease_may_write(const struct lease *lease)
{
    (void)lease;
    return true;
}
int64_t lease_fence(const struct lease *lease, int32_t partition) { return lease->fence[partition]; }
int64_t lease_fence_clock(const struct lease *lease) { return lease->fence_clock; }

/* ---- the topic ---- */

struct topic {
    char **lines[LIVES_PARTITIONS];
    int64_t *times_ms[LIVES_PARTITIONS]; /* of the messages, never going back */
    int64_t count[LIVES_PARTITIONS], all;
};

static inline void topic_free(struct topic *topic)
{
    for (int p = 0; p < LIVES_PARTITIONS; p++) {
        for (int64_t i = 0; i < topic->count[p]; i++)
            free(topic->lines[p][i]);
        free(topic->lines[p]);
        free(topic->times_ms[p]);
    }
}

static inline void topic_add(struct topic *topic, int p, int64_t time_ms, char *line)
{
    int64_t count = topic->count[p]++;
    if ((count & (count - 1)) == 0) {
        size_t room = (size_t)(count == 0 ? 1 : count * 2);
        topic->lines[p] = memory_resize(topic->lines[p], room * sizeof *topic->lines[p]);
        topic->times_ms[p] = memory_resize(topic->times_ms[p], room * sizeof *topic->times_ms[p]);
    }
    topic->lines[p][count] = line;
    topic->times_ms[p][count] = count > 0 && topic->times_ms[p][count - 1] > time_ms ? topic->times_ms[p][count - 1] : time_ms;
    topic->all++;
}

/* Of offsets from[p] to to[p]; no more messages at a time than are `allowed`. */
struct topic_source {
    struct source source;
    const struct topic *topic;
    struct world *world; /* NULL: nobody dies of it */
    int64_t begin[LIVES_PARTITIONS], to[LIVES_PARTITIONS];
    _Atomic int64_t next[LIVES_PARTITIONS];
    _Atomic int64_t taken, allowed;
    atomic_bool stopped;
    bool to_end; /* the topic's end is the run's */
    bool ends; /* TAKE_END where a worker has all of its own */
    size_t batch;
    struct message messages[MEMORY_WORKERS][64];
};

static inline bool topic_all_taken(struct topic_source *self)
{
    for (int p = 0; p < LIVES_PARTITIONS; p++)
        if (atomic_load(&self->next[p]) < self->to[p])
            return false;
    return true;
}

static inline enum take topic_take(struct source *source, int worker, int timeout_ms, struct batch *batch)
{
    struct topic_source *self = (struct topic_source *)(void *)source;
    size_t count = 0;
    bool any = false;
    if (atomic_load(&self->stopped))
        return TAKE_END;
    for (int p = worker; p < LIVES_PARTITIONS; p += source->workers) {
        int64_t next = atomic_load(&self->next[p]);
        for (size_t of_this = 0; next < self->to[p] && of_this < self->batch && count < 64; next++, of_this++) {
            if (atomic_load(&self->taken) >= atomic_load(&self->allowed))
                break;
            (void)atomic_fetch_add(&self->taken, 1);
            self->messages[worker][count++] = (struct message){.bytes = {self->topic->lines[p][next],
                                                                         strlen(self->topic->lines[p][next])},
                                                               .stamp_ms = self->topic->times_ms[p][next],
                                                               .partition = p,
                                                               .offset = next};
            if (self->world != NULL)
                world_step(self->world);
        }
        any = any || next < self->to[p];
        atomic_store(&self->next[p], next);
    }
    if (count == 0) {
        if (timeout_ms > 0)
            lives_moment();
        return self->ends && !any ? TAKE_END : TAKE_WAIT;
    }
    *batch = (struct batch){.messages = self->messages[worker], .count = count};
    return TAKE_BATCH;
}

/* All end together, and only where that is the end of the run: else the clock would go on as the threads happen to run, and
 * no message says to the next life that it did. */
static inline enum partition_state topic_partition(struct source *source, int32_t partition, int64_t *idle_since_ms)
{
    (void)partition;
    *idle_since_ms = time_wall_ms(); /* what was taken may not have come through yet: no fence is passed by waiting */
    struct topic_source *self = (struct topic_source *)(void *)source;
    return self->to_end && topic_all_taken(self) ? PARTITION_AT_END : PARTITION_READING;
}

static inline void topic_progress(struct source *source, uint64_t *done, uint64_t *total)
{
    *done = (uint64_t)atomic_load(&((struct topic_source *)(void *)source)->taken);
    *total = 0;
}
static inline int64_t topic_begin(struct source *source, int32_t partition)
{
    return ((struct topic_source *)(void *)source)->begin[partition];
}
static inline void topic_stop(struct source *source) { atomic_store(&((struct topic_source *)(void *)source)->stopped, true); }
static inline void topic_source_free(struct source *source) { free(source); }

static const struct source_class topic_class = {.name = "topic",
                                                .take = topic_take,
                                                .give_back = memory_give_back,
                                                .partition = topic_partition,
                                                .progress = topic_progress,
                                                .begin = topic_begin,
                                                .stop = topic_stop,
                                                .free = topic_source_free};

static inline struct topic_source *topic_source_new(const struct topic *topic, int workers, size_t batch)
{
    struct topic_source *self = memory_new(sizeof *self);
    self->source = (struct source){&topic_class, workers, LIVES_PARTITIONS, false};
    self->topic = topic;
    self->batch = batch;
    for (int p = 0; p < LIVES_PARTITIONS; p++)
        self->to[p] = topic->count[p];
    return self;
}

/* ---- a life ---- */

struct life {
    const struct topic *topic;
    const struct lane_set *set;
    struct world *world;
    const char *folder; /* NULL: without durable state */
    int workers;
    size_t batch;
    uint64_t chaos;
    int64_t every;      /* messages between checkpoints */
    int64_t stop_after; /* messages; negative: it reads to the end of the topic */
    int64_t first_kept; /* messages of each partition before this offset are gone from the topic's past */
    bool accept_loss;
    bool event_clock_off; /* live */
};

static inline struct sink *life_open_sink(void *context, int worker, sink_settled *settled, void *settled_context)
{
    const struct life *life = context;
    struct life_sink *self = memory_new(sizeof *self);
    self->kept.sink = (struct sink){.class = &life_sink_class, .settled = settled, .context = settled_context};
    self->kept.chaos = life->chaos == 0 ? 0 : life->chaos + (uint64_t)worker;
    self->kept.troubles = 300;
    self->world = life->world;
    return &self->kept.sink;
}

static inline struct source *life_open_past(void *context, int64_t from_ms, const int64_t *from, const int64_t *to,
                                            int32_t partitions, int64_t *short_ms, struct error *error)
{
    const struct life *life = context;
    (void)error;
    struct topic_source *past = topic_source_new(life->topic, life->workers, 7);
    past->allowed = INT64_MAX;
    past->ends = true;
    *short_ms = 0;
    for (int32_t p = 0; p < LIVES_PARTITIONS; p++) {
        int64_t next = 0;
        past->to[p] = p < partitions ? to[p] : 0;
        while (next < past->to[p] && life->topic->times_ms[p][next] < from_ms)
            next++;
        if (p < partitions && from != NULL && from[p] >= 0)
            next = from[p];
        if (next < life->first_kept && life->first_kept < past->to[p]) {
            int64_t missing_ms = life->topic->times_ms[p][life->first_kept] - life->topic->times_ms[p][next];
            *short_ms = missing_ms > *short_ms ? missing_ms : *short_ms;
            next = life->first_kept;
        }
        past->next[p] = next;
    }
    return &past->source;
}

/* Waits for the thing. */
static inline bool life_reached(struct engine *engine, struct topic_source *source, int64_t messages)
{
    int64_t end_ms = time_monotonic_ms() + LIVES_LIMIT_MS;
    while (atomic_load(&source->taken) < messages && !topic_all_taken(source)) {
        lives_moment();
        if (engine_wait(engine, 0))
            return false;
        assert_true(time_monotonic_ms() < end_ms);
    }
    return true;
}

/* In the process that calls it. */
static inline void life_live(const struct life *life)
{
    struct state_folder folder;
    struct state_plan plan;
    struct manifest *manifest = NULL;
    struct error error = {0}, passed_over;
    struct lease lease;
    life_sink_class = kept_class;
    life_sink_class.write = life_write;
    life_sink_class.commit = life_commit;
    life_sink_class.fence = life_fence;
    FILE *refused = tmpfile();
    struct dead_letters *letters = dead_letters_on(refused);
    struct topic_source *source = topic_source_new(life->topic, life->workers, life->batch);
    source->world = life->world;
    source->to_end = life->stop_after < 0;
    for (int p = 0; p < LIVES_PARTITIONS; p++)
        lease.fence[p] = atomic_load(&life->world->fence[p]);
    lease.fence_clock = atomic_load(&life->world->fence_clock);
    if (life->folder != NULL) {
        assert_true(state_folder_open(&folder, life->folder, &error));
        manifest = manifest_load(folder.folder, folder.path, &passed_over, &error);
        if (manifest == NULL && error.what[0] != '\0')
            (void)fprintf(stderr, "%s %s\n", error.what, error.found);
        assert_true(manifest != NULL || error.what[0] == '\0');
        state_plan_make(&plan, life->set, manifest);
        plan.folder = &folder;
        plan.generation = manifest_highest_generation(folder.folder) + 1;
        plan.interval_ms = 3600000; /* only where they are asked for */
        plan.topic = "topic";
        plan.accept_loss = life->accept_loss;
        for (int32_t p = 0; manifest != NULL && p < manifest->partition_count; p++)
            source->begin[p] = manifest->partitions[p].next;
    }
    for (int p = 0; p < LIVES_PARTITIONS; p++)
        source->next[p] = source->begin[p];
    struct engine_settings settings = {.set = life->set,
                                       .source = &source->source,
                                       .letters = letters,
                                       .workers = life->workers,
                                       .clock = life->event_clock_off ? CLOCK_LIVE : CLOCK_EVENT,
                                       .disorder_ms = 5000,
                                       .idle_ms = 3000,
                                       .future_ms = 600000,
                                       .max_message_bytes = 1000000,
                                       .to_end = life->stop_after < 0,
                                       .until_ms = INT64_MIN,
                                       .drain_ms = LIVES_LIMIT_MS,
                                       .open_sink = life_open_sink,
                                       .sink_context = (void *)(uintptr_t)life,
                                       .state = life->folder == NULL ? NULL : &plan,
                                       .lease = &lease,
                                       .open_past = life_open_past,
                                       .past_context = (void *)(uintptr_t)life};
    struct engine *engine = engine_start(&settings);
    bool running = true;
    while (running && !topic_all_taken(source) && (life->stop_after < 0 || atomic_load(&source->taken) < life->stop_after)) {
        int64_t goal = atomic_load(&source->taken) + life->every;
        atomic_store(&source->allowed, goal);
        running = life_reached(engine, source, goal);
        if (running && life->folder != NULL && engine_checkpoint(engine))
            (void)atomic_fetch_add(&life->world->checkpoints, 1);
    }
    if (life->stop_after >= 0)
        source_stop(&source->source);
    life->world->kept = engine_finish(engine);
    life->world->error[0] = '\0';
    if (engine_error(engine, &error))
        (void)snprintf(life->world->error, sizeof life->world->error, "%.190s / %.190s", error.what, error.found);
    struct engine_counters counters;
    engine_count(engine, &counters);
    atomic_store(&life->world->restored, counters.restored_records);
    atomic_store(&life->world->filled, counters.filling);
    engine_free(engine);
    source_free(&source->source);
    if (life->folder != NULL) {
        state_plan_free(&plan);
        manifest_free(manifest);
        state_folder_close(&folder);
    }
    dead_letters_close(letters, 1000);
    (void)fclose(refused);
}

/* In a process of its own, to its end. True: it was killed. */
static inline bool life_run(const struct life *life, int64_t steps)
{
    atomic_flag_clear(&life->world->lock); /* who was killed may have held it */
    atomic_store(&life->world->steps, steps);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        life_live(life);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return true;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return false;
}

#endif
