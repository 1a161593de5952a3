/* One process at a time writes: the lease against a real redis-server, with holders that die and give up, and a server that
 * goes, stalls, comes back empty or refuses. */
#include "lease_bench.h"

#include "base/memory.h"
#include "base/time.h"
#include "sink/redis_connection.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void one_holds_and_the_other_waits_for_the_end_of_it(void **state)
{
    struct bench *bench = *state;
    char holder[64];
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct captured captured = capture();
    struct lease *ann = take(bench, "host:1:ann", NULL, TTL_MS);
    assert_true(lease_may_write(ann));
    assert_true(lease_may_write(NULL));
    assert_int_equal(lease_epoch(ann), 1);
    struct lease *bob = lease_new(&bench->settings, "shop", "host:2:bob", NULL, TTL_MS);
    assert_int_equal(lease_wait(bob, LIMIT_MS), LEASE_OTHERS);
    assert_false(lease_may_write(bob));
    lease_holder(bob, holder, sizeof holder);
    assert_string_equal(holder, "host:1:ann");
    assert_string_equal(redis_ask(client, "GET " LEASE_KEY), "1 host:1:ann");
    assert_in_range(atoi(redis_ask(client, "PTTL " LEASE_KEY)), 1, TTL_MS);
    assert_string_equal(redis_ask(client, "GET shoplane:{shop}:epoch"), "1");

    int64_t end_ms = time_monotonic_ms() + 3 * TTL_MS; /* it is renewed */
    while (time_monotonic_ms() < end_ms) {
        (void)redis_ask(client, "PING");
        assert_int_equal(lease_state(bob), LEASE_OTHERS);
    }
    assert_int_equal(lease_state(ann), LEASE_HELD);
    assert_int_equal(lease_epoch(ann), 1);

    lease_free(ann, false);
    assert_string_equal(redis_ask(client, "GET " LEASE_KEY), "1 host:1:ann");
    wait_state(bob, LEASE_HELD);
    assert_true(lease_may_write(bob));
    assert_int_equal(lease_epoch(bob), 2);
    assert_string_equal(redis_ask(client, "GET " LEASE_KEY), "2 host:2:bob");
    lease_free(bob, false);
    expect_said(&captured, (const char *const[]){"acquired, epoch 1", "waiting, host:1:ann holds it",
                                                 "acquired, epoch 2", NULL});
    redisFree(client);
}

static void what_is_given_up_is_taken_long_before_its_end(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct lease *ann = take(bench, "ann", NULL, LONG_MS);
    struct lease *bob = lease_new(&bench->settings, "shop", "bob", NULL, LONG_MS);
    assert_int_equal(lease_wait(bob, LIMIT_MS), LEASE_OTHERS);
    lease_free(ann, true);
    wait_state(bob, LEASE_HELD);
    lease_free(bob, true);
    assert_string_equal(redis_ask(client, "EXISTS " LEASE_KEY), "0");

    /* and who waits can't give away what is not his */
    ann = take(bench, "ann", NULL, LONG_MS);
    bob = lease_new(&bench->settings, "shop", "bob", NULL, LONG_MS);
    assert_int_equal(lease_wait(bob, LIMIT_MS), LEASE_OTHERS);
    lease_free(bob, true);
    assert_string_equal(redis_ask(client, "GET " LEASE_KEY), "3 ann");
    lease_free(ann, false);
    redisFree(client);
}

static void the_lease_of_a_former_owner_is_taken_at_once(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    lease_free(take(bench, "ann", NULL, LONG_MS), false);
    struct lease *other = lease_new(&bench->settings, "shop", "bob", "an", LONG_MS);
    assert_int_equal(lease_wait(other, LIMIT_MS), LEASE_OTHERS);
    lease_free(other, false);
    struct lease *bob = take(bench, "bob", "ann", LONG_MS);
    assert_int_equal(lease_epoch(bob), 2);
    lease_free(bob, false);
}

