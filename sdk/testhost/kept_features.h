/* kept_features.h - what Redis would have, in memory: a sink that keeps the newest value of every key, when its time runs out,
 * and by what it came to be. */
#ifndef TESTHOST_KEPT_FEATURES_H
#define TESTHOST_KEPT_FEATURES_H

#include "base/buffer.h"
#include "sink/sink.h"

#define KEPT_NO_STEP SIZE_MAX /* written at the end, when the clock moved on */

struct kept_feature {
    char *key;
    char *value;  /* NULL: deleted, or never there */
    char *before; /* what it was before its last change; NULL: it was not there */
    int64_t time_ms, ttl_s; /* of the last write or refresh */
    int64_t changed_ms;     /* the clock when it last changed */
    size_t step;            /* the caller's number of what was done then */
};

struct kept_features {
    struct kept_feature *items; /* sorted by key, byte by byte */
    size_t count, capacity;
    size_t step; /* set by the caller before it does something */
};

void kept_features_free(struct kept_features *kept);

/* A sink that writes into it; several may. */
struct sink *kept_features_sink(struct kept_features *kept, sink_settled *settled, void *context);

/* NULL: no such key was ever written. */
const struct kept_feature *kept_features_find(const struct kept_features *kept, const char *key);

/* Is it there at this time? `all`: whether or not its TTL has run out. Seconds left, rounded up, in *ttl_s. */
bool kept_feature_there(const struct kept_feature *feature, int64_t clock_ms, bool all, int64_t *ttl_s);

#endif
