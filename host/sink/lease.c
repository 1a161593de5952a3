/* lease.c - see lease.h: taking, renewing and giving up the lease, and what a takeover owes before it may write.
 *
 * Everything that decides is a script, so that it happens at once on the server and a command that comes late (from a
 * process that was stopped) decides by what is true then. A takeover is four steps: take the lease; end the connections
 * that others had for writes; read and compact the fence; and only then say LEASE_HELD. Each later step begins by looking
 * whether the lease is still ours. A lease that ran out and is taken again by the same process is a takeover as well, with
 * a new epoch, but for the fence: its workers know better what they wrote, and send that again by themselves.
 *
 * `until_ms` is all that lease_may_write() looks at. It is 0 but between "held" and "lost". */
#include "sink/lease.h"

#include "sink/lease_scripts.h"
#include "sink/redis_blocking.h"
#include "sink/redis_fault.h"
#include "sink/redis_connection.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"

#include <hiredis/hiredis.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_MIN_MS 50
#define SAY_EVERY_MS 10000
#define HOLDER_MAX   256
#define WORDS_MAX    12 /* of an EVAL */

struct lease {
    struct redis_settings redis; /* texts are owned */
    char *name, *where;          /* for messages: the topic; redis.example:6379/0 */
    char *owner, *former;        /* former: "" if none */
    char *key, *epoch_key, *last_key, *connections_key, *fence_key;
    int64_t ttl_ms;
    char ttl[24];

    _Atomic int state; /* enum lease_state; LEASE_HELD also when it has run out */
    _Atomic int64_t until_ms;
    _Atomic uint64_t epoch;
    int64_t *fence; /* by partition; written before the first LEASE_HELD, constant then */
    int64_t fence_clock_ms;
    int32_t partitions;

    pthread_mutex_t lock; /* for what follows, and changes of the state */
    pthread_cond_t changed;
    bool stopping, give_up;
    char holder[HOLDER_MAX];

    /* the thread's own */
    pthread_t thread;
    redisContext *context;
    char run_id[REDIS_RUN_ID_MAX]; /* of the server's process; "": it does not say */
    uint64_t taken_epoch, prepared_epoch; /* as the server says; of which the steps of a takeover are done */
    int64_t retry_ms;
    bool trouble_said, out_said, denied; /* denied: this turn, by the server's access list */
    char waiting_for[HOLDER_MAX];        /* whose it was when that was last said */
    struct log_limit trouble;
};

static const char *owner_of(const char *mark)
{
    const char *space = strchr(mark, ' ');
    return space == NULL ? mark : space + 1;
}

static void state_set(struct lease *lease, enum lease_state state, const char *holder)
{
    (void)pthread_mutex_lock(&lease->lock);
    (void)snprintf(lease->holder, sizeof lease->holder, "%s", holder);
    atomic_store(&lease->state, state);
    (void)pthread_cond_broadcast(&lease->changed);
    (void)pthread_mutex_unlock(&lease->lock);
}

static bool stopping(struct lease *lease)
{
    (void)pthread_mutex_lock(&lease->lock);
    bool stop = lease->stopping;
    (void)pthread_mutex_unlock(&lease->lock);
    return stop;
}

/* -- the connection -- */

static void disconnect(struct lease *lease)
{
    if (lease->context != NULL)
        redisFree(lease->context);
    lease->context = NULL;
}

/* Redis does not do what it should. The connection is made anew: what it may still say answers nothing any more. */
static void trouble(struct lease *lease, const struct error *why)
{
    disconnect(lease);
    log_limited(&lease->trouble, LOG_LEVEL_WARN, "lease of %s, Redis at %s: %s%s%s; do this: %s", lease->name, lease->where,
                why->what, why->found[0] == '\0' ? "" : "; found: ", why->found, why->advice);
    lease->trouble_said = true;
}

/* The reply, which is no error; or NULL, and the trouble was said. */
static redisReply *ask(struct lease *lease, size_t count, const char **words)
{
    struct error why = {0};
    redisReply *reply = redisCommandArgv(lease->context, (int)count, words, NULL);
    if (reply == NULL) {
        redis_fault_connection("no answer", lease->context->errstr, &why);
        trouble(lease, &why);
        return NULL;
    }
    if (reply->type != REDIS_REPLY_ERROR)
        return reply;
    lease->denied = redis_fault_reply(words[0], reply->str, REDIS_WORK_LEASE, NULL, &why) == REDIS_FAULT_RIGHTS;
    trouble(lease, &why);
    freeReplyObject(reply);
    return NULL;
}

