/* question.c - see question.h. */
#include "engine/question.h"

#include "engine/worker.h"

#include <errno.h>
#include <time.h>

/* Lives on the stack of who asks, who takes it back before it goes. */
struct question {
    question_answer *answer;
    void *context;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool answered;
};

void question_box_init(struct question_box *box)
{
    box->closed = false;
    atomic_init(&box->standing, NULL);
    (void)pthread_mutex_init(&box->asking, NULL);
    (void)pthread_mutex_init(&box->lock, NULL);
}

void question_box_free(struct question_box *box)
{
    (void)pthread_mutex_destroy(&box->asking);
    (void)pthread_mutex_destroy(&box->lock);
}

void question_look(struct worker *worker)
{
    if (atomic_load_explicit(&worker->questions.standing, memory_order_relaxed) == NULL)
        return;
    struct question *question = atomic_exchange_explicit(&worker->questions.standing, NULL, memory_order_acquire);
    if (question == NULL) /* taken back */
        return;
    question->answer(worker, question->context);
    (void)pthread_mutex_lock(&question->lock);
    question->answered = true;
    (void)pthread_cond_signal(&question->changed);
    (void)pthread_mutex_unlock(&question->lock); /* the last that is touched of it: it may be gone now */
}

void question_box_close(struct worker *worker)
{
    question_look(worker);
    (void)pthread_mutex_lock(&worker->questions.lock);
    worker->questions.closed = true;
    (void)pthread_mutex_unlock(&worker->questions.lock);
    question_look(worker); /* one that came between the two */
}

/* Wait until it is answered, or take it back. False: it was taken back. */
static bool await(struct question_box *box, struct question *question, int timeout_ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L)
        until.tv_sec++, until.tv_nsec -= 1000000000L;
    (void)pthread_mutex_lock(&question->lock);
    bool late = false;
    while (!question->answered) {
        if (!late) {
            late = pthread_cond_timedwait(&question->changed, &question->lock, &until) == ETIMEDOUT;
            continue;
        }
        struct question *mine = question;
        if (atomic_compare_exchange_strong(&box->standing, &mine, NULL))
            break;
        (void)pthread_cond_wait(&question->changed, &question->lock); /* it is being answered */
    }
    bool answered = question->answered;
    (void)pthread_mutex_unlock(&question->lock);
    return answered;
}

bool engine_ask(struct engine *engine, int number, question_answer *answer, void *context, int timeout_ms)
{
    struct question_box *box = &engine_worker(engine, number)->questions;
    struct question question = {.answer = answer, .context = context};
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&question.changed, &monotonic);
    (void)pthread_mutex_init(&question.lock, NULL);
    (void)pthread_mutex_lock(&box->asking);
    (void)pthread_mutex_lock(&box->lock);
    bool open = !box->closed;
    if (open)
        atomic_store_explicit(&box->standing, &question, memory_order_release);
    (void)pthread_mutex_unlock(&box->lock);
    bool answered = open && await(box, &question, timeout_ms);
    (void)pthread_mutex_unlock(&box->asking);
    (void)pthread_cond_destroy(&question.changed);
    (void)pthread_mutex_destroy(&question.lock);
    (void)pthread_condattr_destroy(&monotonic);
    return answered;
}

static void add_costs(struct worker *worker, void *context)
{
    struct lane_cost *costs = context;
    for (size_t i = 0; i < worker->settings->set->lane_count; i++) {
        cost_sum(&costs[i], &worker->extraction.costs[i]);
        cost_sum(&costs[i], &worker->shard.folder.costs[i]);
    }
}

/* Of every worker, whether it runs or has ended. */
static bool sum_up(struct engine *engine, question_answer *add, void *context, int timeout_ms)
{
    for (int i = 0; i < engine_workers(engine); i++) {
        struct worker *worker = engine_worker(engine, i);
        if (atomic_load(&worker->ended))
            add(worker, context);
        else if (!engine_ask(engine, i, add, context, timeout_ms))
            return false;
    }
    return true;
}

bool engine_costs(struct engine *engine, struct lane_cost *costs, int timeout_ms)
{
    return sum_up(engine, add_costs, costs, timeout_ms);
}

static void add_shadows(struct worker *worker, void *context)
{
    shadows_sum(context, &worker->shard.shadows, worker->settings->set);
}

bool engine_shadows(struct engine *engine, struct shadows *sum, int timeout_ms)
{
    return sum_up(engine, add_shadows, sum, timeout_ms);
}
