/* rewrite.h - what a producer needs to know of a recorded message, and what it changes in it; both formats, told apart by
 * their first byte. A message that can't be read is sent as it is. */
#ifndef DEMO_REWRITE_H
#define DEMO_REWRITE_H

#include "base/buffer.h"

#include <stdbool.h>

struct bytes {
    const char *data;
    size_t size;
};

/* When it arrived: collector_tstamp, in JSON else `timestamp`. False: no such time in it. */
bool message_arrival(struct bytes message, int64_t *arrival_ms);

enum message_key { KEY_NONE, KEY_USER, KEY_SESSION };

/* user_id, else domain_userid, else network_userid; or the session's id. Empty if there is none. Points into the message. */
struct bytes message_key(struct bytes message, enum message_key key);

/* `out` becomes a copy whose times are all moved by `shift_s` whole seconds (fractions stay as they are written), and which in
 * a later round (round > 0) is another event: event_id and transaction_id are changed, equal ones equally. */
void message_move(struct buffer *out, struct bytes message, int64_t shift_s, uint32_t round);

#endif
