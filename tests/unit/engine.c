/* engine.c - workers between a source in memory and sinks that remember: the number of workers does not show, queues are
 * bounded, and whatever a sink does to them, in the end every value is there. */
#include "engine/engine.h"

#include "kept_writes.h"
#include "memory_source.h"
#include "visits_lane.h"

#include "base/hash.h"
#include "base/ring.h"
#include "base/time.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EVENTS 3000
#define T 1700000000000

static char *lines[EVENTS];
static struct lane_set *set;
static struct dead_letters *letters;
static FILE *refused;

static uint64_t seed = 3;

static uint64_t random_below(uint64_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (seed >> 33) % bound;
}

static int set_up(void **state)
{
    (void)state;
    static const struct window_settings rolling[] = {
        {.name = "1m", .length_ms = 60000, .emit_ms = 0, .ttl_s = 600},
        {.name = "10m", .length_ms = 600000, .emit_ms = 7000, .burst = 1, .ttl_s = 100},
        {0}};
    static const struct window_settings session[] = {{.name = "session",
                                                      .session = true,
                                                      .gap_ms = 1800000,
                                                      .max_ms = 43200000,
                                                      .lateness_ms = 300000,
                                                      .emit_ms = 5000,
                                                      .burst = 1,
                                                      .ttl_s = 2400},
                                                     {0}};
    set = visits_set_new();
    visits_lane_add(set, rolling);
    visits_lane_add(set, session);
    plan_seal(set->plan);
    refused = tmpfile();
    letters = dead_letters_on(refused);
    for (size_t i = 0; i < EVENTS; i++) {
        char user[16], visit[16], page[40] = "";
        (void)snprintf(user, sizeof user, "u%d", (int)random_below(60));
        (void)snprintf(visit, sizeof visit, "s%d", (int)random_below(80));
        if (random_below(3) != 0)
            (void)snprintf(page, sizeof page, "%s %d", random_below(2) == 0 ? "p" : "a page of the shop",
                           (int)random_below(9));
        int64_t time_ms = T + (int64_t)i * 300 + (int64_t)random_below(4000);
        lines[i] = page_view_line(time_ms, (unsigned)(random_below(30) == 0 && i > 50 ? i - 50 : i),
                                  random_below(20) == 0 ? "" : user, visit, page);
        if (random_below(200) == 0)
            lines[i][5] = '\0'; /* nobody can read that */
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < EVENTS; i++)
        free(lines[i]);
    dead_letters_close(letters, 1000);
    (void)fclose(refused);
    lane_set_free(set);
    return 0;
}

/* ---- a run ---- */

struct sinks {
    struct kept_sink *all[MEMORY_WORKERS];
    int count;
    uint64_t chaos;
};

/* Frees nothing: what was written is looked at when the engine is gone. */
static void keep(struct sink *sink) { (void)sink; }

static struct sink_class surviving_class;

static struct sink *open_sink(void *context, int worker, sink_settled *settled, void *settled_context)
{
    (void)worker;
    struct sinks *sinks = context;
    struct kept_sink *kept = kept_sink_new(settled, settled_context);
    surviving_class = kept_class;
    surviving_class.free = keep;
    kept->sink.class = &surviving_class;
    kept->chaos = sinks->chaos == 0 ? 0 : sinks->chaos + (uint64_t)sinks->count;
    kept->troubles = 300;
    sinks->all[sinks->count++] = kept;
    return &kept->sink;
}

static void sinks_free(struct sinks *sinks)
{
    for (int i = 0; i < sinks->count; i++)
        kept_free(&sinks->all[i]->sink);
}

static struct engine_settings settings_for(struct memory_source *source, struct sinks *sinks)
{
    return (struct engine_settings){.set = set,
                                    .source = &source->source,
                                    .letters = letters,
                                    .workers = source->source.workers,
                                    .clock = CLOCK_EVENT,
                                    .disorder_ms = 5000,
                                    .idle_ms = 3000,
                                    .future_ms = 600000,
                                    .max_message_bytes = 1000000,
                                    .to_end = true,
                                    .until_ms = INT64_MIN,
                                    .drain_ms = 30000,
                                    .open_sink = open_sink,
                                    .sink_context = sinks};
}