static bool told(struct lease *lease, size_t count, const char **words)
{
    redisReply *reply = ask(lease, count, words);
    if (reply != NULL)
        freeReplyObject(reply);
    return reply != NULL;
}

/* `count` words after the script: number of keys, keys, arguments. An answer of `type`, or nil; or NULL. */
static redisReply *run_script(struct lease *lease, const char *script, int type, size_t count, const char *const *words)
{
    const char *all[WORDS_MAX] = {"EVAL", script};
    memcpy(all + 2, words, count * sizeof *words);
    redisReply *reply = ask(lease, count + 2, all);
    if (reply == NULL || reply->type == type || reply->type == REDIS_REPLY_NIL)
        return reply;
    freeReplyObject(reply);
    struct error why = {0};
    error_what(&why, "a reply does not fit its command");
    error_advice(&why, "see that a Redis listens there, and nothing else");
    trouble(lease, &why);
    return NULL;
}

static bool connect_now(struct lease *lease)
{
    if (lease->context != NULL)
        return true;
    struct error error;
    int64_t limit_ms = lease->ttl_ms / 3 < lease->redis.timeout_ms ? lease->ttl_ms / 3 : lease->redis.timeout_ms;
    lease->context = redis_blocking_open(&lease->redis, limit_ms < RETRY_MIN_MS ? RETRY_MIN_MS : limit_ms, &error);
    if (lease->context == NULL) {
        trouble(lease, &error);
        return false;
    }
    redisReply *info = redisCommand(lease->context, "INFO server"); /* may be refused; what is broken shows in what follows */
    redis_run_id(info != NULL && info->type == REDIS_REPLY_STRING ? info->str : "", lease->run_id);
    if (info != NULL)
        freeReplyObject(info);
    return true;
}

/* -- what a takeover owes -- */

static bool is_number(const char *text) { return *text != '\0' && text[strspn(text, "0123456789")] == '\0'; }

/* The number of the client that was entered so, to be ended; NULL: it is of another process of the server, and gone. */
static const char *client_id(const struct lease *lease, const char *entry, char out[24])
{
    const char *run_id = strchr(entry, '@');
    size_t size = run_id == NULL ? strlen(entry) : (size_t)(run_id - entry);
    if (run_id != NULL && lease->run_id[0] != '\0' && strcmp(run_id + 1, lease->run_id) != 0)
        return NULL;
    (void)snprintf(out, 24, "%.*s", (int)(size < 23 ? size : 23), entry);
    return is_number(out) ? out : NULL;
}

/* End the connections of others, and those that we had under an earlier epoch. */
static bool connections_end(struct lease *lease, const char *mark)
{
    redisReply *all = run_script(lease, connections_script, REDIS_REPLY_ARRAY, 4,
                                 (const char *const[]){"2", lease->key, lease->connections_key, mark});
    bool ok = all != NULL && all->type == REDIS_REPLY_ARRAY;
    for (size_t i = 0; ok && i + 1 < all->elements; i += 2) {
        char number[24];
        const char *entry = all->element[i]->str, *id = client_id(lease, entry, number);
        if (strcmp(all->element[i + 1]->str, mark) == 0)
            continue;
        ok = (id == NULL || told(lease, 4, (const char *[]){"CLIENT", "KILL", "ID", id})) &&
             told(lease, 3, (const char *[]){"HDEL", lease->connections_key, entry});
    }
    if (all != NULL)
        freeReplyObject(all);
    return ok;
}

