/* watch_store.c - see watch_store.h. */
#include "demo/watch_store.h"

#include "base/memory.h"
#include "base/time.h"
#include "demo/options.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store {
    char *host; /* or the path of a socket */
    int port;   /* 0: a socket */
    int database;
    redisContext *connection; /* NULL: none now */
    redisReply *reply;        /* of the last call */
    int64_t tried_ms;
    char problem[256];
};

static bool address_read(const char *address, char **host, int *port, int *database)
{
    int end = 0, colon = 0;
    *host = NULL;
    *port = *database = 0;
    if (address[0] == '/') {
        *host = memory_text(address);
        return true;
    }
    const char *last = strrchr(address, ':');
    if (last == NULL || last == address)
        return false;
    colon = (int)(last - address);
    if (sscanf(last, ":%5d%n", port, &end) != 1 || *port < 1 || *port > 65535)
        return false;
    const char *rest = last + end;
    end = 0;
    if (*rest != '\0' && (sscanf(rest, "/%5d%n", database, &end) != 1 || rest[end] != '\0' || *database < 0))
        return false;
    *host = memory_format("%.*s", colon, address);
    return true;
}

bool store_address_is_good(const char *address)
{
    char *host;
    int port, database;
    bool good = address_read(address, &host, &port, &database);
    free(host);
    if (!good)
        (void)usage_error("the address of Redis can't be used", address,
                          "give HOST:PORT, HOST:PORT/DATABASE, or the path of its socket");
    return good;
}

struct store *store_new(const char *address)
{
    struct store *store = memory_new(sizeof *store);
    (void)address_read(address, &store->host, &store->port, &store->database);
    store->tried_ms = INT64_MIN / 2;
    return store;
}

static void disconnect(struct store *store, const char *problem)
{
    (void)snprintf(store->problem, sizeof store->problem, "%s", problem);
    if (store->connection != NULL)
        redisFree(store->connection);
    store->connection = NULL;
}

void store_free(struct store *store)
{
    if (store->reply != NULL)
        freeReplyObject(store->reply);
    disconnect(store, "");
    free(store->host);
    free(store);
}

const char *store_problem(const struct store *store) { return store->problem; }

/* The reply of one command, NULL on failure; an error that Redis answers with counts as a failure too. */
static redisReply *ask(struct store *store, int argc, const char **argv)
{
    if (store->reply != NULL)
        freeReplyObject(store->reply);
    store->reply = redisCommandArgv(store->connection, argc, argv, NULL);
    if (store->reply == NULL) {
        char problem[200];
        (void)snprintf(problem, sizeof problem, "%.190s", store->connection->errstr);
        disconnect(store, problem);
    } else if (store->reply->type == REDIS_REPLY_ERROR) {
        char problem[200];
        (void)snprintf(problem, sizeof problem, "%.190s", store->reply->str);
        disconnect(store, problem);
        freeReplyObject(store->reply);
        store->reply = NULL;
    }
    return store->reply;
}

static bool connected(struct store *store)
{
    if (store->connection != NULL)
        return true;
    int64_t now_ms = time_monotonic_ms();
    if (now_ms - store->tried_ms < 500)
        return false;
    store->tried_ms = now_ms;
    struct timeval limit = {.tv_sec = 2};
    store->connection = store->port == 0 ? redisConnectUnixWithTimeout(store->host, limit)
                                         : redisConnectWithTimeout(store->host, store->port, limit);
    if (store->connection == NULL || store->connection->err != 0) {
        char problem[200];
        (void)snprintf(problem, sizeof problem, "%.190s", store->connection == NULL ? "no memory" : store->connection->errstr);
        disconnect(store, problem);
        return false;
    }
    (void)redisSetTimeout(store->connection, limit);
    char number[16];
    (void)snprintf(number, sizeof number, "%d", store->database);
    return ask(store, 2, (const char *[]){"SELECT", number}) != NULL;
}

bool store_read(struct store *store, char *const *keys, size_t count, const char **values)
{
    enum { KEYS_MAX = 512 };
    const char *argv[KEYS_MAX + 1] = {"MGET"};
    if (count == 0 || count > KEYS_MAX || !connected(store))
        return false;
    for (size_t i = 0; i < count; i++)
        argv[i + 1] = keys[i];
    const redisReply *reply = ask(store, (int)count + 1, argv);
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != count)
        return false;
    for (size_t i = 0; i < count; i++)
        values[i] = reply->element[i]->type == REDIS_REPLY_STRING ? reply->element[i]->str : NULL;
    return true;
}

static uint64_t calls(const char *statistics, const char *command)
{
    char line[64];
    uint64_t count = 0;
    (void)snprintf(line, sizeof line, "cmdstat_%s:calls=", command);
    const char *found = strstr(statistics, line);
    if (found != NULL)
        (void)sscanf(found + strlen(line), "%" SCNu64, &count);
    return count;
}

bool store_counts(struct store *store, uint64_t *writes, uint64_t *keys)
{
    if (!connected(store))
        return false;
    const redisReply *reply = ask(store, 2, (const char *[]){"INFO", "commandstats"});
    if (reply == NULL || reply->type != REDIS_REPLY_STRING)
        return false;
    *writes = calls(reply->str, "set") + calls(reply->str, "del");
    reply = ask(store, 1, (const char *[]){"DBSIZE"});
    if (reply == NULL || reply->type != REDIS_REPLY_INTEGER)
        return false;
    *keys = (uint64_t)reply->integer;
    return true;
}
