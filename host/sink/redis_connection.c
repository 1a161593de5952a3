/* redis_connection.c - see redis_connection.h. */
#include "sink/redis_connection.h"

#include "base/memory.h"
#include "sink/lease.h"
#include "sink/redis_fault.h"
#include "sink/resp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKOFF_MIN_MS 50
#define RECEIVE_BYTES  16384 /* hiredis moves its buffer's rest to the front every 1 KB: more is slower */
#define SAY_EVERY_MS   10000
#define LEASE_LOOK_MS  20 /* how often a sink that waits looks whether the lease is held */

enum greeting {
    GREET_AUTH,
    GREET_SELECT,
    GREET_PING,
    GREET_ID,
    GREET_INFO,
    GREET_KILL,  /* the former connection */
    GREET_ENTER, /* with a lease: this one among those that may write; and then */
    GREET_CHECK, /* is the lease ours? */
    GREET_LEAVE  /* the former one is not among them any more */
};
static const char *const greeting_words[] = {"AUTH", "SELECT", "PING", "CLIENT ID", "INFO", "CLIENT KILL", "HSET", "GET", "HDEL"};

/* What hiredis' reader calls for each reply: they fill the connection's one reply, nothing is allocated. Only the outermost
 * value counts; none of our commands is answered by an array. */

static void *reply_fill(const redisReadTask *task, long long integer, const char *text, size_t size)
{
    struct redis_reply *reply = task->privdata;
    if (task->parent != NULL)
        return reply;
    reply->type = task->type;
    reply->integer = integer;
    reply->size = size < sizeof reply->text ? size : sizeof reply->text - 1;
    if (reply->size != 0)
        memcpy(reply->text, text, reply->size);
    reply->text[reply->size] = '\0';
    return reply;
}

static void *reply_text(const redisReadTask *task, char *text, size_t size) { return reply_fill(task, 0, text, size); }
static void *reply_integer(const redisReadTask *task, long long integer) { return reply_fill(task, integer, NULL, 0); }
static void *reply_nil(const redisReadTask *task) { return reply_fill(task, 0, NULL, 0); }
static void reply_forget(void *reply) { (void)reply; }
#if HIREDIS_MAJOR >= 1
static void *reply_array(const redisReadTask *task, size_t count)
{
    (void)count;
    return reply_fill(task, 0, NULL, 0);
}
static void *reply_double(const redisReadTask *task, double number, char *text, size_t size)
{
    (void)number;
    return reply_fill(task, 0, text, size);
}
static void *reply_bool(const redisReadTask *task, int flag) { return reply_fill(task, flag, NULL, 0); }
#else
static void *reply_array(const redisReadTask *task, int count)
{
    (void)count;
    return reply_fill(task, 0, NULL, 0);
}
#endif

static redisReplyObjectFunctions reply_functions = {
    .createString = reply_text,
    .createArray = reply_array,
    .createInteger = reply_integer,
    .createNil = reply_nil,
    .freeObject = reply_forget,
#if HIREDIS_MAJOR >= 1
    .createDouble = reply_double,
    .createBool = reply_bool,
#endif
};

static char *text_copy(const char *text) { return text == NULL ? NULL : memory_text(text); }

void redis_connection_init(struct redis_connection *connection, const struct redis_settings *settings)
{
    memset(connection, 0, sizeof *connection);
    connection->settings = *settings;
    connection->settings.host = text_copy(settings->host);
    connection->settings.socket = text_copy(settings->socket);
    connection->settings.user = text_copy(settings->user);
    connection->settings.password = text_copy(settings->password);
    connection->settings.fence = text_copy(settings->fence);
    connection->name = settings->socket != NULL
                           ? memory_format("%s, database %d", settings->socket, settings->database)
                           : memory_format("%s:%d, database %d", settings->host, settings->port, settings->database);
    connection->trouble.every_ms = SAY_EVERY_MS;
    redis_connection_works(connection);
}