static bool fence_read(struct lease *lease, const char *mark)
{
    redisReply *all = run_script(lease, fence_script, REDIS_REPLY_ARRAY, 4,
                                 (const char *const[]){"2", lease->key, lease->fence_key, mark});
    bool ok = all != NULL && all->type == REDIS_REPLY_ARRAY;
    free(lease->fence);
    lease->fence = NULL;
    lease->fence_clock_ms = 0;
    lease->partitions = 0;
    for (size_t i = 0; ok && i + 1 < all->elements; i += 2) {
        if (strcmp(all->element[i]->str, "clock") == 0) {
            lease->fence_clock_ms = strtoll(all->element[i + 1]->str, NULL, 10);
            continue;
        }
        long long partition = strtoll(all->element[i]->str, NULL, 10);
        if (partition < 0 || partition >= 1 << 24) /* nobody has so many: not ours */
            continue;
        if (partition >= lease->partitions) {
            size_t count = (size_t)partition + 1, former = (size_t)lease->partitions;
            lease->fence = memory_resize(lease->fence, count * sizeof *lease->fence);
            memset(lease->fence + former, 0, (count - former) * sizeof *lease->fence);
            lease->partitions = (int32_t)count;
        }
        lease->fence[partition] = strtoll(all->element[i + 1]->str, NULL, 10);
    }
    if (all != NULL)
        freeReplyObject(all);
    return ok;
}

static bool release(struct lease *lease)
{
    redisReply *reply = !connect_now(lease) ? NULL
                                            : run_script(lease, release_script, REDIS_REPLY_INTEGER, 3,
                                                         (const char *const[]){"1", lease->key, lease->owner});
    bool released = reply != NULL && reply->integer == 1;
    if (reply != NULL)
        freeReplyObject(reply);
    return released;
}

/* -- a turn -- */

static uint64_t epoch_had(const struct lease *lease) { return atomic_load(&lease->epoch); }

static int64_t failed(struct lease *lease)
{
    int64_t most_ms = lease->redis.retry_max_ms < lease->ttl_ms / 6 ? lease->redis.retry_max_ms : lease->ttl_ms / 6;
    int64_t pause_ms = lease->retry_ms < most_ms ? lease->retry_ms : most_ms > 0 ? most_ms : 1;
    lease->retry_ms = 2 * pause_ms;
    if (atomic_load(&lease->state) == LEASE_HELD && !lease->out_said && !lease_may_write(lease)) {
        log_warn("lease of %s: it has run out, nothing is written until Redis at %s says that nobody else had it",
                 lease->name, lease->where);
        lease->out_said = true;
    }
    if (atomic_load(&lease->state) == LEASE_OTHERS) /* who knows */
        state_set(lease, LEASE_UNKNOWN, "");
    return pause_ms;
}

/* It is ours on the server since before `asked_ms`. */
static int64_t ours(struct lease *lease, const char *mark, int64_t asked_ms)
{
    uint64_t epoch = strtoull(mark, NULL, 10);
    bool first = epoch_had(lease) == 0;
    if (epoch != lease->prepared_epoch) {
        if (!connections_end(lease, mark) || (first && !fence_read(lease, mark))) {
            if (lease->denied) /* nobody shall wait for one that can't */
                (void)release(lease);
            return failed(lease);
        }
        lease->prepared_epoch = epoch;
    }
    if (time_boot_ms() >= asked_ms + lease->ttl_ms) /* all that took too long */
        return 0;
    if (epoch != epoch_had(lease))
        log_info("lease of %s: %s, epoch %" PRIu64, lease->name, first ? "acquired" : "taken again", epoch);
    else if (lease->out_said)
        log_info("lease of %s: nobody else had it, epoch %" PRIu64 " goes on", lease->name, epoch);
    lease->out_said = false;
    atomic_store(&lease->epoch, epoch);
    atomic_store(&lease->until_ms, asked_ms + lease->ttl_ms);
    if (atomic_load(&lease->state) != LEASE_HELD)
        state_set(lease, LEASE_HELD, lease->owner);
    int64_t pause_ms = asked_ms + lease->ttl_ms / 3 - time_boot_ms();
    return pause_ms > 0 ? pause_ms : 0;
}

static int64_t others(struct lease *lease, const char *holder, int64_t left_ms)
{
    int64_t pause_ms = lease->ttl_ms / 10 < 500 ? lease->ttl_ms / 10 : 500; /* it may be given up before its end */
    if (strncmp(lease->waiting_for, holder, HOLDER_MAX - 1) != 0)
        log_info("lease of %s: waiting, %s holds it", lease->name, holder);
    (void)snprintf(lease->waiting_for, sizeof lease->waiting_for, "%s", holder);
    state_set(lease, LEASE_OTHERS, holder);
    if (left_ms >= 0 && left_ms + 1 < pause_ms)
        pause_ms = left_ms + 1;
    return pause_ms > 0 ? pause_ms : 1;
}

