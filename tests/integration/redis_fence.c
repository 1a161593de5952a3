/* Never an older value over a newer one: holders of the lease that are stopped in the middle of writing and go on when somebody
 * else has written, and the fence, which says what was written before it is. */
#include "lease_bench.h"
#include "relay.h"

#include "base/time.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { EPOCH_VALUES = 100000000 };

/* The writer: as fast as it can, values that only grow, of its epoch. Ends when its lease is lost. */
static void write_until_lost(const struct bench *bench, const char *lease_socket, const char *owner)
{
    struct redis_settings settings = bench->settings;
    settings.socket = lease_socket;
    struct lease *lease = lease_new(&settings, "shop", owner, NULL, SHORT_MS);
    settings.socket = bench->settings.socket;
    settings.lease = lease;
    settings.fence = lease_fence_key(lease);
    settings.retry_max_ms = 20;
    struct sink *sink = redis_sink_new(&settings, NULL, NULL);
    for (uint64_t n = 1; lease_state(lease) != LEASE_LOST; n++) {
        char value[32];
        while (!sink_ready(sink) && lease_state(lease) != LEASE_LOST)
            (void)sink_poll(sink, 1);
        uint64_t number = lease_epoch(lease) * EPOCH_VALUES + n;
        (void)snprintf(value, sizeof value, "%llu", (unsigned long long)number);
        sink_fence(sink, 0, (int64_t)number);
        put(sink, "k", value, false);
        sink_commit(sink, NULL);
        sink_flush(sink);
        (void)sink_poll(sink, 0);
    }
    sink_free(sink);
    lease_free(lease, false);
}

static pid_t writer_start(const struct bench *bench, const char *lease_socket, const char *owner)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        assert_non_null(freopen("/dev/null", "w", stderr));
        write_until_lost(bench, lease_socket, owner);
        _exit(0);
    }
    return pid;
}

static bool writer_ended(pid_t pid)
{
    int status;
    if (waitpid(pid, &status, WNOHANG) != pid)
        return false;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return true;
}

static long long number_of(redisContext *client, const char *key)
{
    return strtoll(redis_ask(client, "GET %s", key), NULL, 10);
}

static void stop_with_bytes_on_the_way(struct bench *bench, redisContext *client, unsigned *seed)
{
    struct relay relay;
    char path[96];
    (void)snprintf(path, sizeof path, "%s/relay.sock", bench->server.folder);
    relay_open(&relay, path, bench->server.socket);
    bench->settings.socket = path;
    pid_t pid = writer_start(bench, bench->server.socket, "ann");
    bench->settings.socket = bench->server.socket;
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    for (; number_of(client, "k") == 0; relay_pump(&relay))
        assert_true(time_monotonic_ms() < end_ms);
    relay.pairs[0].held = true;
    for (; relay.pairs[0].forward.size == 0; relay_pump(&relay))
        assert_true(time_monotonic_ms() < end_ms);
    for (int more = rand_r(seed) % 1000; more > 0; more--)
        relay_pump(&relay);
    (void)kill(pid, SIGSTOP);

    struct lease *bob = lease_new(&bench->settings, "shop", "bob", NULL, TTL_MS);
    wait_state(bob, LEASE_HELD);
    assert_true(lease_fence(bob, 0) >= number_of(client, "k"));
    struct sink *sink = sink_under(bench, bob);
    put_until_ok(bench, sink, "k", "0"); /* smaller than all of the other's, and newer */
    relay.pairs[0].held = false;
    for (int i = 0; i < 100; i++) {
        relay_pump(&relay);
        (void)redis_ask(client, "PING");
    }
    assert_string_equal(redis_ask(client, "GET k"), "0");
    (void)kill(pid, SIGCONT);
    for (end_ms = time_monotonic_ms() + LIMIT_MS; !writer_ended(pid); relay_pump(&relay))
        assert_true(time_monotonic_ms() < end_ms);
    assert_string_equal(redis_ask(client, "GET k"), "0");
    assert_int_equal(lease_state(bob), LEASE_HELD);
    sink_free(sink);
    lease_free(bob, true);
    relay_close(&relay);
}

static void bytes_on_the_way_of_a_stopped_holder_are_never_executed(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    unsigned seed = (unsigned)time_wall_ms();
    print_message("seed %u\n", seed);
    for (int round = 0; round < 8; round++)
        stop_with_bytes_on_the_way(bench, client, &seed);
    redisFree(client);
}

