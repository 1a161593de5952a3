/* engine_clock.c - two workers, a partition each, and the one clock that both allow: partitions run dry and come back, workers
 * are stopped one after the other. */
#include "engine/engine.h"

#include "memory_source.h"
#include "state_fixture.h"
#include "visits_lane.h"

#include "base/time.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define T 1700000000000
#define SECOND 1000
#define LIMIT_MS 20000

/* Gives each partition's worker the line that was put there, once. */
struct fed_source {
    struct source source;
    _Atomic(char *) line[2];
    atomic_int state[2]; /* enum partition_state */
    _Atomic int64_t passed[2]; /* see source_passed() */
    struct message message[2];
    atomic_bool stopped[2], told[2]; /* the worker is to be told that it was stopped; it was */
};

static enum take fed_take(struct source *source, int worker, int timeout_ms, struct batch *batch)
{
    (void)timeout_ms;
    struct fed_source *fed = (struct fed_source *)(void *)source;
    if (atomic_load(&fed->stopped[worker])) {
        atomic_store(&fed->told[worker], true);
        return TAKE_END;
    }
    char *line = atomic_exchange(&fed->line[worker], NULL);
    if (line == NULL) {
        (void)sched_yield();
        return TAKE_WAIT;
    }
    atomic_store(&fed->state[worker], PARTITION_READING);
    fed->message[worker] = (struct message){.bytes = {line, strlen(line)}, .stamp_ms = INT64_MAX / 2, .partition = worker};
    *batch = (struct batch){.messages = &fed->message[worker], .count = 1, .memory = line};
    return TAKE_BATCH;
}

static void fed_give_back(struct source *source, struct batch *batch)
{
    (void)source;
    free(batch->memory);
}

static enum partition_state fed_partition(struct source *source, int32_t partition, int64_t *idle_since_ms)
{
    *idle_since_ms = 0;
    return (enum partition_state)atomic_load(&((struct fed_source *)(void *)source)->state[partition]);
}

static int64_t fed_passed(struct source *source, int32_t partition)
{
    return atomic_load(&((struct fed_source *)(void *)source)->passed[partition]);
}

static const struct source_class fed_class = {
    .name = "fed", .take = fed_take, .give_back = fed_give_back, .partition = fed_partition, .passed = fed_passed};

static void feed(struct fed_source *fed, int partition, int64_t time_ms)
{
    static unsigned id;
    atomic_store(&fed->line[partition], page_view_line(time_ms, ++id, "ann", "s", ""));
}

/* Until so many records are in and the clock is at least there: what it is then. */
static int64_t clock_after(struct engine *engine, uint64_t records, int64_t clock_ms)
{
    struct engine_counters counters;
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    do {
        (void)sched_yield();
        engine_count(engine, &counters);
        assert_true(time_monotonic_ms() < end_ms);
    } while (counters.records < records || counters.clock_ms < clock_ms);
    return counters.clock_ms;
}

static struct sink *open_sink(void *context, int worker, sink_settled *settled, void *settled_context)
{
    (void)context, (void)worker;
    return null_sink_new(settled, settled_context);
}

static struct lane_set *set;
static struct dead_letters *letters;

static struct engine *start(struct fed_source *fed, struct state_plan *plan)
{
    struct engine_settings settings = {.set = set,
                                       .source = &fed->source,
                                       .letters = letters,
                                       .workers = 2,
                                       .clock = CLOCK_EVENT,
                                       .disorder_ms = 5 * SECOND,
                                       .future_ms = 600 * SECOND,
                                       .max_message_bytes = 1000000,
                                       .until_ms = INT64_MIN,
                                       .drain_ms = LIMIT_MS,
                                       .open_sink = open_sink,
                                       .state = plan};
    *fed = (struct fed_source){.source = {&fed_class, 2, 2, false}, .passed = {-1, -1}};
    return engine_start(&settings);
}

static void stop(struct fed_source *fed, int worker)
{
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    atomic_store(&fed->stopped[worker], true);
    while (!atomic_load(&fed->told[worker])) {
        (void)sched_yield();
        assert_true(time_monotonic_ms() < end_ms);
    }
}

