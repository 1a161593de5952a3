/* What a reader would find in Redis at the end of a replay, against a slow model for the table underneath. */
#include "sink/final_features.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VIEW(text) ((sl_view){(text), strlen(text)})

static void settled(void *context, void *token, bool ok)
{
    int *count = context;
    assert_ptr_equal(token, context);
    assert_true(ok);
    (*count)++;
}

static void put(struct sink *sink, const char *key, const char *value, int64_t ttl_s, int64_t time_ms, bool refresh)
{
    struct feature_write write = {.key = VIEW(key), .ttl_s = ttl_s, .time_ms = time_ms, .refresh = refresh};
    if (value != NULL)
        write.value = VIEW(value);
    sink_write(sink, &write);
    sink_commit(sink, NULL);
}

static char *printed(struct final_features *final, int64_t clock_ms, bool all, size_t expected)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_int_equal(final_features_print(final, clock_ms, all, out), expected);
    (void)fclose(out);
    return text;
}

static void expect(struct final_features *final, int64_t clock_ms, bool all, size_t count, const char *wanted)
{
    char *text = printed(final, clock_ms, all, count);
    assert_string_equal(text, wanted);
    free(text);
}

static void newest_values_are_printed_in_byte_order(void **state)
{
    (void)state;
    struct final_features *final = final_features_new();
    struct sink *sink = final_features_sink(final, NULL, NULL, NULL);
    put(sink, "user:b", "1", 600, 0, false);
    put(sink, "user:a:long", "{\"5\":2}", 600, 0, false);
    put(sink, "user:a", "1", 600, 0, false);
    put(sink, "user:b", "a value that is longer than before", 600, 500, false);
    put(sink, "user:\xc3\xa4", "", 600, 0, false);
    assert_true(sink_ready(sink));
    assert_true(sink_poll(sink, 1000));
    assert_int_equal(sink->counters.sets, 5);
    sink_free(sink);
    expect(final, 1000, false, 4,
           "{\"key\":\"user:a\",\"value\":\"1\",\"ttl\":599}\n"
           "{\"key\":\"user:a:long\",\"value\":\"{\\\"5\\\":2}\",\"ttl\":599}\n"
           "{\"key\":\"user:b\",\"value\":\"a value that is longer than before\",\"ttl\":600}\n"
           "{\"key\":\"user:\xc3\xa4\",\"value\":\"\",\"ttl\":599}\n");
    final_features_free(final);
}

static void a_deleted_key_is_gone(void **state)
{
    (void)state;
    struct final_features *final = final_features_new();
    struct sink *sink = final_features_sink(final, NULL, NULL, NULL);
    put(sink, "a", "1", 600, 0, false);
    put(sink, "b", "1", 600, 0, false);
    put(sink, "a", NULL, 600, 1, false);
    put(sink, "never there", NULL, 600, 1, false);
    expect(final, 2, true, 1, "{\"key\":\"b\",\"value\":\"1\",\"ttl\":600}\n");
    sink_free(sink);
    final_features_free(final);
}

static void a_key_counts_until_its_ttl_ends(void **state)
{
    (void)state;
    struct final_features *final = final_features_new();
    struct sink *sink = final_features_sink(final, NULL, NULL, NULL);
    put(sink, "a", "1", 10, 1000, false);
    expect(final, 10999, false, 1, "{\"key\":\"a\",\"value\":\"1\",\"ttl\":1}\n");
    expect(final, 11000, false, 0, "");
    expect(final, 11000, true, 1, "{\"key\":\"a\",\"value\":\"1\",\"ttl\":10}\n");
    put(sink, "a", "1", 10, 8000, true);
    expect(final, 11000, false, 1, "{\"key\":\"a\",\"value\":\"1\",\"ttl\":7}\n");
    expect(final, 18000, false, 0, "");
    sink_free(sink);
    final_features_free(final);
}

static void a_refresh_without_value_renews_what_is_still_there(void **state)
{
    (void)state;
    struct final_features *final = final_features_new();
    struct sink *sink = final_features_sink(final, NULL, NULL, NULL);
    put(sink, "a", "1", 10, 1000, false);
    put(sink, "b", "1", 10, 1000, false);
    put(sink, "a", NULL, 20, 10999, true);
    put(sink, "b", NULL, 20, 11000, true);           /* too late */
    put(sink, "never there", NULL, 20, 11000, true); /* nothing to renew */
    expect(final, 11000, false, 1, "{\"key\":\"a\",\"value\":\"1\",\"ttl\":20}\n");
    assert_int_equal(sink->counters.refreshes, 3);
    assert_int_equal(sink->counters.deletes, 0);
    sink_free(sink);
    final_features_free(final);
}

