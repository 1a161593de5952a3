/* wheel.h - timers, exact to the millisecond: a hierarchical wheel of nine levels of 64 slots.
 *
 * A timer is part of what it wakes. Arming, moving and disarming cost a few instructions; a timer is touched again at most
 * once a level on its way down. Time is event time or monotonic time, whatever the owner advances the wheel by. Touched by
 * its worker's thread only. */
#ifndef ENGINE_WHEEL_H
#define ENGINE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_LEVELS 9
#define WHEEL_NEVER INT64_MAX

/* Zeroed: not armed. */
struct timer {
    struct timer *next, **link; /* link: what points to this timer; NULL when not armed */
    int64_t due_ms;
};

struct wheel {
    int64_t now_ms;
    uint64_t occupied[WHEEL_LEVELS]; /* bit s: slot s of the level has timers */
    struct timer *slots[WHEEL_LEVELS][64];
};

void wheel_init(struct wheel *wheel, int64_t now_ms);

/* Wake `timer` at `due_ms`, later than wheel->now_ms; moves it if it is armed. */
void wheel_arm(struct wheel *wheel, struct timer *timer, int64_t due_ms);
void wheel_disarm(struct wheel *wheel, struct timer *timer);
static inline bool timer_armed(const struct timer *timer) { return timer->link != 0; }

/* No timer is due before this; WHEEL_NEVER if there is none. Exact for the nearest 64 ms, else a lower bound. */
int64_t wheel_bound(const struct wheel *wheel);

/* Move time to `now_ms` (never back) and take out what is due at or before it, linked by `next`, in no particular order
 * within one call. */
struct timer *wheel_advance(struct wheel *wheel, int64_t now_ms);

#endif