static struct engine_counters run(int workers, size_t batch, int32_t partitions, uint64_t chaos, struct sinks *sinks)
{
    struct memory_source source;
    *sinks = (struct sinks){.chaos = chaos};
    hash_secret += 0x9e3779b97f4a7c15u; /* no run is like another, and all agree */
    memory_source_open(&source, lines, EVENTS, batch, workers, partitions);
    struct engine_settings settings = settings_for(&source, sinks);
    struct engine *engine = engine_start(&settings);
    assert_true(engine_wait(engine, 120000));
    struct engine_counters counters;
    engine_count(engine, &counters);
    engine_free(engine);
    memory_source_close(&source);
    return counters;
}

static int by_line(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Texts, sorted, as one. */
static char *joined(char **texts, size_t count)
{
    struct buffer out = {0};
    qsort(texts, count, sizeof *texts, by_line);
    for (size_t i = 0; i < count; i++) {
        buffer_printf(&out, "%s\n", texts[i]);
        free(texts[i]);
    }
    free(texts);
    buffer_byte(&out, '\0');
    return out.data;
}

/* All that was written, by key, and of each key in its order. */
static char *all_writes(const struct sinks *sinks)
{
    char **texts = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < sinks->count; i++) {
        char *rest = memory_text(kept_lines(sinks->all[i])), *place;
        for (char *line = strtok_r(rest, "\n", &place); line != NULL; line = strtok_r(NULL, "\n", &place)) {
            if (count == capacity)
                texts = memory_resize(texts, (capacity = capacity * 2 + 64) * sizeof *texts);
            size_t key = strcspn(line, " ");
            texts[count] = memory_format("%.*s %06zu%s", (int)key, line, count, line + key);
            count++;
        }
        free(rest);
    }
    char *text = joined(texts, count);
    /* The numbers have done their work; they count lines of all keys. */
    char *to = text;
    for (char *at = text; *at != '\0';) {
        size_t key = strcspn(at, " "), line = strcspn(at, "\n") + 1;
        memmove(to, at, key);
        memmove(to + key, at + key + 7, line - key - 7);
        to += line - 7;
        at += line;
    }
    *to = '\0';
    return text;
}

/* What Redis has at the end. */
static char *all_values(const struct sinks *sinks)
{
    char **texts = NULL;
    size_t count = 0, capacity = 0;
    for (int i = 0; i < sinks->count; i++)
        for (size_t k = 0; k < sinks->all[i]->key_count; k++) {
            const struct kept_key *key = &sinks->all[i]->keys[k];
            if (key->value == NULL)
                continue;
            if (count == capacity)
                texts = memory_resize(texts, (capacity = capacity * 2 + 64) * sizeof *texts);
            texts[count++] = memory_format("%s = %s", key->key, key->value);
        }
    return joined(texts, count);
}

/* Say where two long texts differ. */
static void assert_same_lines(const char *found, const char *expected)
{
    size_t at = 0, line = 0;
    for (; found[at] == expected[at]; at++) {
        if (found[at] == '\0')
            return;
        if (found[at] == '\n')
            line = at + 1;
    }
    fail_msg("\"%.*s\" instead of \"%.*s\"", (int)strcspn(found + line, "\n"), found + line,
             (int)strcspn(expected + line, "\n"), expected + line);
}

/* ---- tests ---- */

static void the_number_of_workers_and_the_batches_do_not_show(void **state)
{
    (void)state;
    struct sinks sinks;
    struct engine_counters one = run(1, 100, 0, 0, &sinks);
    char *expected = all_writes(&sinks);
    sinks_free(&sinks);
    assert_true(strlen(expected) > 100000);
    assert_true(one.bad > 0 && one.unkeyed > 0 && one.duplicates > 0 && one.keys > 0);
    assert_int_equal(one.messages, EVENTS);
    assert_int_equal(one.events + one.bad, EVENTS);
    assert_int_equal(one.unsent, 0);
    static const struct {
        int workers;
        size_t batch;
    } others[] = {{4, 100}, {2, 5}, {3, 7}, {4, 1000}, {8, 13}};
    for (size_t i = 0; i < 5; i++) {
        struct engine_counters other = run(others[i].workers, others[i].batch, 0, 0, &sinks);
        char *found = all_writes(&sinks);
        sinks_free(&sinks);
        assert_same_lines(found, expected);
        assert_int_equal(other.messages, EVENTS);
        assert_int_equal(other.events, one.events);
        assert_int_equal(other.bad, one.bad);
        assert_int_equal(other.unkeyed, one.unkeyed);
        assert_int_equal(other.records, one.records);
        assert_int_equal(other.duplicates, one.duplicates);
        assert_int_equal(other.late, one.late);
        assert_int_equal(other.keys, one.keys);
        assert_int_equal(other.clock_ms, one.clock_ms);
        free(found);
    }
    free(expected);
}

