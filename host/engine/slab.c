/* slab.c - see slab.h.
 *
 * Classes: 8, 16, 24 ... 512, then in steps of 32 up to 1 024, of 64 up to 2 048, of 512 up to SLAB_LARGEST. A block's span
 * is found by its address: spans are aligned to their size. */
#include "engine/slab.h"

#include "base/memory.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#define SPAN_BYTES  ((size_t)16 << 10)
#define CHUNK_BYTES ((size_t)1 << 20)
#define MAX_CHUNKS  (SLAB_MOST / CHUNK_BYTES)

struct span {
    struct span *next, **link; /* in a list of its slab */
    void *given_back;          /* blocks, linked by their first word */
    uint32_t fresh;            /* offset of the first block never taken */
    uint32_t taken;            /* blocks */
    uint32_t block_size;
    uint32_t class;
    uint32_t chunk; /* which of the slab's chunks it lies in */
    _Alignas(8) char blocks[];
};

static const struct {
    unsigned first; /* class */
    size_t above, step;
} ranges[] = {{0, 0, 8}, {64, 512, 32}, {80, 1024, 64}, {96, 2048, 512}};

static unsigned class_of(size_t size)
{
    unsigned range = size <= 512 ? 0 : size <= 1024 ? 1 : size <= 2048 ? 2 : 3;
    return size == 0 ? 0 : ranges[range].first + (unsigned)((size - 1 - ranges[range].above) / ranges[range].step);
}

static size_t class_size(unsigned class)
{
    unsigned range = class < 64 ? 0 : class < 80 ? 1 : class < 96 ? 2 : 3;
    return ranges[range].above + (class - ranges[range].first + 1) * ranges[range].step;
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

/* Where a new chunk is noted: in the place of one that went, if there is one. */
static size_t chunk_place(struct slab *slab)
{
    size_t at = slab->chunks_gone > 0 ? 0 : slab->chunk_count;
    while (at < slab->chunk_count && slab->chunks[at] != NULL)
        at++;
    if (at < slab->chunk_count) {
        slab->chunks_gone--;
        return at;
    }
    if (slab->chunk_count == slab->chunk_capacity) {
        slab->chunk_capacity = slab->chunk_capacity == 0 ? 16 : slab->chunk_capacity * 2;
        slab->chunks = memory_resize(slab->chunks, slab->chunk_capacity * sizeof(void *));
        slab->chunk_spans = memory_resize(slab->chunk_spans, slab->chunk_capacity * sizeof *slab->chunk_spans);
    }
    return slab->chunk_count++;
}

static void add_chunk(struct slab *slab)
{
    size_t place = chunk_place(slab);
    char *chunk = aligned_alloc(CHUNK_BYTES, CHUNK_BYTES);
    if (chunk == NULL || place == MAX_CHUNKS)
        memory_exhausted(CHUNK_BYTES);
    for (size_t at = CHUNK_BYTES; at > 0; at -= SPAN_BYTES) {
        struct span *span = (struct span *)(void *)(chunk + at - SPAN_BYTES);
        span->chunk = (uint32_t)place;
        put_into(&slab->unused, span);
    }
    slab->chunks[place] = chunk;
    slab->chunk_spans[place] = 0;
    slab->chunks_spare++;
    slab->mapped += CHUNK_BYTES;
}

void slab_give_spare(struct slab *slab)
{
    for (size_t i = 0; i < slab->chunk_count && slab->chunks_spare > 1; i++) {
        char *chunk = slab->chunks[i];
        if (chunk == NULL || slab->chunk_spans[i] > 0)
            continue;
        for (size_t at = 0; at < CHUNK_BYTES; at += SPAN_BYTES)
            take_out((struct span *)(void *)(chunk + at));
        (void)madvise(chunk, CHUNK_BYTES, MADV_DONTNEED); /* free() alone might keep it */
        free(chunk);
        slab->chunks[i] = NULL;
        slab->chunks_spare--;
        slab->chunks_gone++;
        slab->mapped -= CHUNK_BYTES;
    }
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
    if (slab->chunk_spans[span->chunk]++ == 0)
        slab->chunks_spare--;
    put_into(&slab->partial[class], span);
    return span;
}

static struct span *span_of(const void *block)
{
    return (struct span *)((uintptr_t)block & ~(uintptr_t)(SPAN_BYTES - 1));
}

/* Never 0: a chunk begins with the head of a span. */
uint32_t slab_ref(const void *block)
{
    uint32_t within = (uint32_t)((uintptr_t)block & (CHUNK_BYTES - 1)) / 8;
    return span_of(block)->chunk << SLAB_CHUNK_UNITS | within;
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
    struct span *span = span_of(block);
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
        if (--slab->chunk_spans[span->chunk] == 0)
            slab->chunks_spare++;
        put_into(&slab->unused, span);
    }
}

void slab_free(struct slab *slab)
{
    for (size_t i = 0; i < slab->chunk_count; i++)
        free(slab->chunks[i]);
    free(slab->chunks);
    free(slab->chunk_spans);
    *slab = (struct slab){0};
}
