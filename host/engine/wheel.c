/* wheel.c - see wheel.h.
 *
 * A timer sits on the level of the highest group of 6 bits in which its due time differs from now. So on every level all
 * timers are in slots behind now's own, and the lowest occupied slot of the lowest occupied level comes first. When time
 * reaches a slot of a higher level its timers are dealt out to lower ones. */
#include "engine/wheel.h"

#include <assert.h>
#include <string.h>

/* Times may lie before 1970; the wheel counts from the year -260. */
#define BIAS ((int64_t)1 << 46)

static uint64_t biased(int64_t ms) { return (uint64_t)(ms + BIAS); }

void wheel_init(struct wheel *wheel, int64_t now_ms)
{
    memset(wheel, 0, sizeof *wheel);
    wheel->now_ms = now_ms;
}

static void unlink_timer(struct wheel *wheel, struct timer *timer)
{
    *timer->link = timer->next;
    if (timer->next != NULL)
        timer->next->link = timer->link;
    else if (timer->link >= &wheel->slots[0][0] && timer->link < &wheel->slots[0][0] + WHEEL_LEVELS * 64 &&
             *timer->link == NULL) {
        size_t slot = (size_t)(timer->link - &wheel->slots[0][0]);
        wheel->occupied[slot / 64] &= ~((uint64_t)1 << (slot % 64));
    }
    timer->link = NULL;
    timer->next = NULL;
}

void wheel_arm(struct wheel *wheel, struct timer *timer, int64_t due_ms)
{
    assert(due_ms > wheel->now_ms);
    if (timer->link != NULL)
        unlink_timer(wheel, timer);
    uint64_t due = biased(due_ms), now = biased(wheel->now_ms);
    unsigned level = (63u - (unsigned)__builtin_clzll(due ^ now)) / 6;
    assert(level < WHEEL_LEVELS);
    unsigned slot = (unsigned)(due >> (6 * level)) & 63u;
    struct timer **head = &wheel->slots[level][slot];
    timer->due_ms = due_ms;
    timer->next = *head;
    if (timer->next != NULL)
        timer->next->link = &timer->next;
    timer->link = head;
    *head = timer;
    wheel->occupied[level] |= (uint64_t)1 << slot;
}

void wheel_disarm(struct wheel *wheel, struct timer *timer)
{
    if (timer->link != NULL)
        unlink_timer(wheel, timer);
}

/* The slot that comes first, and when time reaches it. */
static bool first_slot(const struct wheel *wheel, unsigned *level, unsigned *slot, int64_t *start_ms)
{
    for (unsigned l = 0; l < WHEEL_LEVELS; l++) {
        if (wheel->occupied[l] == 0)
            continue;
        *level = l;
        *slot = (unsigned)__builtin_ctzll(wheel->occupied[l]);
        uint64_t above = biased(wheel->now_ms) >> (6 * (l + 1)) << (6 * (l + 1));
        *start_ms = (int64_t)(above | (uint64_t)*slot << (6 * l)) - BIAS;
        return true;
    }
    return false;
}

int64_t wheel_bound(const struct wheel *wheel)
{
    unsigned level, slot;
    int64_t start;
    return first_slot(wheel, &level, &slot, &start) ? start : WHEEL_NEVER;
}

struct timer *wheel_advance(struct wheel *wheel, int64_t now_ms)
{
    struct timer *due = NULL;
    unsigned level, slot;
    int64_t start;
    while (first_slot(wheel, &level, &slot, &start) && start <= now_ms) {
        wheel->now_ms = start;
        struct timer *timer = wheel->slots[level][slot];
        wheel->slots[level][slot] = NULL;
        wheel->occupied[level] &= ~((uint64_t)1 << slot);
        while (timer != NULL) {
            struct timer *next = timer->next;
            timer->link = NULL;
            timer->next = NULL;
            if (timer->due_ms <= start) {
                timer->next = due;
                due = timer;
            } else {
                wheel_arm(wheel, timer, timer->due_ms);
            }
            timer = next;
        }
    }
    if (now_ms > wheel->now_ms)
        wheel->now_ms = now_ms;
    return due;
}