static void a_server_killed_and_back_empty_gives_it_to_the_holder_again(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    (void)redis_ask(client, "HSET " FENCE_KEY " 0/0 7");
    redisFree(client);
    struct captured captured = capture();
    struct lease *lease = take(bench, "ann", NULL, TTL_MS);
    struct sink *sink = sink_under(bench, lease);
    sink_fence(sink, 4, 40);
    put_until_ok(bench, sink, "a", "1");
    redis_server_kill(&bench->server);
    assert_true(lease_may_write(lease)); /* nobody can have it yet */
    wait_state(lease, LEASE_UNKNOWN);
    assert_false(lease_may_write(lease));
    assert_false(sink_ready(sink));
    wait_said(&captured, "it has run out");
    redis_server_start(&bench->server, NULL);
    wait_state(lease, LEASE_HELD);
    assert_int_equal(lease_epoch(lease), 2);
    assert_int_equal(lease_fence(lease, 0), 7);

    /* what the fence was is there before anything is written */
    client = redis_server_client(&bench->server);
    wait_ready(sink);
    assert_string_equal(redis_ask(client, "HGET " FENCE_KEY " 4/2"), "40");
    put_until_ok(bench, sink, "a", "2");
    assert_string_equal(redis_ask(client, "GET a"), "2");
    assert_int_equal(sink->counters.replaced, 1);
    sink_free(sink);
    lease_free(lease, false);
    expect_said(&captured, (const char *const[]){"no answer", "answers again", "taken again, epoch 2", NULL});
    redisFree(client);
}

static void a_server_that_was_flushed_gets_connections_and_fence_again(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct lease *lease = take(bench, "ann", NULL, TTL_MS);
    struct sink *sink = sink_under(bench, lease);
    sink_fence(sink, 4, 40);
    put_until_ok(bench, sink, "a", "1");
    (void)redis_ask(client, "FLUSHALL");
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    while (sink->counters.reconnects == 0) {
        assert_true(time_monotonic_ms() < end_ms);
        (void)sink_poll(sink, 20);
        (void)redis_ask(client, "PING");
    }
    wait_ready(sink);
    assert_int_equal(lease_epoch(lease), 2);
    assert_int_equal(sink->counters.replaced, 1);
    assert_string_equal(redis_ask(client, "HLEN " CONNECTIONS_KEY), "1");
    assert_string_equal(redis_ask(client, "HGET " FENCE_KEY " 4/2"), "40");
    sink_free(sink);
    lease_free(lease, false);
    redisFree(client);
}

static void a_server_that_stalls_beyond_the_ttl_stops_the_writes(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    struct lease *lease = take(bench, "ann", NULL, TTL_MS);
    struct sink *sink = sink_under(bench, lease);
    put_until_ok(bench, sink, "a", "1");
    (void)kill(bench->server.pid, SIGSTOP);
    char *large = memory_new(3000001); /* more than the socket takes: the rest must not be sent later */
    memset(large, 'v', 3000000);
    put_group(bench, sink, "a", large);
    free(large);
    assert_false(sink_poll(sink, 0));
    wait_state(lease, LEASE_UNKNOWN);
    assert_false(sink_ready(sink));
    assert_true(sink_poll(sink, 0));
    assert_int_equal(bench->told.results[bench->token], 'f');
    put_group(bench, sink, "a", "2"); /* whoever does not ask gets it back */
    drain(sink);
    assert_int_equal(bench->told.results[bench->token], 'f');
    (void)kill(bench->server.pid, SIGCONT);
    wait_state(lease, LEASE_HELD);
    put_until_ok(bench, sink, "a", "3");
    redisContext *client = redis_server_client(&bench->server);
    assert_string_equal(redis_ask(client, "GET a"), "3");
    sink_free(sink);
    lease_free(lease, true);
    redisFree(client);
}

