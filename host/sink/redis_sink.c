/* redis_sink.c - features to Redis: groups in, pipelined commands out, replies back to groups.
 *
 * Ties the queue of commands (redis_queue.h) to the connection (redis_connection.h) and decides what a reply means:
 *   - an answer as expected: the command is done;
 *   - EXPIRE answers 0: the key to refresh is gone (evicted, flushed). Its group fails, and for a minute refreshes are sent
 *     as SET with the value they carry, since one key that is gone is seldom alone;
 *   - the server is in the wrong state (READONLY, LOADING, ...): drop the connection, look again after a back-off;
 *   - it can't take writes now (OOM, MISCONF, ...): the group fails, and no new one is asked for until a back-off is over;
 *   - any other error: the group fails, nothing else;
 *   - an error for the fence (lease.h): drop the connection, since nothing may follow. The first offsets that a connection
 *     carries leave alone, and writes only when they were accepted.
 * Unsent commands stay open for coalescing until the socket has taken all that was sealed before. Settling happens at the
 * ends of commit and poll, when everything here is consistent, so that the caller may write from inside `settled`. */
#include "sink/lease.h"
#include "sink/redis_connection.h"
#include "sink/redis_fault.h"
#include "sink/redis_queue.h"
#include "sink/sink.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

#define SEND_BYTES   65536 /* that much unsent text leaves without waiting for a flush */
#define SAY_EVERY_MS 10000
#define GONE_MS      60000 /* after a refresh found nothing */

struct redis_sink {
    struct sink sink;
    struct redis_queue queue;
    struct redis_connection connection;
    int64_t waiting_ms; /* since when something is in flight without a pause */
    int64_t pause_ms;   /* not ready before this time; 0: no pause */
    int64_t gone_ms;    /* refreshes are sent as SET before this time */
    uint64_t losses;    /* of the connection, already settled here */
    bool settling;
    bool fence_accepted; /* by the server of this connection: writes need not wait for the answer any more */
    struct log_limit refusals;
};

/* Do writes wait until the fence has been accepted? */
static bool fencing(const struct redis_sink *redis)
{
    return !redis->fence_accepted &&
           (redis_queue_fences_owed(&redis->queue) != 0 || redis->queue.fences_in_flight != 0);
}

static bool redis_ready(struct sink *sink)
{
    struct redis_sink *redis = (struct redis_sink *)sink;
    const struct redis_queue *queue = &redis->queue;
    if (redis->connection.state != REDIS_OPEN ||
        redis_queue_in_flight(queue) + redis_queue_unsent(queue) >= (size_t)redis->connection.settings.pipeline)
        return false;
    if (!redis_connection_may_send(&redis->connection) || (redis->losses != 0 && fencing(redis)))
        return false;
    if (redis->pause_ms != 0) {
        if (time_monotonic_ms() < redis->pause_ms)
            return false;
        redis->pause_ms = 0;
    }
    return true;
}

static void redis_write(struct sink *sink, const struct feature_write *write)
{
    sink_count(sink, write);
    redis_queue_write(&((struct redis_sink *)sink)->queue, write);
}

static void redis_fence(struct sink *sink, int32_t partition, int64_t offset)
{
    struct redis_sink *redis = (struct redis_sink *)sink;
    if (redis->connection.settings.fence != NULL)
        redis_queue_fence(&redis->queue, partition, offset);
}

/* What was lost with a connection, or was written while there is none, fails. */
static void losses_take(struct redis_sink *redis)
{
    if (redis->connection.state == REDIS_OPEN && redis->losses == redis->connection.losses)
        return;
    redis->losses = redis->connection.losses;
    redis->fence_accepted = false;
    redis_queue_abandon(&redis->queue);
}

static void settle(struct redis_sink *redis)
{
    void *token;
    bool ok;
    if (redis->settling)
        return;
    redis->settling = true;
    while (redis_queue_settled(&redis->queue, &token, &ok)) {
        if (!ok)
            redis->sink.counters.failed_groups++;
        if (token != NULL && redis->sink.settled != NULL)
            redis->sink.settled(redis->sink.context, token, ok);
    }
    redis->settling = false;
}

