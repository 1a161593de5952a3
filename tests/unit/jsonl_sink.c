/* Features as lines of JSON: what a line looks like, groups that stay whole between workers, a stream that fails. */
#include "sink/sink.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VIEW(text) ((sl_view){(text), strlen(text)})

struct told {
    size_t ok, failed;
    void *last;
};

static void settled(void *context, void *token, bool ok)
{
    struct told *told = context;
    *(ok ? &told->ok : &told->failed) += 1;
    told->last = token;
}

static void put(struct sink *sink, const char *key, const char *value, int64_t time_ms, bool refresh)
{
    struct feature_write write = {.key = VIEW(key), .ttl_s = 600, .time_ms = time_ms, .refresh = refresh};
    if (value != NULL)
        write.value = VIEW(value);
    sink_write(sink, &write);
}

static void a_write_a_deletion_and_a_refresh_are_lines(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct told told = {0};
    FILE *stream = open_memstream(&text, &size);
    struct sink *sink = jsonl_sink_new(stream, settled, &told);

    assert_true(sink_ready(sink));
    put(sink, "user:ann:product_view_count_5m", "2", 1742986733451, false);
    put(sink, "user:ann:top_category_5m", NULL, 1742986733451, false);
    put(sink, "user:b\"\n:return_view_count_5m", "{\"5\":2}", 1742986734009, true);
    assert_int_equal(told.ok, 0);
    sink_commit(sink, &told);
    assert_int_equal(told.ok, 1);
    assert_ptr_equal(told.last, &told);
    put(sink, "user:open:group", "1", 0, false); /* not committed: not written */
    sink_flush(sink);
    assert_true(sink_poll(sink, 1000));
    bool wants_write;
    assert_int_equal(sink_descriptor(sink, &wants_write), -1);
    assert_int_equal(sink->counters.groups, 1);
    assert_int_equal(sink->counters.sets, 2);
    assert_int_equal(sink->counters.deletes, 1);
    assert_int_equal(sink->counters.refreshes, 1);
    sink_free(sink);
    (void)fclose(stream);
    assert_string_equal(
        text,
        "{\"key\":\"user:ann:product_view_count_5m\",\"value\":\"2\",\"ttl\":600,\"event_time\":\"2025-03-26T10:58:53.451Z\"}\n"
        "{\"key\":\"user:ann:top_category_5m\",\"value\":null,\"ttl\":600,\"event_time\":\"2025-03-26T10:58:53.451Z\"}\n"
        "{\"key\":\"user:b\\\"\\n:return_view_count_5m\",\"value\":\"{\\\"5\\\":2}\",\"ttl\":600,"
        "\"event_time\":\"2025-03-26T10:58:54.009Z\"}\n");
    free(text);
}

static void what_is_committed_is_written_when_the_sink_goes(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    struct sink *sink = jsonl_sink_new(stream, NULL, NULL);
    put(sink, "a", "1", -1, false);
    put(sink, "a", NULL, 0, true); /* a newer value is on its way */
    sink_commit(sink, NULL);
    sink_free(sink);
    (void)fclose(stream);
    assert_string_equal(text,
                        "{\"key\":\"a\",\"value\":\"1\",\"ttl\":600,\"event_time\":\"1969-12-31T23:59:59.999Z\"}\n"
                        "{\"key\":\"a\",\"refresh\":true,\"ttl\":600,\"event_time\":\"1970-01-01T00:00:00.000Z\"}\n");
    free(text);
}

enum { WORKERS = 3, GROUPS = 4000, GROUP_LINES = 5 };

struct worker {
    FILE *stream;
    int number;
};

static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct sink *sink = jsonl_sink_new(worker->stream, NULL, NULL);
    for (int group = 0; group < GROUPS; group++) {
        for (int line = 0; line < GROUP_LINES; line++) {
            char key[64];
            (void)snprintf(key, sizeof key, "%d %d %d", worker->number, group, line);
            put(sink, key, "1", group, false);
        }
        sink_commit(sink, NULL);
        if (group % 97 == 0)
            sink_flush(sink);
    }
    sink_free(sink);
    return NULL;
}

