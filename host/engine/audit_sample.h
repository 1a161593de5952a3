/* audit_sample.h - one key, as its records say its features must be in Redis now; taken on the thread of its worker.
 *
 * Only what can be compared is taken: windows that have not changed since they were written, whose writes Redis has
 * acknowledged, of lanes that are full; no features whose TTL may have run out; no crowds (AUDIT_CROWD), which cost more
 * than an audit should. A parser whose values are not a matter of the records alone (fold_check.h) is not compared: that is found
 * instead. */
#ifndef ENGINE_AUDIT_SAMPLE_H
#define ENGINE_AUDIT_SAMPLE_H

#include "engine/fold_check.h"
#include "engine/shard.h"

#define AUDIT_CROWD 1000 /* more than this many records in a window are a crowd */

struct audit_feature {
    size_t key, key_size;     /* in sample->text: the whole Redis key, zero-terminated */
    size_t value, value_size; /* the same */
    bool present;             /* false: the key must not be there */
    bool otherwise;           /* what was written was another value: the same records did not fold to the same then */
    size_t lane, window, metric;
    uint64_t records;         /* that were folded */
    uint64_t written;         /* struct sent's when_present: another one means that it was written again */
    int64_t clock_ms;         /* as of which it was folded */
};

/* A parser that breaks its promise. */
struct audit_doubt {
    struct fold_finding finding;
    size_t key; /* in sample->text, of the feature */
    size_t lane, metric;
};
#define AUDIT_DOUBTS_MAX 8 /* of one key; what is beyond is counted */

struct audit_sample {
    struct buffer text;
    struct audit_feature *features;
    size_t count, capacity;
    bool empty; /* the worker has no keys at all */
    uint64_t passed_over; /* windows that could not be compared */
    uint64_t impure, stale; /* parsers, once a window: FOLD_IMPURE, FOLD_STALE */
    struct audit_doubt doubts[AUDIT_DOUBTS_MAX];
    size_t doubt_count;
    /* Which key it was. */
    size_t lane;
    struct buffer id;
    uint64_t hash; /* low half and top 16 bits, as the key table has them */
};

void audit_sample_free(struct audit_sample *sample);

/* A key by chance: `random` says which. */
void audit_sample_take(struct audit_sample *sample, struct shard *shard, uint64_t random);

/* The same key once more. Its log may be gone: then nothing is in the sample. `hash`: of the key in the shard's table. */
void audit_sample_again(struct audit_sample *sample, struct shard *shard, size_t lane, sl_view id, uint64_t hash);

/* Redis has lost something of these windows (bits) of the sampled key: they are owed, where they have not been written since. The
 * worker writes them when it sends next. Returns which. */
uint32_t audit_sample_repair(const struct audit_sample *sample, struct shard *shard, uint32_t windows);

static inline const char *audit_text(const struct audit_sample *sample, size_t at) { return sample->text.data + at; }

#endif