/* Send until the socket is full or nothing is left. True if any byte left. */
static bool transmit(struct redis_sink *redis, int64_t now_ms)
{
    struct redis_queue *queue = &redis->queue;
    bool any = false;
    losses_take(redis);
    while (redis->connection.state == REDIS_OPEN && redis->losses == redis->connection.losses) {
        any = redis_connection_send(&redis->connection, now_ms) || any;
        if (!redis_connection_drained(&redis->connection) || redis->connection.state != REDIS_OPEN)
            break;
        if (!redis_connection_may_send(&redis->connection)) {
            if (redis_queue_unsent(queue) != 0 || lease_may_write(redis->connection.settings.lease))
                redis_connection_overtaken(&redis->connection, now_ms);
            break;
        }
        size_t owed = redis_queue_fences_owed(queue);
        bool fences_only = fencing(redis);
        if (queue->open_writes || (owed == 0 && (fences_only || redis_queue_unsent(queue) == 0)))
            break;
        if (redis_queue_in_flight(queue) == 0)
            redis->waiting_ms = now_ms;
        if (fences_only)
            redis_queue_seal_fences(queue, &redis->connection.out);
        else
            redis_queue_seal(queue, &redis->connection.out);
    }
    return any;
}

static void refusal(struct redis_sink *redis, enum redis_command command, const char *text, int64_t now_ms)
{
    struct error why = {0};
    bool fence = command == COMMAND_FENCE;
    char what[256] = "a write";
    if (fence)
        (void)snprintf(what, sizeof what, "the fence %s", redis->connection.settings.fence);
    enum redis_fault fault = redis_fault_reply(what, text, fence ? REDIS_WORK_FENCE : REDIS_WORK_FEATURES, NULL, &why);
    redis_queue_answer(&redis->queue, false);
    if (fence || fault == REDIS_FAULT_SERVER) {
        redis_connection_drop(&redis->connection, now_ms, &why);
        return;
    }
    log_limited(&redis->refusals, LOG_LEVEL_ERROR, "Redis at %s: %s; found: %s; do this: %s", redis->connection.name, why.what,
                why.found, why.advice);
    if (fault != REDIS_FAULT_COMMAND && now_ms >= redis->pause_ms)
        redis->pause_ms = now_ms + redis_connection_backoff(&redis->connection);
}

/* The reply to the oldest command in flight. */
static void answer(struct redis_sink *redis, const struct redis_reply *reply, int64_t now_ms)
{
    struct redis_queue *queue = &redis->queue;
    enum redis_command command = redis_queue_next(queue);
    if (reply->type == REDIS_REPLY_ERROR) {
        refusal(redis, command, reply->text, now_ms);
    } else if (reply->type != (command == COMMAND_SET ? REDIS_REPLY_STATUS : REDIS_REPLY_INTEGER)) {
        struct error why = {0};
        error_what(&why, "a reply does not fit its command");
        error_found(&why, "reply of type %d", reply->type);
        redis_connection_drop(&redis->connection, now_ms, &why);
    } else if (command == COMMAND_EXPIRE && reply->integer == 0) {
        redis->gone_ms = now_ms + GONE_MS;
        queue->refresh_by_set = true;
        redis_queue_answer(queue, false);
    } else {
        if (command == COMMAND_SET)
            redis_connection_works(&redis->connection);
        redis_queue_answer(queue, true);
        if (command == COMMAND_FENCE && queue->fences_in_flight == 0)
            redis->fence_accepted = true;
    }
}

static bool receive_answers(struct redis_sink *redis, int64_t now_ms)
{
    const struct redis_reply *reply;
    bool any = false;
    while (redis->connection.state == REDIS_OPEN &&
           (reply = redis_connection_reply(&redis->connection, now_ms)) != NULL) {
        any = true;
        if (redis_queue_in_flight(&redis->queue) != 0) {
            answer(redis, reply, now_ms);
            continue;
        }
        struct error why = {0};
        error_what(&why, "the server says something that was not asked for");
        error_found(&why, "%s", reply->text);
        redis_connection_drop(&redis->connection, now_ms, &why);
    }
    return any;
}

/* When the server must have said something; INT64_MAX: it owes nothing. */
static int64_t answer_due_ms(const struct redis_sink *redis)
{
    int64_t since_ms = redis->connection.heard_ms > redis->waiting_ms ? redis->connection.heard_ms : redis->waiting_ms;
    return redis->connection.state == REDIS_OPEN && redis_queue_in_flight(&redis->queue) != 0
               ? since_ms + redis->connection.settings.timeout_ms
               : INT64_MAX;
}

