/* lease_bench.c - see lease_bench.h. */
#include "lease_bench.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

void wait_state(struct lease *lease, enum lease_state wanted)
{
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    const struct timespec pause = {.tv_nsec = 1000000};
    while (lease_state(lease) != wanted) {
        assert_true(time_monotonic_ms() < end_ms);
        (void)nanosleep(&pause, NULL); /* a look every ms, for the thing itself */
    }
}

struct lease *take(struct bench *bench, const char *owner, const char *former, int64_t ttl_ms)
{
    struct lease *lease = lease_new(&bench->settings, "shop", owner, former, ttl_ms);
    assert_int_equal(lease_wait(lease, LIMIT_MS), LEASE_HELD);
    return lease;
}

struct sink *sink_under(struct bench *bench, struct lease *lease)
{
    bench->settings.lease = lease;
    bench->settings.fence = lease_fence_key(lease);
    bench->settings.worker = 2;
    return sink_open(bench);
}

void expect_said(struct captured *captured, const char *const *texts)
{
    char *said = captured_text(captured);
    for (; *texts != NULL; texts++)
        if (strstr(said, *texts) == NULL)
            fail_msg("\"%s\" is not in: %s", *texts, said);
    free(said);
}

void wait_said(const struct captured *captured, const char *text)
{
    static char said[65536];
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    do {
        assert_true(time_monotonic_ms() < end_ms);
        ssize_t size = pread(fileno(captured->file), said, sizeof said - 1, 0);
        said[size > 0 ? size : 0] = '\0';
    } while (strstr(said, text) == NULL);
}
