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

/* `previous` of the first timer of slot s is this with s in its low bits; refs of blocks are below it. */
#define FIRST_OF_SLOT 0x80000000u

void wheel_init(struct wheel *wheel, const struct slab *slab, size_t offset, int64_t now_ms)
{
    memset(wheel, 0, sizeof *wheel);
    wheel->slab = slab;
    wheel->offset = offset;
    wheel->now_ms = now_ms;
}

static struct timer *timer_of(const struct wheel *wheel, const void *block)
{
    return (struct timer *)(void *)((char *)(uintptr_t)block + wheel->offset);
}

static struct timer *timer_at(const struct wheel *wheel, uint32_t ref)
{
    return timer_of(wheel, slab_at(wheel->slab, ref));
}

static void unlink_timer(struct wheel *wheel, struct timer *timer)
{
    if (timer->next != 0)
        timer_at(wheel, timer->next)->previous = timer->previous;
    if ((timer->previous & FIRST_OF_SLOT) == 0) {
        timer_at(wheel, timer->previous)->next = timer->next;
    } else {
        uint32_t slot = timer->previous & ~FIRST_OF_SLOT;
        wheel->slots[slot] = timer->next;
        if (timer->next == 0)
            wheel->occupied[slot / WHEEL_SLOTS] &= ~((uint64_t)1 << (slot % WHEEL_SLOTS));
    }
    timer->next = timer->previous = 0;
}

static void link_timer(struct wheel *wheel, uint32_t ref, struct timer *timer)
{
    uint64_t due = biased(timer->due_ms), now = biased(wheel->now_ms);
    unsigned level = (63u - (unsigned)__builtin_clzll(due ^ now)) / 6;
    assert(level < WHEEL_LEVELS);
    uint32_t slot = level * WHEEL_SLOTS + ((uint32_t)(due >> (6 * level)) & (WHEEL_SLOTS - 1));
    timer->next = wheel->slots[slot];
    timer->previous = FIRST_OF_SLOT | slot;
    if (timer->next != 0)
        timer_at(wheel, timer->next)->previous = ref;
    wheel->slots[slot] = ref;
    wheel->occupied[level] |= (uint64_t)1 << (slot % WHEEL_SLOTS);
}

void wheel_arm(struct wheel *wheel, void *block, int64_t due_ms)
{
    assert(due_ms > wheel->now_ms);
    struct timer *timer = timer_of(wheel, block);
    if (timer_armed(timer))
        unlink_timer(wheel, timer);
    timer->due_ms = due_ms;
    link_timer(wheel, slab_ref(block), timer);
}

void wheel_disarm(struct wheel *wheel, void *block)
{
    struct timer *timer = timer_of(wheel, block);
    if (timer_armed(timer))
        unlink_timer(wheel, timer);
}

void *wheel_after(const struct wheel *wheel, const void *block)
{
    uint32_t next = timer_of(wheel, block)->next;
    return next == 0 ? NULL : slab_at(wheel->slab, next);
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

void *wheel_advance(struct wheel *wheel, int64_t now_ms)
{
    uint32_t due = 0;
    unsigned level, slot;
    int64_t start;
    while (first_slot(wheel, &level, &slot, &start) && start <= now_ms) {
        wheel->now_ms = start;
        uint32_t ref = wheel->slots[level * WHEEL_SLOTS + slot];
        wheel->slots[level * WHEEL_SLOTS + slot] = 0;
        wheel->occupied[level] &= ~((uint64_t)1 << slot);
        while (ref != 0) {
            struct timer *timer = timer_at(wheel, ref);
            uint32_t next = timer->next;
            if (timer->due_ms <= start) {
                timer->previous = 0;
                timer->next = due;
                due = ref;
            } else {
                link_timer(wheel, ref, timer);
            }
            ref = next;
        }
    }
    if (now_ms > wheel->now_ms)
        wheel->now_ms = now_ms;
    return due == 0 ? NULL : slab_at(wheel->slab, due);
}