static void every_write_is_passed_on_and_settled_once(void **state)
{
    (void)state;
    int count = 0;
    struct final_features *final = final_features_new();
    struct sink *sink = final_features_sink(final, null_sink_new(NULL, NULL), settled, &count);
    struct feature_write write = {.key = VIEW("a"), .value = VIEW("1"), .ttl_s = 600};
    sink_write(sink, &write);
    sink_commit(sink, &count);
    sink_flush(sink);
    assert_true(sink_poll(sink, 0));
    assert_int_equal(count, 1);
    assert_int_equal(sink->counters.sets, 1);
    assert_int_equal(sink->counters.groups, 1);
    sink_free(sink);
    final_features_free(final);

    final = final_features_new();
    sink = final_features_sink(final, NULL, settled, &count);
    sink_commit(sink, &count);
    assert_int_equal(count, 2);
    sink_free(sink);
    final_features_free(final);
}

static int64_t fenced;

static void fence_keep(struct sink *sink, int32_t partition, int64_t offset)
{
    (void)sink;
    fenced = partition * 1000 + offset;
}

static void the_fence_is_passed_on(void **state)
{
    (void)state;
    struct final_features *final = final_features_new();
    struct sink *next = null_sink_new(NULL, NULL), *sink = final_features_sink(final, next, NULL, NULL);
    sink_fence(sink, 3, 4); /* which keeps none */
    struct sink_class keeping = *next->class;
    keeping.fence = fence_keep;
    next->class = &keeping;
    sink_fence(sink, 3, 5);
    assert_int_equal(fenced, 3005);
    sink_free(sink);
    sink = final_features_sink(final, NULL, NULL, NULL);
    sink_fence(sink, 3, 6);
    assert_int_equal(fenced, 3005);
    sink_free(sink);
    final_features_free(final);
}

enum { KEYS = 5000, STEPS = 60000 };

static void many_writes_and_deletions_agree_with_a_slow_model(void **state)
{
    (void)state;
    static uint32_t model[KEYS]; /* 0: absent */
    struct final_features *final = final_features_new();
    struct sink *sink = final_features_sink(final, NULL, NULL, NULL);
    uint32_t seed = 20261122;
    for (uint32_t step = 1; step <= STEPS; step++) {
        seed = seed * 1664525u + 1013904223u;
        uint32_t number = (seed >> 8) % KEYS;
        char key[32], value[64];
        (void)snprintf(key, sizeof key, "%05" PRIu32, number);
        (void)snprintf(value, sizeof value, "%0*" PRIu32, (int)(1 + step % 40), step);
        bool gone = (seed >> 28) < 6;
        put(sink, key, gone ? NULL : value, 600, 0, false);
        model[number] = gone ? 0 : step;
    }
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++)
        count += model[i] != 0;
    char *text = printed(final, 0, false, count), *at = text;
    for (uint32_t i = 0; i < KEYS; i++) {
        char line[160];
        if (model[i] == 0)
            continue;
        int size = snprintf(line, sizeof line, "{\"key\":\"%05" PRIu32 "\",\"value\":\"%0*" PRIu32 "\",\"ttl\":600}\n",
                            i, (int)(1 + model[i] % 40), model[i]);
        assert_memory_equal(at, line, (size_t)size);
        at += size;
    }
    assert_int_equal(*at, '\0');
    free(text);
    sink_free(sink);
    final_features_free(final);
}

enum { WORKERS = 4, WORKER_KEYS = 3000 };

struct worker {
    struct final_features *final;
    int number;
};

static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct sink *sink = final_features_sink(worker->final, NULL, NULL, NULL);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < WORKER_KEYS; i++) {
            char key[32];
            (void)snprintf(key, sizeof key, "%d:%d", worker->number, i);
            put(sink, key, "1", 600, round, false);
        }
    sink_free(sink);
    return NULL;
}

static void workers_share_it(void **state)
{
    (void)state;
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    struct final_features *final = final_features_new();
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){final, i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    free(printed(final, 0, false, WORKERS * WORKER_KEYS));
    final_features_free(final);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newest_values_are_printed_in_byte_order),
        cmocka_unit_test(a_deleted_key_is_gone),
        cmocka_unit_test(a_key_counts_until_its_ttl_ends),
        cmocka_unit_test(a_refresh_without_value_renews_what_is_still_there),
        cmocka_unit_test(every_write_is_passed_on_and_settled_once),
        cmocka_unit_test(the_fence_is_passed_on),
        cmocka_unit_test(many_writes_and_deletions_agree_with_a_slow_model),
        cmocka_unit_test(workers_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
