/* wheel.h - timers, exact to the millisecond: a hierarchical wheel of nine levels of 64 slots.
 *
 * A timer is part of the slab block that it wakes, and names other blocks by their refs, at half a pointer each. Arming,
 * moving and disarming cost a few instructions; a timer is touched again at most once a level on its way down. Time is event
 * time or monotonic time, whatever the owner advances the wheel by. Touched by its worker's thread only. */
#ifndef ENGINE_WHEEL_H
#define ENGINE_WHEEL_H

#include "engine/slab.h"

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_LEVELS 9
#define WHEEL_SLOTS  64
#define WHEEL_NEVER  INT64_MAX

/* Zeroed: not armed. */
struct timer {
    uint32_t next, previous; /* blocks; `previous` of a list's first says which slot's it is */
    int64_t due_ms;
};

struct wheel {
    const struct slab *slab;
    size_t offset; /* of the timer in its block */
    int64_t now_ms;
    uint64_t occupied[WHEEL_LEVELS]; /* bit s: slot s of the level has timers */
    uint32_t slots[WHEEL_LEVELS * WHEEL_SLOTS];
};

void wheel_init(struct wheel *wheel, const struct slab *slab, size_t offset, int64_t now_ms);

/* Wake `block` at `due_ms`, later than wheel->now_ms; moves its timer if that is armed. */
void wheel_arm(struct wheel *wheel, void *block, int64_t due_ms);
void wheel_disarm(struct wheel *wheel, void *block);
static inline bool timer_armed(const struct timer *timer) { return timer->previous != 0; }

/* No timer is due before this; WHEEL_NEVER if there is none. Exact for the nearest 64 ms, else a lower bound. */
int64_t wheel_bound(const struct wheel *wheel);

/* Move time to `now_ms` (never back) and take out what is due at or before it: the first block, in no particular order
 * within one call; NULL if none. */
void *wheel_advance(struct wheel *wheel, int64_t now_ms);

/* The block that was taken out behind this one; ask before this one's timer is armed again. */
void *wheel_after(const struct wheel *wheel, const void *block);

#endif
