/* redis_bench.c - see redis_bench.h. */
#include "redis_bench.h"

#include "base/memory.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void settled(void *context, void *token, bool ok)
{
    struct told *told = context;
    assert_int_equal((uintptr_t)token, ++told->count);
    assert_in_range((uintptr_t)token, 1, GROUPS_MAX);
    told->results[(uintptr_t)token] = ok ? 'o' : 'f';
    *(ok ? &told->ok : &told->failed) += 1;
}

int bench_open(void **state)
{
    struct bench *bench = memory_new(sizeof *bench);
    redis_server_prepare(&bench->server);
    bench->settings = (struct redis_settings){
        .socket = bench->server.socket, .timeout_ms = 5000, .retry_max_ms = 200, .pipeline = 10000};
    *state = bench;
    return 0;
}

int bench_close(void **state)
{
    struct bench *bench = *state;
    redis_server_remove(&bench->server);
    free(bench);
    return 0;
}

struct sink *sink_open(struct bench *bench)
{
    memset(&bench->told, 0, sizeof bench->told);
    bench->token = 0;
    return redis_sink_new(&bench->settings, settled, &bench->told);
}

void put(struct sink *sink, const char *key, const char *value, bool refresh)
{
    struct feature_write write = {.key = {key, strlen(key)}, .ttl_s = 600, .refresh = refresh};
    if (value != NULL)
        write.value = (sl_view){value, strlen(value)};
    sink_write(sink, &write);
}

void end_group(struct bench *bench, struct sink *sink) { sink_commit(sink, (void *)++bench->token); }

void put_group(struct bench *bench, struct sink *sink, const char *key, const char *value)
{
    put(sink, key, value, false);
    end_group(bench, sink);
}

void wait_ready(struct sink *sink)
{
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    while (!sink_ready(sink)) {
        assert_true(time_monotonic_ms() < end_ms);
        (void)sink_poll(sink, 20);
    }
}

void drain(struct sink *sink)
{
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    while (!sink_poll(sink, 100))
        assert_true(time_monotonic_ms() < end_ms);
}

void put_until_ok(struct bench *bench, struct sink *sink, const char *key, const char *value)
{
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    do {
        assert_true(time_monotonic_ms() < end_ms);
        wait_ready(sink);
        put_group(bench, sink, key, value);
        drain(sink);
    } while (bench->told.results[bench->token] != 'o');
}

struct captured capture(void)
{
    struct captured captured = {tmpfile(), dup(STDERR_FILENO)};
    assert_non_null(captured.file);
    (void)dup2(fileno(captured.file), STDERR_FILENO);
    return captured;
}

char *captured_text(struct captured *captured)
{
    char *text = memory_new(65536);
    (void)dup2(captured->former, STDERR_FILENO);
    (void)close(captured->former);
    rewind(captured->file);
    assert_true(fread(text, 1, 65535, captured->file) > 0 || feof(captured->file));
    (void)fclose(captured->file);
    return text;
}