/* What MONITOR has seen until `client` says the word: values of k never go back, and none is written before the fence has
 * it. Returns how many. */
static size_t expect_growth(redisContext *monitor, redisContext *client, const char *word)
{
    static long long value, fence;
    size_t count = 0;
    (void)redis_ask(client, "ECHO %s", word);
    for (bool end = false; !end;) {
        redisReply *line;
        assert_int_equal(redisGetReply(monitor, (void **)&line), REDIS_OK);
        const char *set = strstr(line->str, "\"SET\" \"k\" \""), *hset = strstr(line->str, "\"HSET\" \"" FENCE_KEY "\" \"0/");
        if (set != NULL) {
            long long now = strtoll(set + strlen("\"SET\" \"k\" \""), NULL, 10);
            if (now < value || now > fence)
                fail_msg("%lld after %lld, with the fence at %lld", now, value, fence);
            value = now;
            count++;
        } else if (hset != NULL) {
            const char *offset = strstr(hset + strlen("\"HSET\" \"" FENCE_KEY "\" \""), "\" \"");
            fence = strtoll(offset + 3, NULL, 10);
        }
        end = strstr(line->str, word) != NULL;
        freeReplyObject(line);
    }
    return count;
}

static void a_holder_stopped_at_any_moment_writes_nothing_older_later(void **state)
{
    enum { ROUNDS = 20 };
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server), *monitor = redis_server_client(&bench->server);
    assert_string_equal(redis_ask(monitor, "MONITOR"), "OK");
    unsigned seed = (unsigned)time_wall_ms();
    print_message("seed %u\n", seed);
    size_t written = 0;
    for (int round = 0; round < ROUNDS; round++) {
        char owner[32], word[32], value[32];
        (void)snprintf(owner, sizeof owner, "ann%d", round);
        (void)snprintf(word, sizeof word, "round-%d", round);
        long long before = number_of(client, "k");
        pid_t pid = writer_start(bench, bench->server.socket, owner);
        int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
        while (number_of(client, "k") == before)
            assert_true(time_monotonic_ms() < end_ms);
        /* at any moment, and with its bytes in the socket: the server is stopped first, half of the times */
        bool piled = rand_r(&seed) % 2 == 0;
        struct timespec pause = {.tv_nsec = rand_r(&seed) % 20000000};
        (void)nanosleep(&pause, NULL);
        if (piled)
            (void)kill(bench->server.pid, SIGSTOP);
        pause.tv_nsec = rand_r(&seed) % 60000000; /* the socket is full after some tens of ms */
        (void)nanosleep(&pause, NULL);
        (void)kill(pid, SIGSTOP);
        if (piled)
            (void)kill(bench->server.pid, SIGCONT);

        (void)snprintf(owner, sizeof owner, "bob%d", round);
        struct lease *bob = lease_new(&bench->settings, "shop", owner, NULL, TTL_MS);
        wait_state(bob, LEASE_HELD);
        assert_true(lease_fence(bob, 0) >= number_of(client, "k"));
        struct sink *sink = sink_under(bench, bob);
        bool woken = false;
        for (int n = 1; n <= 200; n++) {
            long long number = (long long)lease_epoch(bob) * EPOCH_VALUES + n;
            (void)snprintf(value, sizeof value, "%lld", number);
            sink_fence(sink, 0, number);
            put_until_ok(bench, sink, "k", value);
            if (n == 2 + (int)(rand_r(&seed) % 50) || (n == 100 && !woken)) {
                (void)kill(pid, SIGCONT);
                woken = true;
            }
        }
        while (!writer_ended(pid))
            assert_true(time_monotonic_ms() < end_ms + LIMIT_MS);
        assert_string_equal(redis_ask(client, "GET k"), value);
        sink_free(sink);
        lease_free(bob, true);
        written += expect_growth(monitor, client, word);
    }
    print_message("%zu writes\n", written);
    assert_true(written > ROUNDS * 200);
    redisFree(monitor);
    redisFree(client);
}

/* -- the fence -- */

