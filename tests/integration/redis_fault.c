/* redis_fault.c - servers in every wrong state: sink and lease say the same of it, what it means and what to do. (The audit says
 * what the same two functions give: audit.py.) */
#include "lease_bench.h"
#include "redis_bench.h"

#include "base/time.h"
#include "sink/redis_fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TTL_MS 600

/* Until the log has both texts in one line; fails with what was said instead. */
static void wait_both(struct captured *captured, const char *meaning, const char *advice, struct sink *sink)
{
    static char said[65536];
    int64_t end_ms = time_monotonic_ms() + 5000;
    for (;;) {
        if (sink != NULL)
            (void)sink_poll(sink, 10);
        else
            (void)usleep(5000);
        ssize_t size = pread(fileno(captured->file), said, sizeof said - 1, 0);
        said[size > 0 ? size : 0] = '\0';
        char *found = strstr(said, meaning);
        if (found != NULL && strstr(found, advice) != NULL && strcspn(found, "\n") > (size_t)(strstr(found, advice) - found))
            break;
        if (time_monotonic_ms() >= end_ms) {
            free(captured_text(captured));
            fail_msg("\"%s\" and \"%s\" are not in: %s", meaning, advice, said);
        }
    }
    free(captured_text(captured));
}

static void expect_both(struct bench *bench, const char *meaning, const char *advice)
{
    struct captured captured = capture();
    struct lease *lease = lease_new(&bench->settings, "shop", "ann", NULL, TTL_MS);
    wait_both(&captured, meaning, advice, NULL);
    lease_free(lease, false);
    captured = capture();
    struct sink *sink = sink_open(bench);
    int64_t end_ms = time_monotonic_ms() + 300;
    while (!sink_ready(sink) && time_monotonic_ms() < end_ms)
        (void)sink_poll(sink, 10);
    put_group(bench, sink, "a", "1"); /* some say it only then */
    sink_flush(sink);
    wait_both(&captured, meaning, advice, sink);
    sink_free(sink);
}

static void over_tcp(struct bench *bench)
{
    bench->settings.socket = NULL;
    bench->settings.host = "127.0.0.1";
    bench->settings.port = bench->server.port;
}

static void passwords(void **state)
{
    struct bench *bench = *state;
    bench->settings.password = "needless";
    redis_server_start(&bench->server, NULL);
    expect_both(bench, "AUTH is refused: the server has no password", "take user and password out of the sink");
    redis_server_kill(&bench->server);
    redis_server_start(&bench->server, (const char *const[]){"--requirepass", "open sesame", NULL});
    expect_both(bench, "AUTH is refused: the server does not accept user or password", "set user and password of the sink");
    bench->settings.password = NULL;
    expect_both(bench, "the server wants a password", "give the sink a password");
    bench->settings.database = 3;
    expect_both(bench, "SELECT is refused: the server wants a password", "give the sink a password");
}

static void databases(void **state)
{
    struct bench *bench = *state;
    bench->settings.database = 1;
    redis_server_start(&bench->server, (const char *const[]){"--databases", "1", NULL});
    expect_both(bench, "SELECT is refused: the server has no such database", "raise `databases`");
}

static void a_cluster(void **state)
{
    struct bench *bench = *state;
    struct redis_server other; /* for its port */
    char port[16];
    redis_server_prepare(&other);
    (void)snprintf(port, sizeof port, "%d", other.port);
    redis_server_remove(&other);
    redis_server_start(&bench->server, (const char *const[]){"--cluster-enabled", "yes", "--cluster-port", port, NULL});
    expect_both(bench, "the server is a node of a cluster", "not a cluster");
    redisContext *client = redis_server_client(&bench->server);
    /* one that has some of the slots */
    assert_string_equal(redis_ask(client, "CONFIG SET cluster-require-full-coverage no"), "OK");
    assert_string_equal(redis_ask(client, "CLUSTER ADDSLOTSRANGE 0 1"), "OK");
    expect_both(bench, "the server is a node of a cluster", "not a cluster");
    bench->settings.database = 1;
    expect_both(bench, "SELECT is refused: the server is a node of a cluster", "not a cluster");
    redisFree(client);
}

static void replicas(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, (const char *const[]){"--replicaof", "127.0.0.1", "1", NULL});
    expect_both(bench, "the server is a read-only replica", "point the sink at the primary");
    redisContext *client = redis_server_client(&bench->server);
    assert_string_equal(redis_ask(client, "CONFIG SET replica-serve-stale-data no"), "OK");
    expect_both(bench, "the server is a replica that has lost its primary", "point the sink at the primary");
    redisFree(client);
}

static void no_writes_now(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, (const char *const[]){"--maxmemory", "1", "--maxmemory-policy", "noeviction", NULL});
    expect_both(bench, "the server's memory is full", "raise the server's maxmemory");
    redis_server_kill(&bench->server);
    redis_server_start(&bench->server, (const char *const[]){"--min-replicas-to-write", "1", NULL});
    expect_both(bench, "the server misses replicas", "min-replicas-to-write");
}

static void missing_rights(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, NULL);
    redisContext *client = redis_server_client(&bench->server);
    assert_string_equal(redis_ask(client, "ACL SETUSER shop on >pw ~* +get"), "OK");
    bench->settings.user = "shop";
    bench->settings.password = "pw";
    expect_both(bench, "the sink's user may not", "allow the sink's user ");
    bench->settings.database = 3;
    expect_both(bench, "SELECT is refused: the sink's user may not", "+select");
    redisFree(client);
}

static void too_many_connections(void **state)
{
    struct bench *bench = *state;
    redis_server_start(&bench->server, (const char *const[]){"--maxclients", "1", NULL});
    redisContext *client = redis_server_client(&bench->server);
    expect_both(bench, "", "maxclients"); /* its answer, if it comes through before it closes the connection */
    redisFree(client);
}

static void a_port_for_tls(void **state)
{
    struct bench *bench = *state;
    char command[512], certificate[128], key[128], port[16];
    (void)snprintf(certificate, sizeof certificate, "%s/cert", bench->server.folder);
    (void)snprintf(key, sizeof key, "%s/key", bench->server.folder);
    (void)snprintf(command, sizeof command,
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=shop "
                   "-keyout %s -out %s >/dev/null 2>&1", key, certificate);
    if (system(command) != 0)
        skip();
    (void)snprintf(port, sizeof port, "%d", bench->server.port);
    redis_server_start(&bench->server, (const char *const[]){"--port", "0", "--tls-port", port, "--tls-cert-file", certificate,
                                                             "--tls-key-file", key, "--tls-auth-clients", "no", NULL});
    over_tcp(bench);
    expect_both(bench, "", "a tunnel such as stunnel");
}

static void nobody_there(void **state)
{
    struct bench *bench = *state;
    expect_both(bench, "can't connect: No such file or directory", "its unixsocket has this path");
    over_tcp(bench);
    expect_both(bench, "can't connect: Connection refused", "bind and port");
    bench->settings.host = "no-such-host.invalid";
    expect_both(bench, "can't connect: ", "sink.host");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(passwords),      CASE(databases),            CASE(a_cluster),      CASE(replicas), CASE(no_writes_now),
        CASE(missing_rights), CASE(too_many_connections), CASE(a_port_for_tls), CASE(nobody_there),
    };
    if (!redis_server_installed()) {
        (void)fprintf(stderr, "skipped: there is no redis-server in PATH\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
