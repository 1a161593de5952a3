/* The Redis sink against a real redis-server: what arrives, what settles, who is let in, and what a server refuses. */
#include "redis_bench.h"

#include "base/memory.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void values_ttls_and_deletions_arrive(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    (void)redis_ask(client, "SET gone 1");
    struct sink *sink = sink_open(bench);
    wait_ready(sink);
    assert_true(sink_poll(sink, 1000));

    put(sink, "user:ann:product_view_count_5m", "2", false);
    put(sink, "user:ann:return_view_count_5m", "{\"5\":2}\r\n$5", false);
    put(sink, "gone", NULL, false);
    end_group(bench, sink);
    end_group(bench, sink); /* an empty one settles as well */
    put_group(bench, sink, "user:bob:empty", "");
    sink_flush(sink);
    drain(sink);

    assert_int_equal(bench->told.ok, 3);
    assert_string_equal(redis_ask(client, "GET user:ann:product_view_count_5m"), "2");
    assert_string_equal(redis_ask(client, "GET user:ann:return_view_count_5m"), "{\"5\":2}\r\n$5");
    assert_string_equal(redis_ask(client, "STRLEN user:bob:empty"), "0");
    assert_string_equal(redis_ask(client, "EXISTS gone"), "0");
    assert_in_range(atoi(redis_ask(client, "TTL user:ann:product_view_count_5m")), 590, 600);
    assert_int_equal(sink->counters.groups, 3);
    assert_int_equal(sink->counters.sets, 3);
    assert_int_equal(sink->counters.deletes, 1);
    assert_int_equal(sink->counters.reconnects, 0);
    bool wants_write = true;
    assert_true(sink_descriptor(sink, &wants_write) >= 0);
    assert_false(wants_write);
    sink_free(sink);
    redisFree(client);
}

static void tcp_and_another_database(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    bench->settings.socket = NULL;
    bench->settings.host = "127.0.0.1";
    bench->settings.port = bench->server.port;
    bench->settings.database = 3;
    struct sink *sink = sink_open(bench);
    put_until_ok(bench, sink, "a", "1");
    assert_string_equal(redis_ask(client, "GET a"), "(nil)");
    (void)redis_ask(client, "SELECT 3");
    assert_string_equal(redis_ask(client, "GET a"), "1");
    sink_free(sink);
    redisFree(client);
}

static void expect_refused(struct bench *bench, const char *said, const char *never_said)
{
    struct captured captured = capture();
    struct sink *sink = sink_open(bench);
    int64_t end_ms = time_monotonic_ms() + 500; /* several attempts */
    while (time_monotonic_ms() < end_ms && !sink_ready(sink))
        assert_true(sink_poll(sink, 50));
    bool ready = sink_ready(sink);
    put_group(bench, sink, "a", "1"); /* whoever does not ask gets it back */
    sink_free(sink);
    char *text = captured_text(&captured);
    assert_false(ready);
    assert_int_equal(bench->told.failed, 1);
    if (strstr(text, said) == NULL)
        fail_msg("\"%s\" is not in: %s", said, text);
    if (never_said != NULL)
        assert_null(strstr(text, never_said));
    assert_non_null(strstr(text, "; do this: "));
    free(text);
}

static void a_port_where_nobody_listens(void **state)
{
    struct bench *bench = *state;
    bench->settings.socket = NULL;
    bench->settings.host = "127.0.0.1";
    bench->settings.port = bench->server.port;
    expect_refused(bench, "can't connect: Connection refused", NULL);
    struct sink *sink = sink_open(bench);
    assert_true(sink_poll(sink, 10));
    redis_server_start(&bench->server, NULL);
    put_until_ok(bench, sink, "a", "1");
    sink_free(sink);
}

static void a_database_that_is_not_there_is_said(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    bench->settings.database = 99;
    expect_refused(bench, "SELECT is refused: the server has no such database", NULL);
}

static void passwords_are_used_and_never_logged(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, (const char *const[]){"--requirepass", "open sesame", NULL});
    bench->settings.password = "open sesame";
    struct sink *sink = sink_open(bench);
    put_until_ok(bench, sink, "a", "1");
    sink_free(sink);

    bench->settings.password = "open barley";
    expect_refused(bench, "WRONGPASS", "barley");
    bench->settings.password = NULL;
    expect_refused(bench, "the server wants a password", NULL);

    redisContext *client = redis_server_client(&bench->server);
    (void)redis_ask(client, "AUTH %s", "open sesame");
    assert_string_equal(redis_ask(client, "ACL SETUSER shop on >pw-of-shop ~* +@all"), "OK");
    bench->settings.user = "shop";
    bench->settings.password = "pw-of-shop";
    sink = sink_open(bench);
    put_until_ok(bench, sink, "a", "2");
    assert_string_equal(redis_ask(client, "GET a"), "2");
    sink_free(sink);
    bench->settings.password = "pw-of-nobody";
    expect_refused(bench, "WRONGPASS", "pw-of-nobody");
    redisFree(client);
}