static void partitions_give_the_same_values_however_they_are_read(void **state)
{
    (void)state;
    struct sinks sinks;
    (void)run(1, 100, 0, 0, &sinks);
    char *expected = all_values(&sinks);
    sinks_free(&sinks);
    assert_true(strlen(expected) > 2000);
    static const struct {
        int workers;
        int32_t partitions;
    } others[] = {{1, 1}, {1, 6}, {2, 6}, {4, 6}, {4, 2}, {8, 3}}; /* also workers without a partition */
    for (size_t i = 0; i < 6; i++) {
        struct engine_counters other = run(others[i].workers, 20, others[i].partitions, 0, &sinks);
        char *found = all_values(&sinks);
        sinks_free(&sinks);
        assert_int_equal(other.late, 0);
        assert_int_equal(other.unsent, 0);
        assert_same_lines(found, expected);
        free(found);
    }
    free(expected);
}

static const struct kept_key *find_value(const struct sinks *sinks, const char *key)
{
    for (int i = 0; i < sinks->count; i++)
        for (size_t k = 0; k < sinks->all[i]->key_count; k++)
            if (strcmp(sinks->all[i]->keys[k].key, key) == 0)
                return &sinks->all[i]->keys[k];
    return NULL;
}

/* What is alive at the end is what the other has, or had until it expired there. */
static void assert_alive_agree(const struct sinks *sinks, const struct sinks *others, bool must_be_alive, int64_t now_ms)
{
    for (int i = 0; i < sinks->count; i++)
        for (size_t k = 0; k < sinks->all[i]->key_count; k++) {
            const struct kept_key *here = &sinks->all[i]->keys[k], *there = find_value(others, here->key);
            if (here->value == NULL || here->until_ms <= now_ms)
                continue;
            const char *value = there == NULL || there->value == NULL ? "" : there->value;
            if (strcmp(here->value, value) != 0 || (must_be_alive && there->until_ms <= now_ms))
                fail_msg("%s = %s and \"%s\", expired %d ms ago", here->key, here->value, value,
                         there == NULL ? 0 : (int)(now_ms - there->until_ms));
        }
}

static void whatever_the_sink_loses_is_there_in_the_end(void **state)
{
    (void)state;
    struct sinks good, sinks;
    (void)run(1, 20, 0, 0, &good);
    for (uint64_t chaos = 1; chaos <= 12; chaos++) {
        struct engine_counters counters = run(chaos % 2 == 0 ? 1 : 4, 20, 0, chaos * 1000, &sinks);
        assert_true(counters.lost > 20);
        assert_int_equal(counters.lost, counters.sink.failed_groups);
        assert_int_equal(counters.unsent, 0);
        assert_alive_agree(&good, &sinks, true, counters.clock_ms);
        assert_alive_agree(&sinks, &good, false, counters.clock_ms);
        sinks_free(&sinks);
    }
    sinks_free(&good);
}

/* ---- bounded queues ---- */

static struct gate {
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool open;
    struct sink *guarded; /* the sink behind it, by its worker: the first */
    const struct memory_source *source;
    size_t taken;         /* by the other when the first came to the gate; SIZE_MAX: it has not yet */
    atomic_size_t polls;  /* of the other */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};

static bool gate_poll(struct sink *sink, int timeout_ms)
{
    if (sink == gate.guarded) {
        (void)pthread_mutex_lock(&gate.lock);
        if (gate.taken == SIZE_MAX)
            gate.taken = atomic_load(&gate.source->taken[1]);
        while (!gate.open)
            (void)pthread_cond_wait(&gate.change, &gate.lock);
        (void)pthread_mutex_unlock(&gate.lock);
    } else {
        (void)atomic_fetch_add(&gate.polls, 1);
    }
    return kept_poll(sink, timeout_ms);
}

static struct sink_class gate_class;

static struct sink *open_gate(void *context, int worker, sink_settled *settled, void *settled_context)
{
    struct sink *sink = open_sink(context, worker, settled, settled_context);
    gate_class = surviving_class;
    gate_class.poll = gate_poll;
    sink->class = &gate_class;
    if (gate.guarded == NULL)
        gate.guarded = sink;
    return sink;
}

