/* question.c - what is asked of a worker is answered on its own thread, once, one question at a time; who asks too late, or in vain,
 * is told so, and nothing it lent is touched afterwards. */
#include "engine/question.h"

#include "engine/worker.h"
#include "visits_lane.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define WORKERS 2
#define SOON_MS 20000 /* far longer than an answer takes, sanitized or not */

/* Nothing to read until it is stopped. */
static atomic_bool stopped;

static enum take take_nothing(struct source *source, int worker, int timeout_ms, struct batch *batch)
{
    (void)source, (void)worker, (void)batch;
    struct timespec moment = {.tv_nsec = timeout_ms > 0 ? 1000000 : 0};
    (void)nanosleep(&moment, NULL);
    return atomic_load(&stopped) ? TAKE_END : TAKE_WAIT;
}
static void give_back(struct source *source, struct batch *batch) { (void)source, (void)batch; }
static enum partition_state reading(struct source *source, int32_t partition, int64_t *idle_since_ms)
{
    (void)source, (void)partition;
    *idle_since_ms = 0;
    return PARTITION_READING;
}
static const struct source_class quiet = {.name = "quiet", .take = take_nothing, .give_back = give_back, .partition = reading};
static struct source source = {&quiet, WORKERS, WORKERS, false};

static struct lane_set *set;
static struct dead_letters *letters;
static struct engine *engine;

static struct sink *open_sink(void *context, int worker, sink_settled *settled, void *settled_context)
{
    (void)context, (void)worker;
    return null_sink_new(settled, settled_context);
}

static int set_up(void **state)
{
    (void)state;
    static const struct window_settings windows[] = {{.name = "1m", .length_ms = 60000, .ttl_s = 600}, {0}};
    atomic_store(&stopped, false);
    set = visits_set_new();
    visits_lane_add(set, windows);
    plan_seal(set->plan);
    letters = dead_letters_on(stderr);
    struct engine_settings settings = {.set = set,
                                       .source = &source,
                                       .letters = letters,
                                       .workers = WORKERS,
                                       .clock = CLOCK_LIVE,
                                       .max_message_bytes = 1000000,
                                       .until_ms = INT64_MIN,
                                       .open_sink = open_sink};
    engine = engine_start(&settings);
    return 0;
}

static void end_workers(void)
{
    atomic_store(&stopped, true);
    assert_true(engine_wait(engine, SOON_MS));
}

static int tear_down(void **state)
{
    (void)state;
    end_workers();
    engine_free(engine);
    dead_letters_close(letters, 0);
    lane_set_free(set);
    return 0;
}

struct answer {
    pthread_t thread;
    int worker, count;
};

static void who(struct worker *worker, void *context)
{
    struct answer *answer = context;
    answer->thread = pthread_self();
    answer->worker = worker->index;
    answer->count++;
}

static void the_worker_that_is_asked_answers_once_on_its_thread(void **state)
{
    (void)state;
    assert_int_equal(engine_workers(engine), WORKERS);
    for (int i = 0; i < WORKERS; i++) {
        struct answer answer = {.worker = -1};
        assert_true(engine_ask(engine, i, who, &answer, SOON_MS));
        assert_int_equal(answer.worker, i);
        assert_int_equal(answer.count, 1);
        assert_false(pthread_equal(answer.thread, pthread_self()));
        assert_true(pthread_equal(answer.thread, engine_worker(engine, i)->thread));
    }
}

/* Held up until it is let go. */
struct holding {
    atomic_bool begun, let_go;
    int count;
};
static void hold(struct worker *worker, void *context)
{
    (void)worker;
    struct holding *holding = context;
    atomic_store(&holding->begun, true);
    while (!atomic_load(&holding->let_go))
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    holding->count++;
}

struct asking {
    struct holding *holding;
    bool answered;
};
static void *ask_and_hold(void *context)
{
    struct asking *asking = context;
    asking->answered = engine_ask(engine, 0, hold, asking->holding, SOON_MS);
    return NULL;
}

/* Whose worker has ended is told so, at once. */
static void an_ended_worker_answers_nothing(void **state)
{
    (void)state;
    struct answer answer = {.worker = -1};
    end_workers(); /* none of them looks any more */
    assert_false(engine_ask(engine, 0, who, &answer, 10));
    assert_int_equal(answer.count, 0);
}

static void an_answer_that_was_begun_is_waited_for(void **state)
{
    (void)state;
    struct holding holding = {.count = 0};
    struct asking asking = {&holding, false};
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, ask_and_hold, &asking), 0);
    while (!atomic_load(&holding.begun))
        (void)nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    atomic_store(&stopped, true); /* it is to end, and has something to answer first */
    atomic_store(&holding.let_go, true);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_true(asking.answered);
    assert_int_equal(holding.count, 1);
}

/* Each adds one to what only the worker touches: none is lost, though nothing is locked. */
static int counted;
static void count(struct worker *worker, void *context)
{
    (void)worker, (void)context;
    counted++;
}
#define ASKERS 4
#define EACH   300
static void *ask_often(void *context)
{
    (void)context;
    for (int i = 0; i < EACH; i++)
        if (!engine_ask(engine, 1, count, NULL, SOON_MS))
            return NULL;
    return &counted;
}

static void many_ask_one_after_the_other(void **state)
{
    (void)state;
    pthread_t askers[ASKERS];
    counted = 0;
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&askers[i], NULL, ask_often, NULL), 0);
    for (int i = 0; i < ASKERS; i++) {
        void *all = NULL;
        assert_int_equal(pthread_join(askers[i], &all), 0);
        assert_ptr_equal(all, &counted);
    }
    assert_int_equal(counted, ASKERS * EACH);
}

/* Some are in time and some are not: what was answered is what was counted. */
static void the_end_leaves_nobody_waiting(void **state)
{
    (void)state;
    int answered = 0, refused = 0;
    counted = 0;
    for (int i = 0; refused < 3; i++) {
        if (i == 50)
            atomic_store(&stopped, true);
        if (engine_ask(engine, 1, count, NULL, SOON_MS))
            answered++;
        else
            refused++;
    }
    end_workers();
    assert_int_equal(answered, counted);
    assert_true(answered >= 50);
}

static void costs_are_there_at_the_end_too(void **state)
{
    (void)state;
    struct lane_cost costs[2] = {0};
    assert_true(engine_costs(engine, costs, SOON_MS));
    end_workers();
    assert_true(engine_costs(engine, costs, 0));
    assert_int_equal(costs[0].extract.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_worker_that_is_asked_answers_once_on_its_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_ended_worker_answers_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_that_was_begun_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_ask_one_after_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_leaves_nobody_waiting, set_up, tear_down),
        cmocka_unit_test_setup_teardown(costs_are_there_at_the_end_too, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