static void a_server_without_password_refuses_one(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    bench->settings.password = "needless";
    expect_refused(bench, "without any password configured", "needless");
}

static void a_server_that_does_not_know_auth_does_not_make_us_log_it(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, (const char *const[]){"--rename-command", "AUTH", "", NULL});
    bench->settings.password = "shouted back";
    expect_refused(bench, "AUTH is refused", "shouted");
}

static void a_user_without_client_and_info_can_write(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    assert_string_equal(redis_ask(client, "ACL SETUSER shop on >pw ~ok:* +set +del +expire"), "OK");
    bench->settings.user = "shop";
    bench->settings.password = "pw";
    struct sink *sink = sink_open(bench);
    put_until_ok(bench, sink, "ok:a", "1");

    /* the refused key fails its group, and only that */
    wait_ready(sink);
    size_t failed = bench->told.failed;
    put_group(bench, sink, "ok:b", "1");
    put(sink, "ok:c", "1", false);
    put(sink, "other:c", "1", false);
    end_group(bench, sink);
    put_group(bench, sink, "ok:d", "1");
    drain(sink);
    assert_int_equal(bench->told.failed, failed + 1);
    assert_int_equal(bench->told.results[bench->token - 1], 'f');
    assert_int_equal(bench->told.results[bench->token], 'o');
    assert_int_equal(sink->counters.failed_groups, failed + 1);
    assert_string_equal(redis_ask(client, "EXISTS ok:b ok:c ok:d other:c"), "3");
    sink_free(sink);
    redisFree(client);
}

static void a_refresh_starts_the_ttl_again(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct sink *sink = sink_open(bench);
    put_until_ok(bench, sink, "a", "1");
    (void)redis_ask(client, "EXPIRE a 20");
    put(sink, "a", "1", true);
    end_group(bench, sink);
    drain(sink);
    assert_int_equal(bench->told.results[bench->token], 'o');
    assert_in_range(atoi(redis_ask(client, "TTL a")), 590, 600);
    assert_non_null(strstr(redis_ask(client, "INFO commandstats"), "cmdstat_expire:calls=2,"));
    sink_free(sink);
    redisFree(client);
}

static void a_refresh_of_a_key_that_is_gone_fails_and_then_sets(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct sink *sink = sink_open(bench);
    put_until_ok(bench, sink, "a", "1");
    put_until_ok(bench, sink, "b", "2");
    (void)redis_ask(client, "FLUSHALL");
    put(sink, "a", "1", true);
    end_group(bench, sink);
    drain(sink);
    assert_int_equal(bench->told.results[bench->token], 'f');

    /* its group again, and its neighbour: as values */
    put(sink, "a", "1", true);
    end_group(bench, sink);
    put(sink, "b", "2", true);
    end_group(bench, sink);
    drain(sink);
    assert_int_equal(bench->told.results[bench->token - 1], 'o');
    assert_int_equal(bench->told.results[bench->token], 'o');
    assert_string_equal(redis_ask(client, "GET a"), "1");
    assert_string_equal(redis_ask(client, "GET b"), "2");
    assert_in_range(atoi(redis_ask(client, "TTL b")), 590, 600);
    sink_free(sink);
    redisFree(client);
}

static void of_unsent_writes_only_the_newest_leaves(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct sink *sink = sink_open(bench);
    wait_ready(sink);
    for (int i = 0; i < 100; i++) {
        char value[32];
        (void)snprintf(value, sizeof value, "%0*d", 1 + i % 9, i);
        put(sink, "a", value, false);
        put(sink, "b", i % 2 == 0 ? "1" : NULL, false);
        end_group(bench, sink);
    }
    put(sink, "a", "100", true); /* a refresh of what has not left is a write */
    end_group(bench, sink);
    assert_int_equal(bench->told.count, 0);
    drain(sink);
    assert_int_equal(bench->told.ok, 101);
    assert_string_equal(redis_ask(client, "GET a"), "100");
    assert_string_equal(redis_ask(client, "EXISTS b"), "0");
    assert_non_null(strstr(redis_ask(client, "INFO commandstats"), "cmdstat_set:calls=1,"));
    assert_non_null(strstr(redis_ask(client, "INFO commandstats"), "cmdstat_del:calls=1,"));
    sink_free(sink);
    redisFree(client);
}

enum { MANY = 50000 };

