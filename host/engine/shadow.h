/* shadow.h - how a shadow differs from what it stands beside (plugin/shadow_pairs.h).
 *
 * Whenever a window of one of the two is due to be written, both are folded at the same clock, once all records of the event,
 * or of the moment, have been taken: so what is compared never has one record that the other is still to get. Compared are the
 * texts that would be written. While a lane of the pair fills, and where neither log has a record in the window, nothing is.
 *
 * With the event clock the counts depend neither on batches nor on the number of workers. Each worker has its own; others get
 * sums through question.h. */
#ifndef ENGINE_SHADOW_H
#define ENGINE_SHADOW_H

#include "base/buffer.h"
#include "engine/fold.h"
#include "plugin/shadow_pairs.h"

struct shard;

#define SHADOW_EXAMPLES  5 /* the newest that differed, of each pair */
#define SHADOW_KEY_MAX   160
#define SHADOW_VALUE_MAX 120

struct shadow_tally {                /* of one column of a pair */
    uint64_t compared;               /* times: one of the two has it at least */
    uint64_t differ;                 /* of these */
    uint64_t only_live, only_shadow; /* of those that differ */
    uint64_t numbers;                /* of those that differ: both are numbers */
    double sum, most;                /* of what these are apart, without sign */
};

struct shadow_example {
    int64_t clock_ms;
    char key[SHADOW_KEY_MAX];                              /* "user:ann:product_view_count_5m" */
    char live[SHADOW_VALUE_MAX], shadow[SHADOW_VALUE_MAX]; /* "-": absent; cut where too long */
};

struct shadow_pair_tally {
    struct shadow_tally *columns;                    /* as the pair has */
    struct shadow_example examples[SHADOW_EXAMPLES]; /* a ring */
    uint64_t differing;                              /* examples so far: the newest at (differing - 1) % SHADOW_EXAMPLES */
};

struct shadow_waiting { /* a key whose window is to be looked at */
    size_t lane, window;
    uint64_t hash;
    size_t key, key_size; /* in shadows->keys */
};

struct shadows {
    struct shadow_pair_tally *pairs; /* one a pair of the set */
    struct shadow_waiting *waiting;
    size_t waiting_count, waiting_capacity;
    struct buffer keys;
    struct folder folders[2];
    uint64_t compared, differ; /* all together */
};

/* `texts` are those of the worker that folds; NULL for what is only a sum. */
void shadows_init(struct shadows *shadows, const struct lane_set *set, struct texts *texts);
void shadows_free(struct shadows *shadows, const struct lane_set *set);

/* A window of a lane that is part of a pair is due. */
void shadows_due(struct shard *shard, const struct log *log, size_t window);

/* All of the event, or the moment, has been taken. Cheap where nothing waits. */
void shadows_compare_now(struct shard *shard);
static inline void shadows_compare(struct shard *shard, const struct shadows *shadows)
{
    if (shadows->waiting_count > 0)
        shadows_compare_now(shard);
}

/* Add another worker's; the newest examples of both stay. */
void shadows_sum(struct shadows *sum, const struct shadows *more, const struct lane_set *set);

/* As a table for people, or JSON. `only`: the pairs of this lane or parser; NULL: all. */
void shadows_tell(const struct lane_set *set, const struct shadows *shadows, const char *only, bool json, struct buffer *out);

#endif
