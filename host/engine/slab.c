/* slab.c - see slab.h.
 *
 * Classes: 16, 32, 48 ... 256 in steps of 16, then four to a doubling (320, 384, 448, 512, 640, ...) up to SLAB_LARGEST. */
#include "engine/slab.h"

#include "base/memory.h"

#include <stdlib.h>

#define CHUNK_BYTES ((size_t)1 << 20)
#define SMALL_MAX 256u
#define SMALL_STEP 16u

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

void *slab_take(struct slab *slab, size_t size)
{
    if (size > SLAB_LARGEST) {
        slab->used += size;
        slab->reserved += size;
        return memory_resize(NULL, size);
    }
    unsigned class = class_of(size);
    size_t room = class_size(class);
    slab->used += room;
    void *block = slab->free_blocks[class];
    if (block != NULL) {
        slab->free_blocks[class] = *(void **)block;
        return block;
    }
    if (slab->chunk_left < room) {
        char *chunk = memory_resize(NULL, CHUNK_BYTES);
        *(void **)chunk = slab->chunks;
        slab->chunks = chunk;
        slab->reserved += CHUNK_BYTES;
        slab->chunk = chunk + 16;
        slab->chunk_left = CHUNK_BYTES - 16;
    }
    block = slab->chunk;
    slab->chunk += room;
    slab->chunk_left -= room;
    return block;
}

void slab_give(struct slab *slab, void *block, size_t size)
{
    if (block == NULL)
        return;
    if (size > SLAB_LARGEST) {
        slab->used -= size;
        slab->reserved -= size;
        free(block);
        return;
    }
    unsigned class = class_of(size);
    slab->used -= class_size(class);
    *(void **)block = slab->free_blocks[class];
    slab->free_blocks[class] = block;
}

void slab_free(struct slab *slab)
{
    while (slab->chunks != NULL) {
        void *next = *(void **)slab->chunks;
        free(slab->chunks);
        slab->chunks = next;
    }
    *slab = (struct slab){0};
}