static void a_lease_that_somebody_else_has_or_had_is_lost_for_ever(void **state)
{
    struct bench *bench = *state;
    char holder[64];
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct captured captured = capture();
    struct lease *ann = take(bench, "ann", NULL, TTL_MS);
    struct sink *sink = sink_under(bench, ann);
    put_until_ok(bench, sink, "a", "1");
    (void)redis_ask(client, "SET " LEASE_KEY " %s", "7 bob");
    wait_state(ann, LEASE_LOST);
    lease_holder(ann, holder, sizeof holder);
    assert_string_equal(holder, "bob");
    (void)redis_ask(client, "DEL " LEASE_KEY);
    assert_false(lease_may_write(ann));
    assert_false(sink_ready(sink));
    put_group(bench, sink, "a", "2");
    drain(sink);
    assert_int_equal(bench->told.results[bench->token], 'f');
    assert_int_equal(lease_state(ann), LEASE_LOST);
    sink_free(sink);
    lease_free(ann, true);
    assert_string_equal(redis_ask(client, "EXISTS " LEASE_KEY), "0");

    ann = take(bench, "ann2", NULL, TTL_MS); /* free again by the time it looks */
    (void)redis_ask(client, "MULTI");
    (void)redis_ask(client, "SET shoplane:{shop}:last %s", "9 eve");
    (void)redis_ask(client, "DEL " LEASE_KEY);
    (void)redis_ask(client, "EXEC");
    wait_state(ann, LEASE_LOST);
    lease_holder(ann, holder, sizeof holder);
    assert_string_equal(holder, "eve");
    lease_free(ann, false);
    expect_said(&captured, (const char *const[]){"lost to bob", "lost to eve", NULL});
    redisFree(client);
}

static void only_the_holder_connects_and_its_connections_are_entered(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct lease *ann = take(bench, "ann", NULL, LONG_MS);
    struct lease *bob = lease_new(&bench->settings, "shop", "bob", NULL, LONG_MS);
    assert_int_equal(lease_wait(bob, LIMIT_MS), LEASE_OTHERS);
    bench->settings.timeout_ms = 150;
    struct sink *sink = sink_under(bench, bob);
    bool wants_write;
    for (int i = 0; i < 10; i++)
        assert_true(sink_poll(sink, 20));
    assert_false(sink_ready(sink));
    assert_int_equal(sink_descriptor(sink, &wants_write), -1);
    assert_string_equal(redis_ask(client, "EXISTS " CONNECTIONS_KEY), "0");
    lease_free(ann, true);
    put_until_ok(bench, sink, "a", "1");
    assert_string_equal(redis_ask(client, "HVALS " CONNECTIONS_KEY), "");
    redisReply *all = redisCommand(client, "HGETALL " CONNECTIONS_KEY);
    assert_int_equal(all->elements, 2);
    assert_string_equal(all->element[1]->str, "2 bob");
    char first[REDIS_ENTRY_MAX];
    (void)snprintf(first, sizeof first, "%s", all->element[0]->str);
    freeReplyObject(all);

    (void)kill(bench->server.pid, SIGSTOP); /* silent for too long: dropped, and ended when the next one greets */
    put_group(bench, sink, "a", "2");
    drain(sink);
    (void)kill(bench->server.pid, SIGCONT);
    put_until_ok(bench, sink, "a", "3");
    assert_string_equal(redis_ask(client, "HEXISTS " CONNECTIONS_KEY " %s", first), "0");
    assert_string_equal(redis_ask(client, "HLEN " CONNECTIONS_KEY), "1");
    assert_int_equal(sink->counters.reconnects, 1);
    assert_int_equal(sink->counters.replaced, 0);
    sink_free(sink);
    lease_free(bob, false);
    redisFree(client);
}