static void fifty_thousand_writes(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    bench->settings.pipeline = 2000;
    struct sink *sink = sink_open(bench);
    for (int i = 0; i < MANY; i++) {
        char key[64], value[32];
        wait_ready(sink);
        (void)snprintf(key, sizeof key, "user:%d:product_view_count_5m", i);
        (void)snprintf(value, sizeof value, "%d", i);
        put_group(bench, sink, key, value);
    }
    drain(sink);
    assert_int_equal(bench->told.ok, MANY);
    assert_string_equal(redis_ask(client, "DBSIZE"), "50000");
    assert_string_equal(redis_ask(client, "GET user:49999:product_view_count_5m"), "49999");
    sink_free(sink);
    redisFree(client);
}

static void values_larger_than_the_socket_takes(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct sink *sink = sink_open(bench);
    char *value = memory_new(3000001);
    memset(value, 'v', 3000000);
    wait_ready(sink);
    for (int i = 0; i < 10; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        put_group(bench, sink, key, value);
        sink_flush(sink);
    }
    drain(sink);
    assert_int_equal(bench->told.ok, 10);
    assert_string_equal(redis_ask(client, "STRLEN 9"), "3000000");
    free(value);
    sink_free(sink);
    redisFree(client);
}

static void a_server_out_of_memory_fails_groups_until_it_has_some(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct sink *sink = sink_open(bench);
    put_until_ok(bench, sink, "a", "1");
    assert_string_equal(redis_ask(client, "CONFIG SET maxmemory 1"), "OK");
    wait_ready(sink);
    put_group(bench, sink, "a", "2");
    drain(sink);
    assert_int_equal(bench->told.results[bench->token], 'f');
    assert_false(sink_ready(sink)); /* a pause, on the same connection */
    int polls = 0;
    for (; !sink_ready(sink) && polls < 100; polls++)
        (void)sink_poll(sink, LIMIT_MS);
    assert_in_range(polls, 1, 5); /* the pause is waited for, not asked for all the time */
    assert_string_equal(redis_ask(client, "CONFIG SET maxmemory 0"), "OK");
    put_until_ok(bench, sink, "a", "3");
    assert_string_equal(redis_ask(client, "GET a"), "3");
    assert_int_equal(sink->counters.reconnects, 0);
    sink_free(sink);
    redisFree(client);
}

static void a_read_only_replica_is_left_and_tried_again(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct sink *sink = sink_open(bench);
    put_until_ok(bench, sink, "a", "1");
    assert_string_equal(redis_ask(client, "REPLICAOF 127.0.0.1 1"), "OK");
    struct captured captured = capture();
    put_group(bench, sink, "a", "2");
    put_group(bench, sink, "b", "2");
    drain(sink);
    char *text = captured_text(&captured);
    assert_non_null(strstr(text, "READONLY"));
    free(text);
    assert_int_equal(bench->told.failed, 2);
    assert_false(sink_ready(sink));
    assert_string_equal(redis_ask(client, "REPLICAOF NO ONE"), "OK");
    put_until_ok(bench, sink, "a", "3");
    assert_string_equal(redis_ask(client, "GET a"), "3");
    sink_free(sink);
    redisFree(client);
}

struct writer {
    struct sink *sink;
    int left, ok;
};

static void write_again(void *context, void *token, bool ok)
{
    struct writer *writer = context;
    writer->ok += ok;
    if (writer->left-- > 0) {
        put(writer->sink, "a", "1", false);
        sink_commit(writer->sink, token);
        sink_flush(writer->sink);
    }
}

static void settled_may_write(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    struct writer writer = {.left = 50};
    writer.sink = redis_sink_new(&bench->settings, write_again, &writer);
    wait_ready(writer.sink);
    put(writer.sink, "a", "1", false);
    sink_commit(writer.sink, &writer);
    drain(writer.sink);
    assert_int_equal(writer.ok, 51);
    sink_free(writer.sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(values_ttls_and_deletions_arrive),
        CASE(tcp_and_another_database),
        CASE(a_port_where_nobody_listens),
        CASE(a_database_that_is_not_there_is_said),
        CASE(passwords_are_used_and_never_logged),
        CASE(a_server_without_password_refuses_one),
        CASE(a_server_that_does_not_know_auth_does_not_make_us_log_it),
        CASE(a_user_without_client_and_info_can_write),
        CASE(a_refresh_starts_the_ttl_again),
        CASE(a_refresh_of_a_key_that_is_gone_fails_and_then_sets),
        CASE(of_unsent_writes_only_the_newest_leaves),
        CASE(fifty_thousand_writes),
        CASE(values_larger_than_the_socket_takes),
        CASE(a_server_out_of_memory_fails_groups_until_it_has_some),
        CASE(a_read_only_replica_is_left_and_tried_again),
        CASE(settled_may_write),
    };
    if (!redis_server_installed()) {
        (void)fprintf(stderr, "skipped: there is no redis-server in PATH\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
