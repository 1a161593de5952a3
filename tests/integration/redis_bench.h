/* redis_bench.h - what tests of the Redis sink share: a prepared server, settings for it, and a record of what settled.
 *
 * Waiting is for the thing, with a limit: the functions that wait fail the test after LIMIT_MS. */
#ifndef TESTS_REDIS_BENCH_H
#define TESTS_REDIS_BENCH_H

#include "redis_server.h"

#include "sink/sink.h"

#include <stdint.h>
#include <stdio.h>

#define LIMIT_MS   20000
#define GROUPS_MAX 60000

struct bench {
    struct redis_server server;
    struct redis_settings settings;
    struct told {
        size_t ok, failed, count;
        char results[GROUPS_MAX + 1]; /* by token: 'o', 'f', or 0 */
    } told;
    uintptr_t token; /* the last one given away; tokens are 1, 2, 3, ... and must settle in that order */
};

/* cmocka's setup and teardown. The server is not started yet; the settings are for its unix socket. */
int bench_open(void **state);
int bench_close(void **state);
#define CASE(name) cmocka_unit_test_setup_teardown(name, bench_open, bench_close)

/* A sink of these settings, and nothing told yet. */
struct sink *sink_open(struct bench *bench);

void put(struct sink *sink, const char *key, const char *value, bool refresh); /* value NULL: a deletion. TTL 600 */
void end_group(struct bench *bench, struct sink *sink);
void put_group(struct bench *bench, struct sink *sink, const char *key, const char *value);

void wait_ready(struct sink *sink);
void drain(struct sink *sink); /* until nothing is in flight */
/* The same group again and again until it settles ok. */
void put_until_ok(struct bench *bench, struct sink *sink, const char *key, const char *value);

/* Standard error into a file, to see what is logged; captured_text() ends it, the text is freed by the caller. */
struct captured {
    FILE *file;
    int former;
};
struct captured capture(void);
char *captured_text(struct captured *captured);

#endif
