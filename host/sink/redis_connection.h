/* redis_connection.h - one connection to Redis that makes itself again: socket, greeting, back-off, replies.
 *
 *     AWAY --time to try--> CONNECTING --socket is up--> GREETING --all answered--> OPEN
 *      ^-------------------------- anything that fails, after a back-off --------------'
 *
 * The greeting is AUTH, SELECT, PING (does it take commands, or is it loading?), CLIENT ID and INFO server; and if the same
 * server process still holds the connection before this one, CLIENT KILL of that: commands may lie unread in its socket,
 * and they must not be executed after newer ones. (Only of the same process, told by its run_id: a restarted server gives
 * the same small ids to somebody else.) What the server refuses of CLIENT, INFO and PING is done without.
 *
 * With a lease (lease.h) nothing is tried while it is not held. The greeting then also enters the connection where the next
 * holder will look for it, and after that looks itself whether the lease is still ours; what the server refuses of that, and
 * of CLIENT ID, can't be done without. It is good for one epoch: when the lease is taken again, it is made anew.
 *
 * Nothing here waits but redis_connection_wait(). One exception is not ours: hiredis resolves a host *name* by
 * getaddrinfo(), which may block while the name server is away; an address or a socket never does. All input and output
 * goes through the descriptor of the redisContext. Used by one thread. */
#ifndef SINK_REDIS_CONNECTION_H
#define SINK_REDIS_CONNECTION_H

#include "base/buffer.h"
#include "base/log.h"
#include "sink/sink.h"

#include <hiredis/hiredis.h>

#define REDIS_RUN_ID_MAX 48
#define REDIS_ENTRY_MAX  80 /* "<CLIENT ID>@<run_id>" */

enum redis_state { REDIS_AWAY, REDIS_CONNECTING, REDIS_GREETING, REDIS_OPEN };

#define REDIS_REPLY_TEXT_MAX 4096

struct redis_reply {
    int type; /* REDIS_REPLY_STATUS, _INTEGER, _ERROR, ... */
    int64_t integer;
    size_t size;
    char text[REDIS_REPLY_TEXT_MAX]; /* of a status, error or string: as much as fits, zero-terminated */
};

struct redis_connection {
    enum redis_state state;
    struct buffer out; /* bytes to send from `out_sent` on */
    size_t out_sent;
    int64_t heard_ms; /* when something last came from the server */
    uint64_t losses;  /* how often an OPEN connection was lost */
    const char *name; /* for messages: redis.example:6379/0 */

    /* redis_connection.c's own */
    struct redis_settings settings; /* texts are owned */
    redisContext *redis;
    struct redis_reply reply;
    int64_t retry_ms, due_ms; /* AWAY: when to try again; CONNECTING and GREETING: when to give up */
    int64_t backoff_ms;
    unsigned greeting_sent, greeting_answered; /* steps, see redis_connection.c */
    int greeting[10];
    int64_t id, former_id; /* CLIENT ID; 0: unknown. former_id: of a connection that may still have to be killed */
    char run_id[REDIS_RUN_ID_MAX], former_run_id[REDIS_RUN_ID_MAX];
    uint64_t epoch, former_epoch; /* of the lease under which it was entered */
    struct log_limit trouble;
    bool trouble_said; /* and not yet that it is over */
};

void redis_connection_init(struct redis_connection *connection, const struct redis_settings *settings);
void redis_connection_free(struct redis_connection *connection);

/* Move on without waiting: try to connect if it is time, greet, send what is in `out`, read what has come. True if anything
 * happened. The state may be another one afterwards. */
bool redis_connection_step(struct redis_connection *connection, int64_t now_ms);
/* May something be sent, as to the lease? */
bool redis_connection_may_send(const struct redis_connection *connection);
/* It may not, and there is something to send: drop the connection, what lies in its buffers must never be executed. */
void redis_connection_overtaken(struct redis_connection *connection, int64_t now_ms);
/* OPEN: send what is in `out` as far as it goes. Looks before each send whether it may; if not, the connection is dropped. */
bool redis_connection_send(struct redis_connection *connection, int64_t now_ms);
/* OPEN: the next reply that has been read, or NULL; valid until the next call. */
const struct redis_reply *redis_connection_reply(struct redis_connection *connection, int64_t now_ms);

/* Drop the connection and say why (as a log line every ten seconds at most); try again after the back-off. */
void redis_connection_drop(struct redis_connection *connection, int64_t now_ms, const struct error *why);
/* The server does what it is asked: the next back-off starts at its smallest. */
void redis_connection_works(struct redis_connection *connection);
/* The next pause: doubles from 50 ms to retry_max_ms until redis_connection_works(). */
int64_t redis_connection_backoff(struct redis_connection *connection);

/* Everything sent? */
static inline bool redis_connection_drained(const struct redis_connection *connection)
{
    return connection->out_sent == connection->out.size;
}
/* -1 while AWAY. */
int redis_connection_descriptor(const struct redis_connection *connection);
bool redis_connection_wants_write(const struct redis_connection *connection);
/* Wait for the socket, or for the next moment at which something is due, up to timeout_ms. */
void redis_connection_wait(const struct redis_connection *connection, int64_t now_ms, int timeout_ms);

/* Is this, once open, the very process that the former connection went to, and the lease the same? False where it does not
 * say. */
bool redis_connection_same_server(const struct redis_connection *connection);

/* The server's process, as its answer to INFO server says; "" if it does not. */
void redis_run_id(const char *info, char out[REDIS_RUN_ID_MAX]);

#endif