static void a_partition_that_was_dry_holds_the_clock_back_once_it_has_data_again(void **state)
{
    (void)state;
    struct fed_source fed;
    struct engine *engine = start(&fed, NULL);
    atomic_store(&fed.state[1], PARTITION_AT_END);
    feed(&fed, 0, T);
    assert_int_equal(clock_after(engine, 1, T - 5 * SECOND), T - 5 * SECOND);
    feed(&fed, 1, T + 60 * SECOND);
    assert_int_equal(clock_after(engine, 2, T - 5 * SECOND), T - 5 * SECOND);
    feed(&fed, 0, T + 3600 * SECOND);
    assert_int_equal(clock_after(engine, 3, T + 55 * SECOND), T + 55 * SECOND);
    feed(&fed, 1, T + 120 * SECOND);
    assert_int_equal(clock_after(engine, 4, T + 115 * SECOND), T + 115 * SECOND);
    stop(&fed, 0);
    stop(&fed, 1);
    engine_free(engine);
}

/* Or being stopped would empty the windows of everybody while a backlog is read. */
static void what_a_stopped_worker_has_not_read_still_holds_the_clock_back(void **state)
{
    (void)state;
    struct fed_source fed;
    struct engine_counters counters;
    struct engine *engine = start(&fed, NULL);
    feed(&fed, 0, T);
    feed(&fed, 1, T + 3600 * SECOND);
    assert_int_equal(clock_after(engine, 2, T - 5 * SECOND), T - 5 * SECOND);
    stop(&fed, 0);
    feed(&fed, 1, T + 3700 * SECOND);
    assert_int_equal(clock_after(engine, 3, T - 5 * SECOND), T - 5 * SECOND);
    stop(&fed, 1);
    while (!engine_wait(engine, LIMIT_MS))
        continue;
    engine_count(engine, &counters);
    assert_int_equal(counters.clock_ms, T - 5 * SECOND);
    engine_free(engine);
}

/* Checkpoints are made until one goes on at these offsets. */
static void await_next(struct engine *engine, const struct state_folder *folder, int64_t first, int64_t second)
{
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS, next[2];
    do {
        struct error passed_over, error;
        assert_true(engine_checkpoint(engine));
        struct manifest *manifest = manifest_load(folder->folder, folder->path, &passed_over, &error);
        assert_non_null(manifest);
        next[0] = manifest->partitions[0].next;
        next[1] = manifest->partitions[1].next;
        manifest_free(manifest);
        assert_true(time_monotonic_ms() < end_ms);
    } while (next[0] != first || next[1] != second);
}

/* Behind the last message lie offsets that have none to give, as after a transaction: a checkpoint does not want them again. */
static void where_a_partition_ended_is_part_of_the_checkpoint(void **state)
{
    (void)state;
    struct fed_source fed;
    struct state_folder folder;
    struct state_plan plan;
    struct error error;
    int above;
    char *path = state_temporary(&above), *inside = memory_format("%s/state", path);
    assert_true(state_folder_open(&folder, inside, &error));
    state_plan_make(&plan, set, NULL);
    plan.folder = &folder;
    plan.generation = 1;
    plan.interval_ms = 3600 * SECOND;
    plan.topic = "t";
    struct engine *engine = start(&fed, &plan);
    feed(&fed, 0, T); /* at offset 0 */
    feed(&fed, 1, T);
    (void)clock_after(engine, 2, T - 5 * SECOND);
    await_next(engine, &folder, 1, 1);
    atomic_store(&fed.passed[0], 7);
    atomic_store(&fed.passed[1], 1);
    await_next(engine, &folder, 7, 1);
    atomic_store(&fed.passed[0], -1); /* made anew: what comes counts */
    feed(&fed, 0, T + 1);
    (void)clock_after(engine, 3, T - 5 * SECOND);
    await_next(engine, &folder, 1, 1);
    stop(&fed, 0);
    stop(&fed, 1);
    engine_free(engine);
    state_plan_free(&plan);
    state_folder_close(&folder);
    (void)close(above);
    state_remove(path);
    free(inside);
    free(path);
}

int main(void)
{
    static const struct window_settings rolling[] = {{.name = "1d", .length_ms = 86400 * SECOND, .ttl_s = 90000}, {0}};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_that_was_dry_holds_the_clock_back_once_it_has_data_again),
        cmocka_unit_test(what_a_stopped_worker_has_not_read_still_holds_the_clock_back),
        cmocka_unit_test(where_a_partition_ended_is_part_of_the_checkpoint),
    };
    set = visits_set_new();
    visits_lane_add(set, rolling);
    plan_seal(set->plan);
    letters = dead_letters_on(stderr);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dead_letters_close(letters, 1000);
    lane_set_free(set);
    return failed;
}