void redis_connection_free(struct redis_connection *connection)
{
    if (connection->redis != NULL)
        redisFree(connection->redis);
    if (connection->settings.password != NULL)
        explicit_bzero((char *)(uintptr_t)connection->settings.password, strlen(connection->settings.password));
    free((char *)(uintptr_t)connection->settings.host);
    free((char *)(uintptr_t)connection->settings.socket);
    free((char *)(uintptr_t)connection->settings.user);
    free((char *)(uintptr_t)connection->settings.password);
    free((char *)(uintptr_t)connection->settings.fence);
    free((char *)(uintptr_t)connection->name);
    buffer_free(&connection->out);
    memset(connection, 0, sizeof *connection);
}

void redis_connection_works(struct redis_connection *connection) { connection->backoff_ms = BACKOFF_MIN_MS; }

int64_t redis_connection_backoff(struct redis_connection *connection)
{
    int64_t most = connection->settings.retry_max_ms, pause_ms = connection->backoff_ms;
    connection->backoff_ms *= 2;
    if (connection->backoff_ms > most)
        connection->backoff_ms = most;
    return pause_ms < most ? pause_ms : most;
}

void redis_connection_drop(struct redis_connection *connection, int64_t now_ms, const struct error *why)
{
    log_limited(&connection->trouble, LOG_LEVEL_ERROR, "Redis at %s: %s; found: %s; do this: %s", connection->name,
                why->what, why->found[0] == '\0' ? "nothing more" : why->found,
                why->advice[0] == '\0' ? "nothing, it is tried again by itself" : why->advice);
    if (connection->trouble.held == 0) /* or else its line was held back */
        connection->trouble_said = true;
    if (connection->state == REDIS_OPEN) {
        connection->losses++;
        connection->former_id = connection->id;
        connection->former_epoch = connection->epoch;
        memcpy(connection->former_run_id, connection->run_id, sizeof connection->run_id);
    }
    if (connection->redis != NULL)
        redisFree(connection->redis);
    connection->redis = NULL;
    connection->state = REDIS_AWAY;
    if (connection->out.capacity != 0) /* it may hold the password */
        explicit_bzero(connection->out.data, connection->out.size);
    buffer_reset(&connection->out);
    connection->out_sent = 0;
    connection->retry_ms = now_ms + redis_connection_backoff(connection);
}

/* Because of the lease: Redis is not to blame. */
__attribute__((format(printf, 3, 4))) static void drop_waiting(struct redis_connection *connection, int64_t now_ms,
                                                               const char *format, ...)
{
    struct error why = {0};
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(why.what, sizeof why.what, format, arguments);
    va_end(arguments);
    error_advice(&why, "nothing, it goes on when the lease is held");
    redis_connection_drop(connection, now_ms, &why);
}

/* The connection is none, or broke: `text` says how. */
static void drop_broken(struct redis_connection *connection, int64_t now_ms, const char *doing, const char *text)
{
    struct error why = {0};
    redis_fault_connection(doing, text, &why);
    error_found(&why, "%s",
                connection->state == REDIS_OPEN       ? "a connection in use"
                : connection->state == REDIS_GREETING ? "connected, and not yet greeted"
                                                      : "no connection");
    redis_connection_drop(connection, now_ms, &why);
}

bool redis_connection_may_send(const struct redis_connection *connection)
{
    const struct lease *lease = connection->settings.lease;
    return lease_may_write(lease) &&
           (lease == NULL || connection->state != REDIS_OPEN || lease_epoch(lease) == connection->epoch);
}

void redis_connection_overtaken(struct redis_connection *connection, int64_t now_ms)
{
    drop_waiting(connection, now_ms, "%s",
                 lease_may_write(connection->settings.lease) ? "the lease was taken again" : "the lease is not held");
}

static void connect_begin(struct redis_connection *connection, int64_t now_ms)
{
    const struct redis_settings *settings = &connection->settings;
    redisContext *redis = settings->socket != NULL ? redisConnectUnixNonBlock(settings->socket)
                                                   : redisConnectNonBlock(settings->host, settings->port);
    connection->redis = redis;
    if (redis == NULL) {
        drop_broken(connection, now_ms, "can't connect", "no memory for a connection");
        return;
    }
    if (redis->err != 0) {
        drop_broken(connection, now_ms, "can't connect", redis->errstr);
        return;
    }
    (void)fcntl(redis->fd, F_SETFD, FD_CLOEXEC);
    redis->reader->fn = &reply_functions;
    redis->reader->privdata = &connection->reply;
    redis->reader->maxbuf = 0; /* keep its buffer */
    connection->state = REDIS_CONNECTING;
    connection->due_ms = now_ms + settings->timeout_ms;
}