static void who_has_a_number_of_a_server_before_its_restart_is_not_ended(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *bystander = redis_server_client(&bench->server), *writer = redis_server_client(&bench->server);
    char id[32], writer_id[32];
    (void)snprintf(id, sizeof id, "%s", redis_ask(bystander, "CLIENT ID"));
    (void)snprintf(writer_id, sizeof writer_id, "%s", redis_ask(writer, "CLIENT ID"));
    (void)redis_ask(bystander, "HSET " CONNECTIONS_KEY " %s@0123456789012345678901234567890123456789 1-dead", id);
    (void)redis_ask(bystander, "HSET " CONNECTIONS_KEY " %s 1-dead", writer_id); /* whose server did not say */
    struct lease *ann = take(bench, "ann", NULL, LONG_MS);
    assert_string_equal(redis_ask(bystander, "HLEN " CONNECTIONS_KEY), "0");
    (void)signal(SIGPIPE, SIG_IGN); /* hiredis does not; the sink does without */
    assert_null(redisCommand(writer, "PING"));
    (void)signal(SIGPIPE, SIG_DFL);
    lease_free(ann, false);
    redisFree(bystander);
    redisFree(writer);
}

static void a_connection_made_after_a_takeover_is_not_used(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct lease *ann = take(bench, "ann", NULL, LONG_MS);
    struct sink *sink = sink_under(bench, ann);
    put_until_ok(bench, sink, "a", "1");
    (void)redis_ask(client, "SET " LEASE_KEY " %s", "2 bob");
    (void)redis_ask(client, "CLIENT KILL TYPE normal SKIPME yes"); /* ann's own connection too */
    (void)sink_poll(sink, 100);
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    while (atoi(redis_ask(client, "HLEN " CONNECTIONS_KEY)) < 4) { /* attempts, while its clock says it may */
        assert_true(time_monotonic_ms() < end_ms && lease_may_write(ann));
        assert_false(sink_ready(sink));
        (void)sink_poll(sink, 20);
    }
    put_group(bench, sink, "a", "2");
    assert_int_equal(bench->told.results[bench->token], 'f');
    assert_string_equal(redis_ask(client, "GET a"), "1");
    sink_free(sink);
    lease_free(ann, false);
    redisFree(client);
}

static void a_takeover_ends_the_connections_of_others(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server), *former = redis_server_client(&bench->server);
    char id[32];
    (void)snprintf(id, sizeof id, "%s", redis_ask(former, "CLIENT ID"));
    (void)redis_ask(client, "HSET " CONNECTIONS_KEY " %s %s 999999 %s nonsense %s", id, "5 eve", "5 eve", "5 eve");
    struct lease *lease = take(bench, "ann", NULL, LONG_MS);
    (void)signal(SIGPIPE, SIG_IGN);
    assert_null(redisCommand(former, "SET a old"));
    (void)signal(SIGPIPE, SIG_DFL);
    assert_string_equal(redis_ask(client, "EXISTS a " CONNECTIONS_KEY), "0");
    lease_free(lease, false);
    redisFree(former);
    redisFree(client);
}

static void a_server_without_eval_is_told_what_it_needs(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, (const char *const[]){"--rename-command", "EVAL", "", NULL});
    struct captured captured = capture();
    struct lease *lease = lease_new(&bench->settings, "shop", "ann", NULL, TTL_MS);
    assert_int_equal(lease_wait(lease, 400), LEASE_UNKNOWN);
    assert_false(lease_may_write(lease));
    lease_free(lease, true);
    expect_said(&captured, (const char *const[]){"EVAL is refused", "unknown command", "+eval", NULL});
}

