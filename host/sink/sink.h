/* sink.h - where features go: Redis, lines of JSON, or nowhere.
 *
 * Every worker has a sink of its own and calls it from its thread only. Writes come in groups: one fold of one window of
 * one key gives a group of features that stand or fall together. A group carries the caller's token; when every command of
 * it has been acknowledged `settled(ok = true)` is called, when the connection broke or Redis refused one of them
 * `settled(ok = false)`: then what the group wrote is unknown and the caller owes it again. Calls of `settled` come from
 * inside sink_commit() and sink_poll() only, once a group, in the order of the groups.
 *
 * Writes of the same key leave in the order they were made. A sink never sleeps but in sink_poll() with a timeout. */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include "base/error.h"

#include <shoplane/types.h>

struct sink;

struct feature_write {
    sl_view key;     /* user:ann:product_view_count_5m */
    sl_view value;   /* its text; data NULL: the feature is absent, the key is deleted */
    int64_t ttl_s;   /* > 0 */
    int64_t time_ms; /* the clock when it was folded */
    bool refresh;    /* the value is as it was: only its TTL starts again. The value is given all the same where it is
                        known; data NULL: a newer value is on its way, and until then what is there lives on */
};

typedef void sink_settled(void *context, void *token, bool ok);

struct sink_counters {
    uint64_t groups, sets, deletes, refreshes, bytes; /* accepted */
    uint64_t failed_groups, reconnects;
    uint64_t replaced; /* of the reconnects: to a server that may not have what was written before (it was restarted, or
                          is another, or does not say, or the lease had to be taken again): everything live must be
                          written again */
};

/* What an implementation provides; callers use the functions below. */
struct sink_class {
    const char *name;
    bool (*ready)(struct sink *sink);
    void (*write)(struct sink *sink, const struct feature_write *write);
    void (*commit)(struct sink *sink, void *token);
    void (*fence)(struct sink *sink, int32_t partition, int64_t offset); /* NULL: it keeps none */
    void (*flush)(struct sink *sink);
    bool (*poll)(struct sink *sink, int timeout_ms);
    int (*descriptor)(struct sink *sink, bool *wants_write);
    void (*free)(struct sink *sink);
};

/* First member of every implementation. */
struct sink {
    const struct sink_class *class;
    sink_settled *settled;
    void *context;
    struct sink_counters counters;
};

/* May a group be written now? False while it is full or its server is away; keep the key dirty and ask again later. */
static inline bool sink_ready(struct sink *sink) { return sink->class->ready(sink); }
/* One feature of the current group. Copies what it needs. */
static inline void sink_write(struct sink *sink, const struct feature_write *write) { sink->class->write(sink, write); }
/* End the group. `token` may be NULL: nobody wants to know. */
static inline void sink_commit(struct sink *sink, void *token) { sink->class->commit(sink, token); }
#define SINK_FENCE_CLOCK (-1) /* in place of a partition: `offset` is the clock, ms */
/* What is written from here on follows from messages of this partition below `offset`: it reaches the server before them.
 * Between groups only. A later one of the same partition takes the place of one that was not sent yet. See lease.h. */
static inline void sink_fence(struct sink *sink, int32_t partition, int64_t offset)
{
    if (sink->class->fence != NULL)
        sink->class->fence(sink, partition, offset);
}
/* Send what is buffered, as far as it goes without waiting. */
static inline void sink_flush(struct sink *sink) { sink->class->flush(sink); }
/* Move on: write, read replies, reconnect when it is time; wait for up to timeout_ms if there is nothing to do at once.
 * True: nothing is in flight any more. */
static inline bool sink_poll(struct sink *sink, int timeout_ms) { return sink->class->poll(sink, timeout_ms); }
/* What to wait for beside other things: the connection's descriptor, or -1. */
static inline int sink_descriptor(struct sink *sink, bool *wants_write)
{
    return sink->class->descriptor(sink, wants_write);
}
static inline void sink_free(struct sink *sink)
{
    if (sink != NULL)
        sink->class->free(sink);
}

/* For implementations: count a write that was accepted. */
static inline void sink_count(struct sink *sink, const struct feature_write *write)
{
    if (write->refresh)
        sink->counters.refreshes++;
    else if (write->value.data == NULL)
        sink->counters.deletes++;
    else
        sink->counters.sets++;
    sink->counters.bytes += write->key.size + write->value.size;
}

/* Lines of JSON on a stream shared by all workers (one writer's lock a flush; groups are never split):
 *     {"key":"user:ann:product_view_count_5m","value":"2","ttl":600,"event_time":"2025-03-26T10:58:53.451Z"}
 * value null: deleted. A refresh is written as the value again, or, where a newer value waits for its emit interval, as
 * {"key":...,"refresh":true,"ttl":...,"event_time":...}; nothing is coalesced. `stream` is a FILE * and stays the
 * caller's. Lines are buffered up to 64 KB or sink_flush(), sink_poll(), sink_free(), and a group is settled ok inside its
 * commit. When a write fails (disk full, reader gone) that is said once and what was buffered is lost; from then on every
 * commit writes its own group through and settles ok = false until a write succeeds again: so the caller learns of the
 * outage with the next group, and counters.failed_groups says that output is missing. */
struct sink *jsonl_sink_new(void *stream, sink_settled *settled, void *context);

/* Counts and forgets. */
struct sink *null_sink_new(sink_settled *settled, void *context);

struct lease;

struct redis_settings {
    const char *host;     /* or NULL where `socket` is set */
    int port;
    const char *socket;   /* path of a unix socket, or NULL */
    const char *user, *password; /* or NULL. Never logged */
    int database;
    int64_t timeout_ms;   /* a connection that does not answer for this long counts as broken */
    int64_t retry_max_ms; /* back-off between attempts doubles from 50 ms to this */
    int64_t pipeline;     /* commands in flight at most */
    struct lease *lease;  /* writes only while this is held; NULL: always. Not owned */
    const char *fence;    /* name of the fence's hash (lease.h); NULL: no fence is kept */
    int worker;           /* part of the fence's fields: which worker's sink it is */
};
/* Redis over hiredis, without blocking: connects by itself (from the first sink_poll() on), and again with back-off. Never
 * fails to be made: a server that is away is reported by log lines and sink_ready() = false. SET key value EX ttl, DEL key,
 * EXPIRE key ttl.
 *
 * A refresh whose key turns out to be gone settles its group ok = false: only the caller knows the newest value. For a
 * minute after that refreshes leave as SET with the value they carry, so writing the same group again helps; one that
 * carries no value fails until the newer value is written.
 *
 * What has not been sent is coalesced: a later write of a key takes the place of the earlier one, and both groups wait for
 * it. Commands leave with sink_flush(), sink_poll(), or when 64 KB are gathered; never while a group is open. `pipeline`
 * bounds what is sent and unsent together; a group may exceed it.
 *
 * ok = false, in order, for every group with a command that Redis refused, or that has no reply when the connection breaks
 * or is silent for timeout_ms; and, inside sink_commit(), for a group that was written while there is no connection. After
 * an error that concerns all writes (OOM, READONLY, ...) sink_ready() is false until a back-off is over. */
struct sink *redis_sink_new(const struct redis_settings *settings, sink_settled *settled, void *context);

#endif
