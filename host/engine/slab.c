/* slab.c - see slab.h.
 *
 * Classes: 16, 32, 48 ... 256 in steps of 16, then four to a doubling (320, 384, 448, 512, 640, ...) up to SLAB_LARGEST. A
 * block's span is found by its address: spans are aligned to their size. */
#include "engine/slab.h"

#include "base/memory.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#define SPAN_BYTES  ((size_t)16 << 10)
#define CHUNK_BYTES ((size_t)1 << 20)
#define SMALL_MAX   256u
#define SMALL_STEP  16u

struct span {
    struct span *next, **link; /* in a list of its slab */
    void *given_back;          /* blocks, linked by their first word */
    uint32_t fresh;            /* offset of the first block never taken */
    uint32_t taken;            /* blocks */
    uint32_t block_size;
    uint32_t class;
    _Alignas(16) char blocks[];
};

struct slab_chunk {
    struct slab_chunk *next;
    void *memory;
};

static unsigned class_of(size_t size)
{
    if (size <= SMALL_MAX)
        return size == 0 ? 0 : (unsigned)((size - 1) / SMALL_STEP);
    unsigned top = 63u - (unsigned)__builtin_clzll((unsigned long long)(size - 1)); /* 2^top <= size-1 */
    unsigned quarter = (unsigned)(((size - 1) >> (top - 2)) & 3u);
    return SMALL_MAX / SMALL_STEP + (top - 8) * 4 + quarter;
}

static size_t class_size(unsigned class)
{
    if (class < SMALL_MAX / SMALL_STEP)
        return ((size_t)class + 1) * SMALL_STEP;
    unsigned over = class - SMALL_MAX / SMALL_STEP;
    unsigned top = over / 4 + 8;
    return ((size_t)1 << top) + ((size_t)(over % 4) + 1) * ((size_t)1 << (top - 2));
}

size_t slab_room(size_t size) { return size > SLAB_LARGEST ? size : class_size(class_of(size)); }

static void put_into(struct span **list, struct span *span)
{
    span->next = *list;
    if (span->next != NULL)
        span->next->link = &span->next;
    span->link = list;
    *list = span;
}

static void take_out(struct span *span)
{
    *span->link = span->next;
    if (span->next != NULL)
        span->next->link = span->link;
    span->link = NULL;
}

static void add_chunk(struct slab *slab)
{
    struct slab_chunk *chunk = memory_new(sizeof *chunk);
    chunk->memory = aligned_alloc(SPAN_BYTES, CHUNK_BYTES);
    if (chunk->memory == NULL)
        abort(); /* as memory_new does, and says */
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    slab->mapped += CHUNK_BYTES;
    for (size_t at = CHUNK_BYTES; at > 0; at -= SPAN_BYTES)
        put_into(&slab->unused, (struct span *)(void *)((char *)chunk->memory + at - SPAN_BYTES));
}

static struct span *new_span(struct slab *slab, unsigned class)
{
    if (slab->unused == NULL)
        add_chunk(slab);
    struct span *span = slab->unused;
    take_out(span);
    span->given_back = NULL;
    span->fresh = (uint32_t)offsetof(struct span, blocks);
    span->taken = 0;
    span->class = class;
    span->block_size = (uint32_t)class_size(class);
    slab->reserved += SPAN_BYTES;
    put_into(&slab->partial[class], span);
    return span;
}

static bool full(const struct span *span)
{
    return span->given_back == NULL && span->fresh + span->block_size > SPAN_BYTES;
}

void *slab_take(struct slab *slab, size_t size)
{
    if (size > SLAB_LARGEST) {
        slab->used += size;
        slab->reserved += size;
        slab->mapped += size;
        return memory_resize(NULL, size);
    }
    unsigned class = class_of(size);
    struct span *span = slab->partial[class];
    if (span == NULL)
        span = new_span(slab, class);
    void *block = span->given_back;
    if (block != NULL) {
        span->given_back = *(void **)block;
    } else {
        block = (char *)span + span->fresh;
        span->fresh += span->block_size;
    }
    span->taken++;
    slab->used += span->block_size;
    if (full(span))
        take_out(span);
    return block;
}

void slab_give(struct slab *slab, void *block, size_t size)
{
    if (block == NULL)
        return;
    if (size > SLAB_LARGEST) {
        slab->used -= size;
        slab->reserved -= size;
        slab->mapped -= size;
        free(block);
        return;
    }
    struct span *span = (struct span *)((uintptr_t)block & ~(uintptr_t)(SPAN_BYTES - 1));
    assert(span->class == class_of(size) && span->taken > 0);
    if (full(span))
        put_into(&slab->partial[span->class], span);
    *(void **)block = span->given_back;
    span->given_back = block;
    slab->used -= span->block_size;
    /* The last block back frees the span, unless it is the only one of its size with room: it would be cut again at once. */
    if (--span->taken == 0 && (slab->partial[span->class] != span || span->next != NULL)) {
        take_out(span);
        slab->reserved -= SPAN_BYTES;
        put_into(&slab->unused, span);
    }
}

void slab_free(struct slab *slab)
{
    while (slab->chunks != NULL) {
        struct slab_chunk *next = slab->chunks->next;
        free(slab->chunks->memory);
        free(slab->chunks);
        slab->chunks = next;
    }
    *slab = (struct slab){0};
}