static void the_fence_reaches_the_server_before_what_follows(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server), *monitor = redis_server_client(&bench->server);
    assert_string_equal(redis_ask(monitor, "MONITOR"), "OK");
    struct lease *lease = take(bench, "ann", NULL, LONG_MS);
    struct sink *sink = sink_under(bench, lease);
    long long number = 1000000 * (long long)EPOCH_VALUES; /* beyond what an earlier test's monitor saw */
    for (int n = 1; n <= 2000; n++) {
        char value[32];
        (void)snprintf(value, sizeof value, "%lld", ++number);
        if (n % 400 == 0) { /* its connection is cut */
            redisReply *ids = redisCommand(client, "HKEYS " CONNECTIONS_KEY);
            for (size_t i = 0; i < ids->elements; i++)
                (void)redis_ask(client, "CLIENT KILL ID %lld", strtoll(ids->element[i]->str, NULL, 10)); /* "<id>@<run_id>" */
            freeReplyObject(ids);
        }
        sink_fence(sink, 0, number);
        wait_ready(sink);
        put_group(bench, sink, "k", value);
        if (n % 7 == 0)
            sink_flush(sink);
        if (n % 50 == 0)
            (void)sink_poll(sink, 0);
    }
    drain(sink);
    put_until_ok(bench, sink, "other", "1");
    assert_true(expect_growth(monitor, client, "the-end") > 100);
    char last[32];
    (void)snprintf(last, sizeof last, "%lld", number);
    assert_string_equal(redis_ask(client, "HGET " FENCE_KEY " 0/2"), last);
    assert_int_equal(sink->counters.reconnects, 5);

    sink_fence(sink, 1, 8); /* alone, by a flush */
    sink_flush(sink);
    drain(sink);
    assert_string_equal(redis_ask(client, "HGET " FENCE_KEY " 1/2"), "8");
    sink_free(sink);
    lease_free(lease, false);
    redisFree(monitor);
    redisFree(client);
}

static void what_former_workers_left_of_the_fence_is_one_field_a_partition(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    (void)redis_ask(client, "HSET " FENCE_KEY " 0/0 5 0/1 10 0/3 9 3/2 9007199254740993 3/0 9007199254740992 5/0 1 x y 6/0 z");
    struct lease *lease = take(bench, "ann", NULL, LONG_MS);
    assert_int_equal(lease_fence(lease, 0), 10);
    assert_int_equal(lease_fence(lease, 1), 0);
    assert_int_equal(lease_fence(lease, 3), 9007199254740993);
    assert_int_equal(lease_fence(lease, 5), 1);
    assert_int_equal(lease_fence(lease, 6), 0);
    assert_int_equal(lease_fence(lease, -1), 0);
    assert_int_equal(lease_fence(lease, 1000000), 0);
    assert_string_equal(redis_ask(client, "HGET " FENCE_KEY " 0/0"), "10");
    assert_string_equal(redis_ask(client, "HGET " FENCE_KEY " 3/0"), "9007199254740993");
    assert_string_equal(redis_ask(client, "HLEN " FENCE_KEY), "5"); /* the two that nobody knows stay */
    lease_free(lease, false);
    redisFree(client);
}

static void nothing_is_written_while_the_fence_is_refused(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    struct lease *lease = take(bench, "ann", NULL, LONG_MS);
    (void)redis_ask(client, "SET " FENCE_KEY " 1"); /* no hash */
    struct captured captured = capture();
    struct sink *sink = sink_under(bench, lease);
    wait_ready(sink);
    sink_fence(sink, 0, 5);
    put_group(bench, sink, "a", "1");
    drain(sink);
    assert_int_equal(bench->told.failed, 1);
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    while (sink->counters.reconnects < 3) {
        assert_true(time_monotonic_ms() < end_ms);
        assert_false(sink_ready(sink));
        (void)sink_poll(sink, 20);
    }
    assert_string_equal(redis_ask(client, "EXISTS a"), "0");
    (void)redis_ask(client, "DEL " FENCE_KEY);
    put_until_ok(bench, sink, "a", "2");
    assert_string_equal(redis_ask(client, "HGET " FENCE_KEY " 0/2"), "5");
    expect_said(&captured, (const char *const[]){"the fence " FENCE_KEY " is refused", NULL});
    sink_free(sink);
    lease_free(lease, false);
    redisFree(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(bytes_on_the_way_of_a_stopped_holder_are_never_executed),
        CASE(a_holder_stopped_at_any_moment_writes_nothing_older_later),
        CASE(the_fence_reaches_the_server_before_what_follows),
        CASE(what_former_workers_left_of_the_fence_is_one_field_a_partition),
        CASE(nothing_is_written_while_the_fence_is_refused),
    };
    if (!redis_server_installed()) {
        (void)fprintf(stderr, "skipped: there is no redis-server in PATH\n");
        return 77;
    }
    (void)signal(SIGPIPE, SIG_DFL); /* neither lease nor sink must need it ignored */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
