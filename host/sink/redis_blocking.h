/* redis_blocking.h - a connection to Redis for what may wait for its answers: greeted, its time limited, closed on exec.
 *
 * What writes features is redis_connection.h. */
#ifndef SINK_REDIS_BLOCKING_H
#define SINK_REDIS_BLOCKING_H

#include "base/error.h"
#include "sink/sink.h"

#include <hiredis/hiredis.h>

/* Connect, AUTH, SELECT; each, and every later command, may take `timeout_ms`. NULL, with what is wrong and what to do: a
 * password is never repeated. Free with redisFree(). */
redisContext *redis_blocking_open(const struct redis_settings *settings, int64_t timeout_ms, struct error *error);

#endif
