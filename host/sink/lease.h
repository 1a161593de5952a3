/* lease.h - who may write: one process at a time, by a lease in the Redis that is written to.
 *
 *     shoplane:{NAME}:lease        text "<epoch> <owner>", with a TTL: the holder renews it every third of that
 *     shoplane:{NAME}:epoch        counts the holders
 *     shoplane:{NAME}:last         "<epoch> <owner>" of the last one that took it, for ever: so a holder whose lease ran out
 *                                  sees that somebody had it in between, also when it is free again
 *     shoplane:{NAME}:connections  hash: each connection that may carry writes, "<CLIENT ID>@<run_id>" -> "<epoch> <owner>".
 *                                  A server that is restarted (run_id) gives the numbers to others
 *     shoplane:{NAME}:fence        hash: "<partition>/<worker>" -> offset of the next message, of what is written; and
 *                                  "clock/<worker>" -> the clock, ms: the same messages need not bring it there
 *
 * Three things together keep two processes from writing at once, whatever pauses do. A holder writes only while its own
 * clock (CLOCK_BOOTTIME) says that the lease, counted from before the renewal was sent, has not run out. Whoever takes over
 * ends every connection in `connections` that is not its own, so that bytes that lie in a socket are not executed after
 * its own. And a new connection is entered there first, and looks at the lease afterwards, on that same connection: so
 * either the one who takes over sees it, or it sees that it was overtaken. (Braces are written: they keep the keys of one
 * name together where that matters.)
 *
 * The fence: before what follows from a message is written, the offset behind that message is. A process that starts from
 * older state reads on without writing until it has passed it; so no older value ever replaces a newer one.
 *
 * A lease has a thread and a connection of its own. */
#ifndef SINK_LEASE_H
#define SINK_LEASE_H

#include "base/error.h"
#include "sink/sink.h"

#include <stdbool.h>
#include <stdint.h>

struct lease;

enum lease_state {
    LEASE_UNKNOWN, /* Redis has not been in reach yet, or is not now and the lease has run out */
    LEASE_HELD,    /* ours */
    LEASE_OTHERS,  /* somebody else's: wait */
    LEASE_LOST     /* it was ours, and somebody else has it now or had it since: this process must not write any more, and
                      the lease does not try again */
};

/* `name`: the topic. `owner`: who we are, one line without spaces at its ends, unique to this process ("host:pid:random").
 * `former`: an owner that is known to be dead, whose lease is taken over without waiting for its end; or NULL. Texts are
 * copied. Starts the thread, which tries at once and keeps trying. */
struct lease *lease_new(const struct redis_settings *redis, const char *name, const char *owner, const char *former,
                        int64_t ttl_ms);
/* Stop the thread. Waits for the answer it waits for and for that to giving up, each for a third of the TTL or timeout_ms at
 * most. `give_up`: delete the lease, so that the next one need not wait; only after the last write. */
void lease_free(struct lease *lease, bool give_up);

/* All of these are thread-safe and do not wait. */
enum lease_state lease_state(struct lease *lease);
/* May something be sent now? One atomic load and one clock read. NULL: no lease is asked for, always. */
bool lease_may_write(const struct lease *lease);
/* Who holds it (LEASE_OTHERS, LEASE_LOST), as "host:pid:random"; at most `size` bytes with the zero. */
void lease_holder(struct lease *lease, char *out, size_t size);
uint64_t lease_epoch(const struct lease *lease); /* of ours; 0: never held */

/* Wait up to timeout_ms for the first answer: anything but LEASE_UNKNOWN. */
enum lease_state lease_wait(struct lease *lease, int timeout_ms);

/* The fence as it was found when the lease was taken: the offset of partition `p` that was written by anyone; 0 if none. Only
 * with LEASE_HELD; constant until the lease is lost. What former workers left is replaced by one field ("<p>/0") then, so that
 * the hash does not grow. */
int64_t lease_fence(const struct lease *lease, int32_t partition);
/* The same of the clock, ms: what was written follows from it, too. Live, windows go on while no messages come; by events alone
 * it depends on which partitions were at their end when. */
int64_t lease_fence_clock(const struct lease *lease);
/* Name of the fence's hash, for redis_settings.fence; lives as long as the lease. */
const char *lease_fence_key(const struct lease *lease);

/* For connections that carry writes (redis_connection.h): where they are entered, where they look, and what must be there,
 * "<epoch> <owner>", for an epoch of lease_epoch(). Free the mark. */
const char *lease_connections_key(const struct lease *lease);
const char *lease_key(const struct lease *lease);
char *lease_mark(const struct lease *lease, uint64_t epoch);

#endif
