/* One process at a time writes: the lease and the fence against a real redis-server, with holders that die, give up, are
 * stopped in the middle of writing and go on later, and a server that goes, stalls, comes back empty or refuses. */
#include "redis_bench.h"
#include "relay.h"

#include "base/memory.h"
#include "base/time.h"
#include "sink/lease.h"

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

enum { LONG_MS = 60000, TTL_MS = 600, SHORT_MS = 300, EPOCH_VALUES = 100000000 };

#define LEASE_KEY       "shoplane:{shop}:lease"
#define CONNECTIONS_KEY "shoplane:{shop}:connections"
#define FENCE_KEY       "shoplane:{shop}:fence"

static void wait_state(struct lease *lease, enum lease_state wanted)
{
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    const struct timespec pause = {.tv_nsec = 1000000};
    while (lease_state(lease) != wanted) {
        assert_true(time_monotonic_ms() < end_ms);
        (void)nanosleep(&pause, NULL); /* a look every ms, for the thing itself */
    }
}

static struct lease *take(struct bench *bench, const char *owner, const char *former, int64_t ttl_ms)
{
    struct lease *lease = lease_new(&bench->settings, "shop", owner, former, ttl_ms);
    assert_int_equal(lease_wait(lease, LIMIT_MS), LEASE_HELD);
    return lease;
}

static struct sink *sink_under(struct bench *bench, struct lease *lease)
{
    bench->settings.lease = lease;
    bench->settings.fence = lease_fence_key(lease);
    bench->settings.worker = 2;
    return sink_open(bench);
}

static void expect_said(struct captured *captured, const char *const *texts)
{
    char *said = captured_text(captured);
    for (; *texts != NULL; texts++)
        if (strstr(said, *texts) == NULL)
            fail_msg("\"%s\" is not in: %s", *texts, said);
    free(said);
}

static void wait_said(const struct captured *captured, const char *text)
{
    static char said[65536];
    int64_t end_ms = time_monotonic_ms() + LIMIT_MS;
    do {
        assert_true(time_monotonic_ms() < end_ms);
        ssize_t size = pread(fileno(captured->file), said, sizeof said - 1, 0);
        said[size > 0 ? size : 0] = '\0';
    } while (strstr(said, text) == NULL);
}

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
    expect_said(&captured, (const char *const[]){"acquired, epoch 1", "waiting, host:1:ann holds it", "acquired, epoch 2", NULL});
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
    char first[32];
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

/* -- a process that is stopped while it writes -- */

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
        (void)freopen("/dev/null", "w", stderr);
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
                (void)redis_ask(client, "CLIENT KILL ID %s", ids->element[i]->str);
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
    expect_said(&captured, (const char *const[]){"refuses the fence", FENCE_KEY, NULL});
    sink_free(sink);
    lease_free(lease, false);
    redisFree(client);
}

/* -- refusals -- */

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
        CASE(a_connection_made_after_a_takeover_is_not_used),
        CASE(a_takeover_ends_the_connections_of_others),
        CASE(bytes_on_the_way_of_a_stopped_holder_are_never_executed),
        CASE(a_holder_stopped_at_any_moment_writes_nothing_older_later),
        CASE(the_fence_reaches_the_server_before_what_follows),
        CASE(what_former_workers_left_of_the_fence_is_one_field_a_partition),
        CASE(nothing_is_written_while_the_fence_is_refused),
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
