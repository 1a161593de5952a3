/* redis_fault.h - what Redis refuses: what that means, and what to do about it. One table for all that speaks to Redis, so that
 * sink, lease and audit say the same of the same. */
#ifndef SINK_REDIS_FAULT_H
#define SINK_REDIS_FAULT_H

#include "base/error.h"

/* What the connection, or the refused command, is for: whose rights are missing where rights are. */
enum redis_work { REDIS_WORK_GREETING, REDIS_WORK_FEATURES, REDIS_WORK_FENCE, REDIS_WORK_LEASE, REDIS_WORK_AUDIT };

enum redis_fault {
    REDIS_FAULT_COMMAND, /* of this command and its key; others may do */
    REDIS_FAULT_SERVER,  /* it, or this connection, is in the wrong state: connect again, after a pause */
    REDIS_FAULT_WRITES,  /* it takes no writes now */
    REDIS_FAULT_RIGHTS   /* the sink's user may not */
};

/* An error reply, `text`, to what `command` names ("EVAL", "a write"). *error: "EVAL is refused: what it means", the text, the
 * advice. `secret`: the password, if the command carried it, else NULL; a text that repeats it is not told. */
enum redis_fault redis_fault_reply(const char *command, const char *text, enum redis_work work, const char *secret,
                                   struct error *error);

/* There is no connection, or it broke; `doing` begins the sentence ("can't connect"), `text` is strerror's or hiredis's. */
void redis_fault_connection(const char *doing, const char *text, struct error *error);

#endif