static void greet(struct redis_connection *connection, enum greeting greeting, size_t count, const char *const *words)
{
    connection->greeting[connection->greeting_sent++] = (int)greeting;
    resp_command(&connection->out, count, words);
}

static void greeting_begin(struct redis_connection *connection)
{
    const struct redis_settings *settings = &connection->settings;
    connection->state = REDIS_GREETING;
    connection->greeting_sent = connection->greeting_answered = 0;
    connection->id = 0;
    connection->run_id[0] = '\0';
    if (settings->password != NULL) {
        if (settings->user != NULL)
            greet(connection, GREET_AUTH, 3, (const char *const[]){"AUTH", settings->user, settings->password});
        else
            greet(connection, GREET_AUTH, 2, (const char *const[]){"AUTH", settings->password});
    }
    if (settings->database != 0) {
        char number[16];
        (void)snprintf(number, sizeof number, "%d", settings->database);
        greet(connection, GREET_SELECT, 2, (const char *const[]){"SELECT", number});
    }
    greet(connection, GREET_PING, 1, (const char *const[]){"PING"});
    greet(connection, GREET_ID, 2, (const char *const[]){"CLIENT", "ID"});
    greet(connection, GREET_INFO, 2, (const char *const[]){"INFO", "server"});
}

static bool connect_finish(struct redis_connection *connection, int64_t now_ms)
{
    struct pollfd ready = {.fd = connection->redis->fd, .events = POLLOUT};
    int fault = 0;
    socklen_t size = sizeof fault;
    if (poll(&ready, 1, 0) <= 0)
        return false;
    if (getsockopt(ready.fd, SOL_SOCKET, SO_ERROR, &fault, &size) != 0)
        fault = errno;
    if (fault != 0)
        drop_broken(connection, now_ms, "can't connect", strerror(fault));
    else
        greeting_begin(connection);
    return true;
}

bool redis_connection_send(struct redis_connection *connection, int64_t now_ms)
{
    bool any = false;
    while (!redis_connection_drained(connection)) {
        if (!redis_connection_may_send(connection)) {
            redis_connection_overtaken(connection, now_ms);
            return true;
        }
        ssize_t sent = send(connection->redis->fd, connection->out.data + connection->out_sent,
                            connection->out.size - connection->out_sent, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                drop_broken(connection, now_ms, "the connection broke", strerror(errno));
            return any;
        }
        connection->out_sent += (size_t)sent;
        any = true;
    }
    if (connection->out_sent != 0) {
        if (connection->state == REDIS_GREETING) /* the password was in it */
            explicit_bzero(connection->out.data, connection->out.size);
        buffer_reset(&connection->out);
        connection->out_sent = 0;
    }
    return any;
}

/* Read what has come, up to some hundred replies at a time more than once. */
static bool receive(struct redis_connection *connection, int64_t now_ms)
{
    char bytes[RECEIVE_BYTES];
    bool any = false;
    for (int rounds = 0; rounds < 4; rounds++) {
        ssize_t size = recv(connection->redis->fd, bytes, sizeof bytes, 0);
        if (size < 0) {
            if (errno == EINTR)
                continue;
            if (errno != EAGAIN && errno != EWOULDBLOCK)
                drop_broken(connection, now_ms, "the connection broke", strerror(errno));
            return any;
        }
        if (size == 0) {
            drop_broken(connection, now_ms, "the connection broke", "the server closed the connection");
            return true;
        }
        connection->heard_ms = now_ms;
        any = true;
        if (redisReaderFeed(connection->redis->reader, bytes, (size_t)size) != REDIS_OK) {
            drop_broken(connection, now_ms, "its replies can't be kept", connection->redis->reader->errstr);
            return true;
        }
        if ((size_t)size < sizeof bytes)
            return true;
    }
    return any;
}

