/* The Redis sink while its server dies, stops, is not there yet, hangs up, or talks nonsense: every group settles once and in
 * order, nothing older replaces something newer, and it goes on when it can. */
#include "redis_bench.h"
#include "relay.h"

#include "base/memory.h"
#include "base/time.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_server_killed_in_mid_pipeline_and_back_empty(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    struct sink *sink = sink_open(bench), *other = redis_sink_new(&bench->settings, NULL, NULL);
    wait_ready(sink);
    wait_ready(other);
    put_until_ok(bench, sink, "a", "1");

    (void)kill(bench->server.pid, SIGSTOP);
    for (int i = 0; i < 5000; i++)
        put_group(bench, sink, "b", "1"), sink_flush(sink);
    assert_false(sink_poll(sink, 0));
    put(sink, "open", "1", false); /* a group that is open when the server goes */
    redis_server_kill(&bench->server);
    drain(sink);
    assert_int_equal(bench->told.ok, 1);
    assert_int_equal(bench->told.failed, 5000);
    assert_false(sink_ready(sink));
    end_group(bench, sink);
    assert_int_equal(bench->told.failed, 5001);

    /* the other way round, so that each gets the small id on the new server that the other had on the old one: the new
     * server's clients are nobody's former connections, and none is killed */
    redis_server_start(&bench->server, NULL);
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    while (other->counters.reconnects == 0) {
        assert_true(time_monotonic_ms() < end_ms);
        (void)sink_poll(other, 20);
    }
    put_until_ok(bench, sink, "a", "2");
    put_until_ok(bench, sink, "c", "2");
    assert_true(sink_poll(other, 0));
    assert_true(sink_ready(other));
    redisContext *client = redis_server_client(&bench->server);
    assert_string_equal(redis_ask(client, "GET a"), "2");
    assert_string_equal(redis_ask(client, "EXISTS b open"), "0");
    assert_int_equal(sink->counters.reconnects, 1);
    assert_int_equal(other->counters.reconnects, 1);
    sink_free(sink);
    sink_free(other);
    redisFree(client);
}

enum { STALE = 60000, FRESH = 2000 };

/* Keys `from` to STALE in one group. */
static void put_range(struct bench *bench, struct sink *sink, int from, const char *value)
{
    for (int i = from; i < STALE; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        put(sink, key, value, false);
    }
    end_group(bench, sink);
    sink_flush(sink);
}

static void a_stopped_server_times_out_and_old_commands_never_come_late(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    bench->settings.timeout_ms = 150;
    bench->settings.socket = NULL; /* TCP takes megabytes before it is full */
    bench->settings.host = "127.0.0.1";
    bench->settings.port = bench->server.port;
    struct sink *sink = sink_open(bench);
    wait_ready(sink);
    (void)kill(bench->server.pid, SIGSTOP);
    int64_t begun_ms = time_monotonic_ms();
    put_range(bench, sink, 0, "old");
    drain(sink);
    assert_in_range(time_monotonic_ms() - begun_ms, bench->settings.timeout_ms, LIMIT_MS);
    assert_int_equal(bench->told.failed, 1);
    assert_false(sink_ready(sink));

    (void)kill(bench->server.pid, SIGCONT);
    wait_ready(sink);
    put_range(bench, sink, STALE - FRESH, "new"); /* what lies last in the old socket */
    drain(sink);
    assert_int_equal(bench->told.ok, 1);
    for (int rounds = 0; rounds < 1000; rounds++) /* let the server go round its clients */
        (void)redis_ask(client, "PING");
    for (int i = STALE - FRESH; i < STALE; i++)
        assert_string_equal(redis_ask(client, "GET %d", i), "new");
    assert_int_equal(sink->counters.reconnects, 1);
    sink_free(sink);
    redisFree(client);
}

static void a_server_that_comes_later(void **state)
{
    struct bench *bench = *state;
    struct captured captured = capture();
    struct sink *sink = sink_open(bench);
    bool wants_write;
    assert_int_equal(sink_descriptor(sink, &wants_write), -1);
    for (int i = 0; i < 5; i++)
        assert_true(sink_poll(sink, 60));
    bool ready = sink_ready(sink);
    char *text = captured_text(&captured);
    assert_false(ready);
    assert_non_null(strstr(text, "can't connect"));
    free(text);
    redis_server_start(&bench->server, NULL);
    put_until_ok(bench, sink, "a", "1");
    assert_int_equal(bench->told.failed, 0);
    sink_free(sink);
}

static void the_server_s_end_of_an_idle_connection_is_noticed(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct sink *sink = sink_open(bench);
    put_until_ok(bench, sink, "a", "1");
    (void)redis_ask(client, "CLIENT KILL TYPE normal SKIPME yes");
    (void)sink_poll(sink, 100);
    wait_ready(sink);
    put_until_ok(bench, sink, "a", "2");
    assert_int_equal(bench->told.failed, 0);
    assert_int_equal(sink->counters.reconnects, 1);
    sink_free(sink);
    redisFree(client);
}

/* Bytes move and the sink moves on, until it is as wanted. */
static void pump_until(struct relay *relay, struct sink *sink, bool (*wanted)(struct bench *bench, struct sink *sink),
                       struct bench *bench)
{
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    while (!wanted(bench, sink)) {
        assert_true(time_monotonic_ms() < end_ms);
        relay_pump(relay);
        (void)sink_poll(sink, 1);
    }
}

static bool is_ready(struct bench *bench, struct sink *sink)
{
    (void)bench;
    return sink_ready(sink);
}

