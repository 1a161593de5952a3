/* lease_bench.h - what tests of the lease share beside redis_bench.h. The topic is "shop". */
#ifndef TESTS_LEASE_BENCH_H
#define TESTS_LEASE_BENCH_H

#include "redis_bench.h"

#include "sink/lease.h"

enum { LONG_MS = 60000, TTL_MS = 600, SHORT_MS = 300 };

#define LEASE_KEY       "shoplane:{shop}:lease"
#define CONNECTIONS_KEY "shoplane:{shop}:connections"
#define FENCE_KEY       "shoplane:{shop}:fence"

void wait_state(struct lease *lease, enum lease_state wanted);
/* A new lease, which is held. */
struct lease *take(struct bench *bench, const char *owner, const char *former, int64_t ttl_ms);
/* The bench's sink, of worker 2, under this lease. */
struct sink *sink_under(struct bench *bench, struct lease *lease);

/* Wait until it was logged. */
void wait_said(const struct captured *captured, const char *text);
/* End the capture: all of these were logged. NULL-terminated. */
void expect_said(struct captured *captured, const char *const *texts);

#endif