const struct redis_reply *redis_connection_reply(struct redis_connection *connection, int64_t now_ms)
{
    void *reply = NULL;
    if (connection->redis == NULL)
        return NULL;
    if (redisReaderGetReply(connection->redis->reader, &reply) != REDIS_OK) {
        drop_broken(connection, now_ms, "it does not speak as a Redis does", connection->redis->reader->errstr);
        return NULL;
    }
    return reply;
}

/* A greeting step that was refused: false if it can't be done without. */
static bool refused(struct redis_connection *connection, enum greeting greeting, int64_t now_ms)
{
    bool of_lease = greeting == GREET_ENTER || greeting == GREET_CHECK ||
                    (greeting == GREET_ID && connection->settings.lease != NULL);
    struct error why = {0};
    enum redis_fault fault =
        redis_fault_reply(greeting_words[greeting], connection->reply.text, of_lease ? REDIS_WORK_LEASE : REDIS_WORK_GREETING,
                          greeting == GREET_AUTH ? connection->settings.password : NULL, &why);
    if (!of_lease && greeting != GREET_AUTH && greeting != GREET_SELECT && fault != REDIS_FAULT_SERVER &&
        (greeting != GREET_PING || fault == REDIS_FAULT_RIGHTS))
        return true;
    redis_connection_drop(connection, now_ms, &why);
    return false;
}

void redis_run_id(const char *info, char out[REDIS_RUN_ID_MAX])
{
    const char *at = strstr(info, "\nrun_id:");
    size_t size = at == NULL ? 0 : strcspn(at += strlen("\nrun_id:"), "\r\n");
    if (size >= REDIS_RUN_ID_MAX)
        size = 0;
    if (size > 0)
        memcpy(out, at, size);
    out[size] = '\0';
}

/* How a connection is entered: a client's number means something to one process of a server only. */
static void entry_name(int64_t id, const char *run_id, char out[REDIS_ENTRY_MAX])
{
    (void)snprintf(out, REDIS_ENTRY_MAX, "%lld%s%s", (long long)id, run_id[0] == '\0' ? "" : "@", run_id);
}

static bool former_lives(const struct redis_connection *connection)
{
    return connection->run_id[0] != '\0' && strcmp(connection->run_id, connection->former_run_id) == 0;
}

bool redis_connection_same_server(const struct redis_connection *connection)
{
    return former_lives(connection) && connection->epoch == connection->former_epoch;
}

/* Behind INFO: what needs the answers to it and to CLIENT ID. */
static void greeting_more(struct redis_connection *connection)
{
    const struct lease *lease = connection->settings.lease;
    char id[24];
    if (connection->former_id != 0 && former_lives(connection)) {
        (void)snprintf(id, sizeof id, "%lld", (long long)connection->former_id);
        greet(connection, GREET_KILL, 4, (const char *const[]){"CLIENT", "KILL", "ID", id});
    }
    if (lease == NULL)
        return;
    connection->epoch = lease_epoch(lease);
    char *mark = lease_mark(lease, connection->epoch), entry[REDIS_ENTRY_MAX];
    entry_name(connection->id, connection->run_id, entry);
    greet(connection, GREET_ENTER, 4, (const char *const[]){"HSET", lease_connections_key(lease), entry, mark});
    greet(connection, GREET_CHECK, 2, (const char *const[]){"GET", lease_key(lease)});
    free(mark);
}

/* The former connection is ended: nobody needs to look for it. */
static void greeting_leave(struct redis_connection *connection)
{
    char entry[REDIS_ENTRY_MAX];
    entry_name(connection->former_id, connection->former_run_id, entry);
    greet(connection, GREET_LEAVE, 3,
          (const char *const[]){"HDEL", lease_connections_key(connection->settings.lease), entry});
}

/* False: the lease is not what it was when the connection was entered, which is dropped. */
static bool greeting_check(struct redis_connection *connection, int64_t now_ms)
{
    const struct lease *lease = connection->settings.lease;
    char *mark = lease_mark(lease, connection->epoch);
    bool same = strcmp(connection->reply.text, mark) == 0 && lease_epoch(lease) == connection->epoch;
    free(mark);
    if (!same)
        drop_waiting(connection, now_ms, "the lease is not ours now, but of \"%s\"", connection->reply.text);
    return same;
}