static void groups_of_several_workers_stay_whole_and_in_order(void **state)
{
    (void)state;
    FILE *stream = tmpfile();
    assert_non_null(stream);
    struct worker workers[WORKERS];
    pthread_t threads[WORKERS];
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){stream, i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);

    rewind(stream);
    char line[256];
    int next[WORKERS] = {0}, lines = 0;
    while (fgets(line, sizeof line, stream) != NULL) {
        int worker, group, number;
        assert_int_equal(sscanf(line, "{\"key\":\"%d %d %d\"", &worker, &group, &number), 3);
        assert_int_equal(number, lines % GROUP_LINES);
        if (number == 0)
            assert_int_equal(group, next[worker]++);
        else
            assert_int_equal(group, next[worker] - 1);
        lines++;
    }
    assert_int_equal(lines, WORKERS * GROUPS * GROUP_LINES);
    (void)fclose(stream);
}

static void a_full_disk_fails_the_groups_after_it(void **state)
{
    (void)state;
    struct told told = {0};
    FILE *stream = fopen("/dev/full", "w");
    if (stream == NULL)
        skip();
    struct sink *sink = jsonl_sink_new(stream, settled, &told);
    put(sink, "a", "1", 0, false);
    sink_commit(sink, &told);
    assert_int_equal(told.ok, 1); /* still in the buffer */
    sink_flush(sink);
    for (size_t i = 1; i <= 3; i++) {
        put(sink, "a", "1", 0, false);
        sink_commit(sink, &told);
        assert_int_equal(told.failed, i);
    }
    assert_int_equal(told.ok, 1);
    assert_int_equal(sink->counters.failed_groups, 3);
    sink_free(sink);
    (void)fclose(stream);
}

static void a_stream_that_recovers_is_used_again(void **state)
{
    (void)state;
    struct told told = {0};
    char place[8192];
    FILE *stream = fmemopen(place, sizeof place, "w");
    assert_non_null(stream);
    struct sink *sink = jsonl_sink_new(stream, settled, &told);
    char *large = malloc(sizeof place * 2);
    assert_non_null(large);
    memset(large, 'x', sizeof place * 2 - 1);
    large[sizeof place * 2 - 1] = '\0';
    put(sink, "a", large, 0, false);
    sink_commit(sink, &told);
    sink_flush(sink); /* more than fits */
    rewind(stream);
    put(sink, "a", "1", 0, false);
    sink_commit(sink, &told);
    assert_int_equal(told.ok, 2);
    assert_int_equal(told.failed, 0);
    free(large);
    sink_free(sink);
    (void)fclose(stream);
}

static void the_null_sink_counts(void **state)
{
    (void)state;
    struct told told = {0};
    struct sink *sink = null_sink_new(settled, &told);
    assert_true(sink_ready(sink));
    put(sink, "ab", "123", 0, false);
    put(sink, "ab", NULL, 0, false);
    sink_commit(sink, &told);
    sink_commit(sink, NULL);
    sink_flush(sink);
    assert_true(sink_poll(sink, 1000));
    assert_int_equal(told.ok, 1);
    assert_int_equal(sink->counters.groups, 2);
    assert_int_equal(sink->counters.sets, 1);
    assert_int_equal(sink->counters.deletes, 1);
    assert_int_equal(sink->counters.bytes, 7);
    sink_free(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_a_deletion_and_a_refresh_are_lines),
        cmocka_unit_test(what_is_committed_is_written_when_the_sink_goes),
        cmocka_unit_test(groups_of_several_workers_stay_whole_and_in_order),
        cmocka_unit_test(a_full_disk_fails_the_groups_after_it),
        cmocka_unit_test(a_stream_that_recovers_is_used_again),
        cmocka_unit_test(the_null_sink_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