static void lost(struct lease *lease, const char *holder)
{
    atomic_store(&lease->until_ms, 0);
    state_set(lease, LEASE_LOST, holder);
    log_error("lease of %s: lost to %s; found: it was ours with epoch %" PRIu64 "; do this: nothing is written by this "
              "process any more, start it again to stand by",
              lease->name, holder, epoch_had(lease));
}

/* Ask once, and do what follows. Returns how long to wait then. */
static int64_t turn(struct lease *lease)
{
    char had[24];
    lease->denied = false;
    if (!connect_now(lease))
        return failed(lease);
    (void)snprintf(had, sizeof had, "%" PRIu64, epoch_had(lease));
    int64_t asked_ms = time_boot_ms();
    redisReply *reply =
        run_script(lease, take_script, REDIS_REPLY_ARRAY, 8,
                   (const char *const[]){"3", lease->key, lease->epoch_key, lease->last_key, lease->owner, lease->ttl,
                                         lease->former, had});
    if (reply == NULL)
        return failed(lease);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 || reply->element[1]->str == NULL) {
        freeReplyObject(reply);
        return failed(lease);
    }
    if (lease->trouble_said)
        log_info("lease of %s: Redis at %s answers again", lease->name, lease->where);
    lease->trouble_said = false;
    lease->retry_ms = RETRY_MIN_MS;
    const char *word = reply->element[0]->str, *mark = reply->element[1]->str;
    int64_t pause_ms = INT64_MAX;
    if (strcmp(word, "ours") == 0)
        pause_ms = ours(lease, mark, asked_ms);
    else if (strcmp(word, "others") == 0)
        pause_ms = others(lease, owner_of(mark), reply->element[2]->integer);
    else
        lost(lease, owner_of(mark));
    freeReplyObject(reply);
    return pause_ms;
}

static struct timespec monotonic_in(int64_t ms)
{
    int64_t at_ms = time_monotonic_ms() + ms;
    return (struct timespec){.tv_sec = at_ms / 1000, .tv_nsec = at_ms % 1000 * 1000000};
}

static void *lease_run(void *argument)
{
    struct lease *lease = argument;
    while (!stopping(lease)) {
        int64_t pause_ms = turn(lease);
        struct timespec end = monotonic_in(pause_ms == INT64_MAX ? 0 : pause_ms);
        (void)pthread_mutex_lock(&lease->lock);
        while (!lease->stopping) {
            if (pause_ms == INT64_MAX)
                (void)pthread_cond_wait(&lease->changed, &lease->lock);
            else if (pthread_cond_timedwait(&lease->changed, &lease->lock, &end) == ETIMEDOUT)
                break;
        }
        (void)pthread_mutex_unlock(&lease->lock);
    }
    if (lease->give_up && atomic_load(&lease->state) == LEASE_HELD) {
        atomic_store(&lease->until_ms, 0);
        if (release(lease))
            log_info("lease of %s: given up, epoch %" PRIu64, lease->name, epoch_had(lease));
    }
    return NULL;
}

/* -- public -- */

static char *text_copy(const char *text) { return text == NULL ? NULL : memory_text(text); }

