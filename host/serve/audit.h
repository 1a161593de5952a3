/* audit.h - the host looks after itself: again and again one key by chance is folded anew from its records, and what Redis
 * has of it is compared with that.
 *
 * What should agree and does not is looked at a second time, since a write may have gone by in between. If another value stays
 * there, it is a mismatch: a log line with the evidence, and a figure. It is not repaired: who finds a wrong value should see it.
 * A feature that is not there any more is written again, and counted: evicted when Redis was short of memory, or deleted. The
 * key's worker writes it, as it writes any other, so that no older value can come after a newer one.
 *
 * Before it is compared, a key is folded several times, which shows plugins whose values are not a matter of their records alone
 * (engine/fold_check.h): each is named once, and counted.
 *
 * A thread and a connection of its own; a worker gives it some microseconds for each key (engine/question.h). Redis being away
 * is no mismatch: it is tried again. */
#ifndef SERVE_AUDIT_H
#define SERVE_AUDIT_H

#include "base/buffer.h"
#include "engine/engine.h"
#include "sink/sink.h"

#define AUDIT_EVIDENCE_MAX 10 /* mismatches that are remembered, the newest */

struct audit_counters {
    uint64_t keys;        /* looked at */
    uint64_t features;    /* compared */
    uint64_t mismatches;  /* of these */
    uint64_t passed_over; /* windows that were on the move, crowds, or otherwise not comparable */
    uint64_t repaired;    /* features that were not there any more, and were written again */
    uint64_t impure;      /* parsers, once a window, that did not say the same twice; they are not compared */
    uint64_t stale;       /* and that go by the clock between two ages */
    uint64_t failed;      /* keys that could not be looked at: Redis or the worker did not answer */
};

struct audit_settings {
    struct redis_settings redis; /* where the features are; its texts outlive the audit */
    int64_t every_ms;            /* a key this often: 10 to 3 600 000 */
    const struct lane_set *set;
    uint64_t seed; /* of which keys: any number */
};

struct audit;

/* `engine` outlives it. */
struct audit *audit_start(struct engine *engine, const struct audit_settings *settings);
/* Waits for what it does at the moment: at most the timeout of Redis. */
void audit_stop(struct audit *audit);

/* Thread-safe, both. The second for people: the figures, and the last mismatches with their evidence, newest first. */
void audit_count(struct audit *audit, struct audit_counters *counters);
void audit_tell(struct audit *audit, struct buffer *out);

#endif
