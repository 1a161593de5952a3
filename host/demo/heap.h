/* heap.h - a binary heap of (time, number) with a 32-bit payload: what is due first comes out first, equal times in the
 * order in which they were put in. */
#ifndef DEMO_HEAP_H
#define DEMO_HEAP_H

#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>

struct heap_item {
    int64_t time_ms;
    uint64_t number : 40; /* of insertions; unique for 10^12 of them */
    uint64_t payload : 24;
};

struct heap {
    struct heap_item *items;
    size_t count, capacity;
    uint64_t inserted;
};

static inline bool heap_before(const struct heap_item *a, const struct heap_item *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->number < b->number;
}

static inline void heap_push(struct heap *heap, int64_t time_ms, uint32_t payload)
{
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 1024 : heap->capacity * 2;
        heap->items = memory_resize(heap->items, heap->capacity * sizeof *heap->items);
    }
    struct heap_item item = {time_ms, heap->inserted++ & 0xffffffffffu, payload & 0xffffffu};
    size_t at = heap->count++;
    for (; at != 0 && heap_before(&item, &heap->items[(at - 1) / 2]); at = (at - 1) / 2)
        heap->items[at] = heap->items[(at - 1) / 2];
    heap->items[at] = item;
}

/* The heap is not empty. */
static inline struct heap_item heap_pop(struct heap *heap)
{
    struct heap_item first = heap->items[0], last = heap->items[--heap->count];
    size_t at = 0, child;
    while ((child = 2 * at + 1) < heap->count) {
        if (child + 1 < heap->count && heap_before(&heap->items[child + 1], &heap->items[child]))
            child++;
        if (!heap_before(&heap->items[child], &last))
            break;
        heap->items[at] = heap->items[child];
        at = child;
    }
    heap->items[at] = last;
    return first;
}

static inline void heap_free(struct heap *heap)
{
    free(heap->items);
    heap->items = NULL;
    heap->count = heap->capacity = 0;
}

#endif