static void a_user_without_the_rights_waits_until_it_has_them(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    (void)redis_ask(client, "HSET " CONNECTIONS_KEY " 999999 %s", "5 eve");
    bench->settings.user = "shop";
    bench->settings.password = "pw";
    assert_string_equal(redis_ask(client, "ACL SETUSER shop on >pw ~* +set +del +expire"), "OK");
    struct captured captured = capture();
    struct lease *lease = lease_new(&bench->settings, "shop", "ann", NULL, TTL_MS);
    assert_int_equal(lease_wait(lease, 300), LEASE_UNKNOWN);
    expect_said(&captured, (const char *const[]){"NOPERM", "+eval", "+client|kill", NULL});
    captured = capture();
    assert_string_equal(redis_ask(client, "ACL SETUSER shop +eval +get +incr +pttl +pexpire +hset +hdel +hgetall"), "OK");
    assert_int_equal(lease_wait(lease, 300), LEASE_UNKNOWN); /* the connections of others can't be ended */
    assert_false(lease_may_write(lease));
    assert_string_equal(redis_ask(client, "ACL SETUSER shop +client|id +client|kill"), "OK");
    wait_state(lease, LEASE_HELD);
    struct sink *sink = sink_under(bench, lease);
    sink_fence(sink, 0, 1);
    put_until_ok(bench, sink, "a", "1");
    char *said = captured_text(&captured);
    assert_null(strstr(said, "pw"));
    free(said);
    sink_free(sink);
    lease_free(lease, true);
    assert_string_equal(redis_ask(client, "EXISTS " LEASE_KEY), "0");
    redisFree(client);
}

static void a_server_that_comes_later_over_tcp_with_a_password(void **state)
{
    struct bench *bench = *state;
    bench->settings.socket = NULL;
    bench->settings.host = "127.0.0.1";
    bench->settings.port = bench->server.port;
    bench->settings.password = "open sesame";
    bench->settings.database = 3;
    struct captured captured = capture();
    struct lease *lease = lease_new(&bench->settings, "shop", "ann", NULL, TTL_MS);
    assert_int_equal(lease_wait(lease, 100), LEASE_UNKNOWN);
    redis_server_start(&bench->server, (const char *const[]){"--requirepass", "open sesame", NULL});
    wait_state(lease, LEASE_HELD);
    lease_free(lease, false);
    bench->settings.password = "open barley";
    lease = lease_new(&bench->settings, "shop", "ann", NULL, TTL_MS);
    assert_int_equal(lease_wait(lease, 100), LEASE_UNKNOWN);
    lease_free(lease, false);
    char *said = captured_text(&captured);
    assert_non_null(strstr(said, "can't connect"));
    assert_non_null(strstr(said, "WRONGPASS"));
    assert_null(strstr(said, "barley"));
    assert_null(strstr(said, "sesame"));
    free(said);
    redisContext *client = redis_server_client(&bench->server);
    (void)redis_ask(client, "AUTH %s", "open sesame");
    (void)redis_ask(client, "SELECT 3");
    assert_string_equal(redis_ask(client, "GET shoplane:{shop}:epoch"), "1");
    redisFree(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(one_holds_and_the_other_waits_for_the_end_of_it),
        CASE(what_is_given_up_is_taken_long_before_its_end),
        CASE(the_lease_of_a_former_owner_is_taken_at_once),
        CASE(a_server_killed_and_back_empty_gives_it_to_the_holder_again),
        CASE(a_server_that_was_flushed_gets_connections_and_fence_again),
        CASE(a_server_that_stalls_beyond_the_ttl_stops_the_writes),
        CASE(a_lease_that_somebody_else_has_or_had_is_lost_for_ever),
        CASE(only_the_holder_connects_and_its_connections_are_entered),
        CASE(who_has_a_number_of_a_server_before_its_restart_is_not_ended),
        CASE(a_connection_made_after_a_takeover_is_not_used),
        CASE(a_takeover_ends_the_connections_of_others),
        CASE(a_server_without_eval_is_told_what_it_needs),
        CASE(a_user_without_the_rights_waits_until_it_has_them),
        CASE(a_server_that_comes_later_over_tcp_with_a_password),
    };
    if (!redis_server_installed()) {
        (void)fprintf(stderr, "skipped: there is no redis-server in PATH\n");
        return 77;
    }
    (void)signal(SIGPIPE, SIG_DFL); /* neither lease nor sink must need it ignored */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