struct lease *lease_new(const struct redis_settings *redis, const char *name, const char *owner, const char *former,
                        int64_t ttl_ms)
{
    struct lease *lease = memory_new(sizeof *lease);
    lease->redis = *redis;
    lease->redis.host = text_copy(redis->host);
    lease->redis.socket = text_copy(redis->socket);
    lease->redis.user = text_copy(redis->user);
    lease->redis.password = text_copy(redis->password);
    lease->name = memory_text(name);
    lease->where = redis->socket != NULL ? memory_format("%s, database %d", redis->socket, redis->database)
                                         : memory_format("%s:%d, database %d", redis->host, redis->port, redis->database);
    lease->owner = memory_text(owner);
    lease->former = memory_text(former == NULL ? "" : former);
    lease->key = memory_format("shoplane:{%s}:lease", name);
    lease->epoch_key = memory_format("shoplane:{%s}:epoch", name);
    lease->last_key = memory_format("shoplane:{%s}:last", name);
    lease->connections_key = memory_format("shoplane:{%s}:connections", name);
    lease->fence_key = memory_format("shoplane:{%s}:fence", name);
    lease->ttl_ms = ttl_ms;
    (void)snprintf(lease->ttl, sizeof lease->ttl, "%" PRId64, ttl_ms);
    lease->retry_ms = RETRY_MIN_MS;
    lease->trouble.every_ms = SAY_EVERY_MS;
    atomic_init(&lease->state, LEASE_UNKNOWN);
    (void)pthread_mutex_init(&lease->lock, NULL);
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&lease->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);

    sigset_t all, former_mask; /* signals are for other threads; and hiredis writes without MSG_NOSIGNAL */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &former_mask);
    if (pthread_create(&lease->thread, NULL, lease_run, lease) != 0)
        memory_exhausted(0);
    (void)pthread_sigmask(SIG_SETMASK, &former_mask, NULL);
    return lease;
}

void lease_free(struct lease *lease, bool give_up)
{
    if (lease == NULL)
        return;
    (void)pthread_mutex_lock(&lease->lock);
    lease->stopping = true;
    lease->give_up = give_up;
    (void)pthread_cond_broadcast(&lease->changed);
    (void)pthread_mutex_unlock(&lease->lock);
    (void)pthread_join(lease->thread, NULL);
    disconnect(lease);
    (void)pthread_cond_destroy(&lease->changed);
    (void)pthread_mutex_destroy(&lease->lock);
    if (lease->redis.password != NULL)
        explicit_bzero((char *)(uintptr_t)lease->redis.password, strlen(lease->redis.password));
    free((char *)(uintptr_t)lease->redis.host);
    free((char *)(uintptr_t)lease->redis.socket);
    free((char *)(uintptr_t)lease->redis.user);
    free((char *)(uintptr_t)lease->redis.password);
    free(lease->name);
    free(lease->where);
    free(lease->owner);
    free(lease->former);
    free(lease->key);
    free(lease->epoch_key);
    free(lease->last_key);
    free(lease->connections_key);
    free(lease->fence_key);
    free(lease->fence);
    free(lease);
}

bool lease_may_write(const struct lease *lease)
{
    return lease == NULL || time_boot_ms() < atomic_load(&lease->until_ms);
}

enum lease_state lease_state(struct lease *lease)
{
    enum lease_state state = (enum lease_state)atomic_load(&lease->state);
    return state == LEASE_HELD && !lease_may_write(lease) && atomic_load(&lease->state) == LEASE_HELD ? LEASE_UNKNOWN
                                                                                                       : state;
}

void lease_holder(struct lease *lease, char *out, size_t size)
{
    (void)pthread_mutex_lock(&lease->lock);
    (void)snprintf(out, size, "%s", lease->holder);
    (void)pthread_mutex_unlock(&lease->lock);
}

uint64_t lease_epoch(const struct lease *lease) { return epoch_had(lease); }

enum lease_state lease_wait(struct lease *lease, int timeout_ms)
{
    struct timespec end = monotonic_in(timeout_ms);
    (void)pthread_mutex_lock(&lease->lock);
    while (atomic_load(&lease->state) == LEASE_UNKNOWN &&
           pthread_cond_timedwait(&lease->changed, &lease->lock, &end) != ETIMEDOUT)
        ;
    (void)pthread_mutex_unlock(&lease->lock);
    return lease_state(lease);
}

int64_t lease_fence_clock(const struct lease *lease) { return lease->fence_clock_ms; }

int64_t lease_fence(const struct lease *lease, int32_t partition)
{
    return partition >= 0 && partition < lease->partitions ? lease->fence[partition] : 0;
}

const char *lease_fence_key(const struct lease *lease) { return lease->fence_key; }

const char *lease_connections_key(const struct lease *lease) { return lease->connections_key; }

const char *lease_key(const struct lease *lease) { return lease->key; }

char *lease_mark(const struct lease *lease, uint64_t epoch)
{
    return memory_format("%" PRIu64 " %s", epoch, lease->owner);
}