static bool all_settled(struct bench *bench, struct sink *sink)
{
    (void)sink;
    return bench->told.count == bench->token;
}

/* A relay in front of the bench's server, which is started; and a sink that goes through it, ready. */
static struct sink *relay_begin(struct bench *bench, struct relay *relay, char *path, size_t room)
{
    redis_server_start(&bench->server, NULL);
    (void)snprintf(path, room, "%s/relay.sock", bench->server.folder);
    relay_open(relay, path, bench->server.socket);
    bench->settings.socket = path;
    struct sink *sink = sink_open(bench);
    pump_until(relay, sink, is_ready, bench);
    assert_int_equal(relay->count, 1);
    return sink;
}

static void commands_held_up_on_the_way_are_never_executed_after_newer_ones(void **state)
{
    struct bench *bench = *state;
    struct relay relay;
    char path[96];
    bench->settings.timeout_ms = 100;
    struct sink *sink = relay_begin(bench, &relay, path, sizeof path);
    redisContext *client = redis_server_client(&bench->server);

    relay.pairs[0].held = true;
    put_group(bench, sink, "a", "old");
    pump_until(&relay, sink, all_settled, bench);
    assert_int_equal(bench->told.failed, 1);
    pump_until(&relay, sink, is_ready, bench);
    assert_int_equal(relay.count, 2);
    put_group(bench, sink, "a", "new");
    pump_until(&relay, sink, all_settled, bench);
    assert_int_equal(bench->told.ok, 1);

    assert_true(relay.pairs[0].forward.size > 0);
    relay.pairs[0].held = false;
    for (int i = 0; i < 100; i++) { /* time for the server to read them, if it still would */
        relay_pump(&relay);
        (void)redis_ask(client, "PING");
    }
    assert_string_equal(redis_ask(client, "GET a"), "new");
    sink_free(sink);
    relay_close(&relay);
    redisFree(client);
}

static void replies_a_byte_at_a_time(void **state)
{
    struct bench *bench = *state;
    struct relay relay;
    char path[96];
    struct sink *sink = relay_begin(bench, &relay, path, sizeof path);
    relay.pairs[0].reply_step = 1;
    for (int i = 0; i < 50; i++) {
        put(sink, "a", i % 3 == 0 ? NULL : "1", false);
        end_group(bench, sink);
        sink_flush(sink);
    }
    pump_until(&relay, sink, all_settled, bench);
    assert_int_equal(bench->told.ok, 50);
    sink_free(sink);
    relay_close(&relay);
}

static void a_connection_cut_within_a_reply(void **state)
{
    struct bench *bench = *state;
    struct relay relay;
    char path[96];
    struct sink *sink = relay_begin(bench, &relay, path, sizeof path);
    relay.pairs[0].reply_left = 40 * strlen("+OK\r\n") + 3;
    for (int i = 0; i < 100; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        put_group(bench, sink, key, "1");
    }
    pump_until(&relay, sink, all_settled, bench);
    assert_int_equal(bench->told.ok, 40);
    assert_int_equal(bench->told.failed, 60);
    assert_int_equal(bench->told.results[40], 'o');
    assert_int_equal(bench->told.results[41], 'f');
    pump_until(&relay, sink, is_ready, bench);
    put_group(bench, sink, "99", "2");
    pump_until(&relay, sink, all_settled, bench);
    assert_int_equal(bench->told.ok, 41);
    sink_free(sink);
    relay_close(&relay);
}

static void what_is_no_reply_of_redis_ends_the_connection(void **state)
{
    static const char *const sayings[] = {"HTTP/1.1 400 Bad Request\r\n", ":1\r\n", "+OK\r\n+OK\r\n",
                                          "*1\r\n$2\r\nhi\r\n", "$-1\r\n"};
    struct bench *bench = *state;
    struct relay relay;
    char path[96];
    struct sink *sink = relay_begin(bench, &relay, path, sizeof path);
    redisContext *client = redis_server_client(&bench->server);
    size_t count = sizeof sayings / sizeof *sayings;
    for (size_t i = 0; i < count; i++) {
        (void)kill(bench->server.pid, SIGSTOP); /* so that its own reply does not come first */
        put_group(bench, sink, "a", "1");
        sink_flush(sink);
        relay_say(&relay, i, sayings[i]);
        pump_until(&relay, sink, all_settled, bench);
        assert_false(sink_ready(sink));
        (void)kill(bench->server.pid, SIGCONT);
        pump_until(&relay, sink, is_ready, bench);
    }
    assert_int_equal(sink->counters.reconnects, count);
    assert_int_equal(bench->told.ok, 1); /* "+OK" twice: the first one fitted */
    put_group(bench, sink, "a", "2");
    pump_until(&relay, sink, all_settled, bench);
    assert_string_equal(redis_ask(client, "GET a"), "2");
    sink_free(sink);
    relay_close(&relay);
    redisFree(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_server_killed_in_mid_pipeline_and_back_empty),
        CASE(a_stopped_server_times_out_and_old_commands_never_come_late),
        CASE(a_server_that_comes_later),
        CASE(the_server_s_end_of_an_idle_connection_is_noticed),
        CASE(commands_held_up_on_the_way_are_never_executed_after_newer_ones),
        CASE(replies_a_byte_at_a_time),
        CASE(a_connection_cut_within_a_reply),
        CASE(what_is_no_reply_of_redis_ends_the_connection),
    };
    if (!redis_server_installed()) {
        (void)fprintf(stderr, "skipped: there is no redis-server in PATH\n");
        return 77;
    }
    (void)signal(SIGPIPE, SIG_DFL); /* the sink must not need it ignored */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
