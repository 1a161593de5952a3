/* redis_blocking.c - see redis_blocking.h. */
#include "sink/redis_blocking.h"

#include "sink/redis_fault.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static bool told(redisContext *context, size_t count, const char **words, const char *secret, struct error *error)
{
    redisReply *reply = redisCommandArgv(context, (int)count, words, NULL);
    if (reply == NULL) {
        redis_fault_connection("no answer", context->errstr, error);
        return false;
    }
    bool good = reply->type != REDIS_REPLY_ERROR;
    if (!good)
        (void)redis_fault_reply(words[0], reply->str, REDIS_WORK_GREETING, secret, error);
    freeReplyObject(reply);
    return good;
}

static bool greet(redisContext *context, const struct redis_settings *settings, struct error *error)
{
    char database[16];
    (void)snprintf(database, sizeof database, "%d", settings->database);
    if (settings->password != NULL &&
        !(settings->user != NULL
              ? told(context, 3, (const char *[]){"AUTH", settings->user, settings->password}, settings->password, error)
              : told(context, 2, (const char *[]){"AUTH", settings->password}, settings->password, error)))
        return false;
    return settings->database == 0 || told(context, 2, (const char *[]){"SELECT", database}, NULL, error);
}

redisContext *redis_blocking_open(const struct redis_settings *settings, int64_t timeout_ms, struct error *error)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    *error = (struct error){0};
    redisContext *context = settings->socket != NULL ? redisConnectUnixWithTimeout(settings->socket, limit)
                                                     : redisConnectWithTimeout(settings->host, settings->port, limit);
    if (context == NULL || context->err != 0) {
        redis_fault_connection("can't connect", context == NULL ? "no memory" : context->errstr, error);
    } else {
        (void)fcntl(context->fd, F_SETFD, FD_CLOEXEC);
        (void)redisSetTimeout(context, limit);
        if (greet(context, settings, error))
            return context;
    }
    if (context != NULL)
        redisFree(context);
    return NULL;
}
