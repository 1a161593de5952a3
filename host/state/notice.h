/* notice.h - what the host that uses a state folder says of its latest start, for `shoplane reload` to wait for.
 *
 * The file "running" of the folder, replaced as a whole; it says nothing about whether that host still lives (the lock does).
 * Plain data. */
#ifndef STATE_NOTICE_H
#define STATE_NOTICE_H

#include "base/error.h"
#include "state/plugin_set.h"

#include <stdbool.h>
#include <stdint.h>

struct notice {
    int64_t pid;
    int64_t start;     /* tells this start from every other of the same process: CLOCK_MONOTONIC, in microseconds */
    char set[SET_ID_MAX];
    bool trial;        /* the set is being tried: it is not known yet whether it is good */
    bool writes;       /* state is read, and features are written again */
    int64_t stood_ms;  /* how long features stood still over the restart; negative: it was none, or is not over */
    uint64_t refusals; /* how many reloads it has refused */
    char back[SET_REASON_MAX]; /* why it went back to the last good set; "" it did not */
};

bool notice_read(int folder, struct notice *notice); /* false: there is none, or none that can be read */
bool notice_store(int folder, const struct notice *notice, struct error *error);

#endif