/* Everything that can be done at once. True if anything happened. */
static bool advance(struct redis_sink *redis, int64_t now_ms)
{
    enum redis_state before = redis->connection.state;
    bool any = transmit(redis, now_ms);
    any = redis_connection_step(&redis->connection, now_ms) || any;
    if (before != REDIS_OPEN && redis->connection.state == REDIS_OPEN && redis->connection.losses != 0) {
        redis->sink.counters.reconnects++;
        redis->sink.counters.replaced += !redis_connection_same_server(&redis->connection);
    }
    any = receive_answers(redis, now_ms) || any;
    any = transmit(redis, now_ms) || any;
    if (now_ms >= answer_due_ms(redis)) {
        struct error why = {0};
        char within[64];
        (void)snprintf(within, sizeof within, "no reply within %lld ms", (long long)redis->connection.settings.timeout_ms);
        redis_fault_connection("the server hangs", within, &why);
        error_found(&why, "%zu commands without reply", redis_queue_in_flight(&redis->queue));
        redis_connection_drop(&redis->connection, now_ms, &why);
        any = true;
    }
    losses_take(redis);
    if (redis->queue.refresh_by_set && now_ms >= redis->gone_ms)
        redis->queue.refresh_by_set = false;
    return any;
}

static void redis_commit(struct sink *sink, void *token)
{
    struct redis_sink *redis = (struct redis_sink *)sink;
    losses_take(redis);
    redis_queue_commit(&redis->queue, token);
    sink->counters.groups++;
    if (redis->queue.text.size >= SEND_BYTES && redis_connection_drained(&redis->connection))
        (void)transmit(redis, time_monotonic_ms());
    settle(redis);
}

static void redis_flush(struct sink *sink)
{
    struct redis_sink *redis = (struct redis_sink *)sink;
    if (redis_queue_unsent(&redis->queue) != 0 || redis_queue_fences_owed(&redis->queue) != 0 ||
        !redis_connection_drained(&redis->connection))
        (void)transmit(redis, time_monotonic_ms());
}

static bool redis_poll(struct sink *sink, int timeout_ms)
{
    struct redis_sink *redis = (struct redis_sink *)sink;
    int64_t now_ms = time_monotonic_ms();
    bool any = advance(redis, now_ms);
    settle(redis);
    bool nothing = redis->connection.state == REDIS_OPEN && redis_queue_empty(&redis->queue) && now_ms >= redis->pause_ms;
    if (!any && timeout_ms > 0 && !nothing) {
        int64_t due_ms = answer_due_ms(redis);
        if (now_ms < redis->pause_ms && redis->pause_ms < due_ms)
            due_ms = redis->pause_ms;
        if (due_ms != INT64_MAX && due_ms - now_ms < timeout_ms)
            timeout_ms = due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
        redis_connection_wait(&redis->connection, now_ms, timeout_ms);
        (void)advance(redis, time_monotonic_ms());
        settle(redis);
    }
    return redis_queue_empty(&redis->queue);
}

static int redis_descriptor(struct sink *sink, bool *wants_write)
{
    struct redis_sink *redis = (struct redis_sink *)sink;
    *wants_write = redis_connection_wants_write(&redis->connection);
    return redis_connection_descriptor(&redis->connection);
}

static void redis_free(struct sink *sink)
{
    struct redis_sink *redis = (struct redis_sink *)sink;
    redis_queue_free(&redis->queue);
    redis_connection_free(&redis->connection);
    free(redis);
}

static const struct sink_class redis_class = {
    .name = "redis",
    .ready = redis_ready,
    .write = redis_write,
    .commit = redis_commit,
    .fence = redis_fence,
    .flush = redis_flush,
    .poll = redis_poll,
    .descriptor = redis_descriptor,
    .free = redis_free,
};

struct sink *redis_sink_new(const struct redis_settings *settings, sink_settled *settled, void *context)
{
    struct redis_sink *redis = memory_new(sizeof *redis);
    redis->sink.class = &redis_class;
    redis->sink.settled = settled;
    redis->sink.context = context;
    redis->refusals.every_ms = SAY_EVERY_MS;
    redis_queue_init(&redis->queue);
    redis_connection_init(&redis->connection, settings);
    if (settings->fence != NULL) {
        const char *name = redis->connection.settings.fence;
        redis->queue.fence_hash = (sl_view){name, strlen(name)};
        redis->queue.fence_worker = settings->worker;
    }
    return &redis->sink;
}