static void greeting_done(struct redis_connection *connection)
{
    connection->state = REDIS_OPEN;
    connection->former_id = 0;
    if (connection->trouble_said || connection->losses == 0)
        log_info("Redis at %s: connected", connection->name);
    connection->trouble_said = false;
}

/* One answer to the greeting. */
static void greeting_answer(struct redis_connection *connection, int64_t now_ms)
{
    const struct redis_reply *reply = &connection->reply;
    enum greeting greeting = (enum greeting)connection->greeting[connection->greeting_answered++];
    if (reply->type == REDIS_REPLY_ERROR) {
        if (!refused(connection, greeting, now_ms))
            return;
    } else if (greeting == GREET_ID) {
        connection->id = reply->integer;
    } else if (greeting == GREET_INFO) {
        redis_run_id(connection->reply.text, connection->run_id);
    }
    if (greeting == GREET_INFO)
        greeting_more(connection);
    else if (greeting == GREET_KILL && reply->type == REDIS_REPLY_INTEGER && connection->settings.lease != NULL)
        greeting_leave(connection);
    else if (greeting == GREET_CHECK && !greeting_check(connection, now_ms))
        return;
    if (connection->greeting_answered == connection->greeting_sent)
        greeting_done(connection);
}

bool redis_connection_step(struct redis_connection *connection, int64_t now_ms)
{
    bool any = false;
    if (connection->state == REDIS_AWAY && now_ms >= connection->retry_ms && redis_connection_may_send(connection)) {
        connect_begin(connection, now_ms);
        any = true;
    }
    if (connection->state == REDIS_CONNECTING)
        any = connect_finish(connection, now_ms) || any;
    if (connection->state == REDIS_GREETING || connection->state == REDIS_OPEN)
        any = redis_connection_send(connection, now_ms) || any;
    if (connection->state == REDIS_GREETING || connection->state == REDIS_OPEN)
        any = receive(connection, now_ms) || any;
    while (connection->state == REDIS_GREETING && redis_connection_reply(connection, now_ms) != NULL) {
        greeting_answer(connection, now_ms);
        if (connection->state == REDIS_GREETING)
            (void)redis_connection_send(connection, now_ms);
        any = true;
    }
    if ((connection->state == REDIS_CONNECTING || connection->state == REDIS_GREETING) &&
        now_ms >= connection->due_ms) {
        char within[64];
        (void)snprintf(within, sizeof within, "timed out after %lld ms", (long long)connection->settings.timeout_ms);
        drop_broken(connection, now_ms, "can't connect", within);
        any = true;
    }
    return any;
}

int redis_connection_descriptor(const struct redis_connection *connection)
{
    return connection->redis == NULL ? -1 : connection->redis->fd;
}

bool redis_connection_wants_write(const struct redis_connection *connection)
{
    return connection->state == REDIS_CONNECTING || !redis_connection_drained(connection);
}

void redis_connection_wait(const struct redis_connection *connection, int64_t now_ms, int timeout_ms)
{
    struct pollfd socket = {.fd = redis_connection_descriptor(connection), .events = POLLIN};
    int64_t due_ms = connection->state == REDIS_AWAY   ? connection->retry_ms
                     : connection->state == REDIS_OPEN ? INT64_MAX
                                                       : connection->due_ms;
    if (connection->state == REDIS_AWAY && due_ms < now_ms + LEASE_LOOK_MS && !redis_connection_may_send(connection))
        due_ms = now_ms + LEASE_LOOK_MS;
    if (due_ms != INT64_MAX && due_ms - now_ms < timeout_ms)
        timeout_ms = due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
    if (redis_connection_wants_write(connection))
        socket.events = connection->state == REDIS_CONNECTING ? POLLOUT : POLLIN | POLLOUT;
    (void)poll(&socket, 1, timeout_ms); /* a signal ends it early, which is as good */
}