/* One worker stands still; the other may get as far ahead as its ring is long, and no further. */
static void who_can_not_deliver_does_not_read(void **state)
{
    (void)state;
    for (int32_t partitions = 0; partitions <= 2; partitions += 2) {
        struct sinks sinks = {0};
        struct memory_source source;
        memory_source_open(&source, lines, 400, 1, 2, partitions);
        struct engine_settings settings = settings_for(&source, &sinks);
        settings.open_sink = open_gate;
        gate.open = false;
        gate.guarded = NULL;
        gate.source = &source;
        gate.taken = SIZE_MAX;
        struct engine *engine = engine_start(&settings);
        /* It is stuck once it has looked around a few times without taking a batch. */
        int64_t until = time_monotonic_ms() + 60000;
        size_t before = SIZE_MAX;
        while (before == SIZE_MAX && time_monotonic_ms() < until) {
            (void)pthread_mutex_lock(&gate.lock);
            before = gate.taken;
            (void)pthread_mutex_unlock(&gate.lock);
            (void)sched_yield();
        }
        size_t taken;
        do {
            taken = atomic_load(&source.taken[1]);
            for (size_t polls = atomic_load(&gate.polls);
                 atomic_load(&gate.polls) - polls < 30 && time_monotonic_ms() < until;)
                (void)sched_yield();
        } while (taken == 0 || taken != atomic_load(&source.taken[1]));
        assert_true(time_monotonic_ms() < until);
        assert_in_range(taken, RING_CAPACITY, before + RING_CAPACITY + 1); /* and the batch that it can't deliver */
        (void)pthread_mutex_lock(&gate.lock);
        gate.open = true;
        (void)pthread_cond_broadcast(&gate.change);
        (void)pthread_mutex_unlock(&gate.lock);
        assert_true(engine_wait(engine, 120000));
        struct engine_counters counters;
        engine_count(engine, &counters);
        assert_int_equal(counters.messages, 400);
        assert_int_equal(counters.unsent, 0);
        engine_free(engine);
        memory_source_close(&source);
        sinks_free(&sinks);
    }
}

/* ---- the end ---- */

static bool never_ready(struct sink *sink)
{
    (void)sink;
    return false;
}

static struct sink_class away_class;

static struct sink *open_away(void *context, int worker, sink_settled *settled, void *settled_context)
{
    struct sink *sink = open_sink(context, worker, settled, settled_context);
    away_class = surviving_class;
    away_class.ready = never_ready;
    sink->class = &away_class;
    return sink;
}

static void what_a_sink_never_takes_is_given_up_and_counted(void **state)
{
    (void)state;
    struct sinks sinks = {0};
    struct memory_source source;
    memory_source_open(&source, lines, 200, 50, 2, 0);
    struct engine_settings settings = settings_for(&source, &sinks);
    settings.open_sink = open_away;
    settings.drain_ms = 50;
    struct engine *engine = engine_start(&settings);
    assert_true(engine_wait(engine, 120000));
    struct engine_counters counters;
    engine_count(engine, &counters);
    assert_true(counters.unsent > 50);
    assert_int_equal(counters.unsent, counters.keys);
    assert_int_equal(counters.sink.groups, 0);
    engine_free(engine);
    memory_source_close(&source);
    sinks_free(&sinks);
}

static void an_empty_input_ends_at_once(void **state)
{
    (void)state;
    for (int32_t partitions = 0; partitions <= 2; partitions += 2) {
        struct sinks sinks = {0};
        struct memory_source source;
        memory_source_open(&source, lines, 0, 50, 3, partitions);
        struct engine_settings settings = settings_for(&source, &sinks);
        struct engine *engine = engine_start(&settings);
        assert_true(engine_wait(engine, 60000));
        struct engine_counters counters;
        engine_count(engine, &counters);
        assert_int_equal(counters.messages, 0);
        assert_int_equal(counters.clock_ms, INT64_MIN);
        engine_free(engine);
        memory_source_close(&source);
        sinks_free(&sinks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_workers_and_the_batches_do_not_show),
        cmocka_unit_test(partitions_give_the_same_values_however_they_are_read),
        cmocka_unit_test(whatever_the_sink_loses_is_there_in_the_end),
        cmocka_unit_test(who_can_not_deliver_does_not_read),
        cmocka_unit_test(what_a_sink_never_takes_is_given_up_and_counted),
        cmocka_unit_test(an_empty_input_ends_at_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
