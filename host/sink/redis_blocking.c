/* redis_blocking.c - see redis_blocking.h. */
#include "sink/redis_blocking.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define ADVICE_REACH "see that Redis runs there and can be reached; it is tried again by itself"

/* What is said of an unknown command repeats its words: not where one of them is the password. */
static void refused(struct error *error, const char *command, const char *secret, const char *text)
{
    if (secret != NULL) {
        error_what(error, "the server does not accept user or password: %s",
                   strstr(text, "unknown command") != NULL || strstr(text, secret) != NULL ? "AUTH was refused" : text);
        error_advice(error, "set user and password of the sink as the server has them (or neither, if it has none)");
        return;
    }
    error_what(error, "%s is refused: %s", command, text);
    error_advice(error, "look into its log; it is tried again by itself");
}

static bool told(redisContext *context, size_t count, const char **words, const char *secret, struct error *error)
{
    redisReply *reply = redisCommandArgv(context, (int)count, words, NULL);
    if (reply == NULL) {
        error_what(error, "no answer: %s", context->errstr);
        error_advice(error, ADVICE_REACH);
        return false;
    }
    bool good = reply->type != REDIS_REPLY_ERROR;
    if (!good)
        refused(error, words[0], secret, reply->str);
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
        error_what(error, "can't connect: %s", context == NULL ? "no memory" : context->errstr);
        error_advice(error, ADVICE_REACH);
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
