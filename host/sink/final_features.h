/* final_features.h - what a reader would find in Redis at the end of a replay: FEATURES.md section 0, "Final features".
 *
 * A sink that remembers, shared by all workers under a lock: the newest value of each key and when its TTL ends, counted in
 * event time. */
#ifndef SINK_FINAL_FEATURES_H
#define SINK_FINAL_FEATURES_H

#include "sink/sink.h"

#include <stdio.h>

struct final_features;

struct final_features *final_features_new(void);
void final_features_free(struct final_features *final);

/* A worker's sink that writes into it and passes every write on to `next` (may be NULL), which it then owns. */
struct sink *final_features_sink(struct final_features *final, struct sink *next, sink_settled *settled, void *context);

/* Print the keys in byte order, one JSON object a line: {"key":...,"value":...,"ttl":seconds left, rounded up}. A key counts
 * while last write or refresh + ttl > clock_ms; `all` ignores TTLs (ttl is then the one it was written with). Returns
 * how many. */
size_t final_features_print(struct final_features *final, int64_t clock_ms, bool all, FILE *out);

#endif
