/* ring.h - a bounded queue of pointers between two threads: one puts, one takes, nobody waits.
 *
 * A full ring refuses (back-pressure is the caller's business). Capacity is a power of two. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define RING_CAPACITY 8u

struct ring {
    _Alignas(64) atomic_size_t put;  /* count of items ever put; written by the putting thread */
    _Alignas(64) atomic_size_t take; /* count of items ever taken; written by the taking thread */
    _Alignas(64) void *items[RING_CAPACITY];
};

static inline bool ring_put(struct ring *ring, void *item)
{
    size_t put = atomic_load_explicit(&ring->put, memory_order_relaxed);
    if (put - atomic_load_explicit(&ring->take, memory_order_acquire) == RING_CAPACITY)
        return false;
    ring->items[put % RING_CAPACITY] = item;
    atomic_store_explicit(&ring->put, put + 1, memory_order_release);
    return true;
}

/* NULL: empty. */
static inline void *ring_take(struct ring *ring)
{
    size_t take = atomic_load_explicit(&ring->take, memory_order_relaxed);
    if (take == atomic_load_explicit(&ring->put, memory_order_acquire))
        return NULL;
    void *item = ring->items[take % RING_CAPACITY];
    atomic_store_explicit(&ring->take, take + 1, memory_order_release);
    return item;
}

#endif
