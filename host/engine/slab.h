/* slab.h - a worker's memory for logs, records and texts: blocks of a few dozen sizes, reused by size.
 *
 * Blocks of one size lie together in spans of 16 KB; a span whose blocks have all been given back serves any size again, so
 * that a thousand shoppers who outgrow their blocks together leave no holes behind. Sizes grow by 8 bytes, later by a
 * sixteenth or so; beyond SLAB_LARGEST they come from malloc. The caller knows the size of what it gives back. Touched
 * by its worker's thread only. */
#ifndef ENGINE_SLAB_H
#define ENGINE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#define SLAB_CLASSES 101
#define SLAB_LARGEST 4608u
#define SLAB_MOST    ((size_t)16 << 30) /* bytes in all but large blocks: refs name no more */

struct span;

struct slab {
    struct span *partial[SLAB_CLASSES]; /* spans of the size with a block to give */
    struct span *unused;                /* spans without a size */
    void **chunks;                      /* what spans are cut from; NULL: given back */
    uint8_t *chunk_spans;               /* of each, how many have a size */
    size_t chunk_count, chunk_capacity;
    size_t chunks_spare, chunks_gone;   /* how many of them have no span with a size; are NULL */
    size_t used;     /* bytes in blocks that are taken, rounded to their size class */
    size_t reserved; /* bytes in spans that have a size, and in large blocks */
    size_t mapped;   /* bytes from the system: reserved, and spans kept for later */
};

/* Not zeroed; aligned to 8. */
void *slab_take(struct slab *slab, size_t size);
void slab_give(struct slab *slab, void *block, size_t size);
/* A block (not a large one) in 31 bits, never 0: half a pointer. 16 GB a slab can be named so. */
uint32_t slab_ref(const void *block);
static inline void *slab_at(const struct slab *slab, uint32_t ref);

/* What a block asked for with `size` really holds. */
size_t slab_room(size_t size);
/* Give back to the system what has no span in use, 1 MB at a time, but for one. */
void slab_give_spare(struct slab *slab);
void slab_free(struct slab *slab); /* all but large blocks, which their owners give back */

#define SLAB_CHUNK_UNITS 17 /* a chunk of 1 MB has 2^17 units of 8 bytes */
static inline void *slab_at(const struct slab *slab, uint32_t ref)
{
    return (char *)slab->chunks[ref >> SLAB_CHUNK_UNITS] + (size_t)(ref & ((1u << SLAB_CHUNK_UNITS) - 1)) * 8;
}

#endif
