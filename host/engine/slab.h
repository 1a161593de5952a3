/* slab.h - a worker's memory for logs, records and texts: blocks of a few dozen sizes, reused by size.
 *
 * Blocks come from large chunks and go back to a list of their size; chunks live until the slab is freed. Sizes grow by an
 * eighth to a quarter, so that little is lost to rounding; beyond SLAB_LARGEST they come from malloc. The caller knows the
 * size of what it frees. Touched by its worker's thread only. */
#ifndef ENGINE_SLAB_H
#define ENGINE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#define SLAB_CLASSES 96
#define SLAB_LARGEST 65536u

struct slab {
    void *free_blocks[SLAB_CLASSES];
    char *chunk; /* what is left of the newest chunk */
    size_t chunk_left;
    void *chunks; /* all chunks, linked by their first word */
    size_t used;     /* bytes in blocks that are taken, rounded to their class */
    size_t reserved; /* bytes in chunks and large blocks */
};

/* Not zeroed; aligned to 16. */
void *slab_take(struct slab *slab, size_t size);
void slab_give(struct slab *slab, void *block, size_t size);
/* What a block asked for with `size` really holds. */
size_t slab_room(size_t size);
void slab_free(struct slab *slab); /* all of it */

#endif
