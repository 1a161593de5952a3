/* question.h - something another thread wants to know of a worker's keys: the worker itself answers, between two rounds of its
 * loop, so that nothing it owns is ever touched by anybody else.
 *
 * At most one question stands at a worker; whoever asks while one does waits. An answer should take well below a millisecond:
 * while it is made the worker reads nothing. Answers must not write to the sink, and must not change what the shard holds; they may
 * mark something as owed, which the worker then writes. */
#ifndef ENGINE_QUESTION_H
#define ENGINE_QUESTION_H

#include "engine/cost.h"
#include "engine/engine.h"
#include "engine/shadow.h"

#include <pthread.h>
#include <stdatomic.h>

struct worker;

/* Called on the worker's thread. */
typedef void question_answer(struct worker *worker, void *context);

/* Ask worker number `worker` (0 to workers - 1) and wait for its answer, at most `timeout_ms`. Thread-safe. False: it has
 * ended, or did not come to it in time; `answer` is then not called any more, and `context` may go. */
bool engine_ask(struct engine *engine, int worker, question_answer *answer, void *context, int timeout_ms);

/* For question.c: what lies behind the number. */
struct worker *engine_worker(struct engine *engine, int number);

int engine_workers(const struct engine *engine);

/* Which worker owns a key of this kind. */
int engine_owner(const struct engine *engine, sl_view key, sl_key kind);

/* What plugins have cost so far, all workers together: costs[] has one a lane of the set, zeroed by the caller. False: a worker did
 * not answer. Callable after the workers have ended, too. */
bool engine_costs(struct engine *engine, struct lane_cost *costs, int timeout_ms);

/* How shadows differ so far, all workers together: *sum is as shadows_init() leaves it. The same. */
bool engine_shadows(struct engine *engine, struct shadows *sum, int timeout_ms);

/* ---- the worker's side ---- */

struct question_box {
    struct question *_Atomic standing; /* NULL: none */
    pthread_mutex_t asking;            /* held by who asks, one at a time, until it has its answer */
    pthread_mutex_t lock;              /* of `closed`, and of putting a question there */
    bool closed;
};
void question_box_init(struct question_box *box);
void question_box_free(struct question_box *box);
/* Answer what stands there. Cheap where nothing does. */
void question_look(struct worker *worker);
/* Answer no more: whoever asks is told so. */
void question_box_close(struct worker *worker);

#endif
