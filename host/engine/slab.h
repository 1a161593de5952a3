/* slab.h - a worker's memory for logs, records and texts: blocks of a few dozen sizes, reused by size.
 *
 * Blocks of one size lie together in spans of 16 KB; a span whose blocks have all been given back serves any size again, so
 * that a thousand shoppers who outgrow their blocks together leave no holes behind. Sizes grow by 16 bytes, later by an
 * eighth to a quarter; beyond SLAB_LARGEST they come from malloc. The caller knows the size of what it gives back. Touched
 * by its worker's thread only. */
#ifndef ENGINE_SLAB_H
#define ENGINE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#define SLAB_CLASSES 28
#define SLAB_LARGEST 2048u

struct span;

struct slab {
    struct span *partial[SLAB_CLASSES]; /* spans of the size with a block to give */
    struct span *unused;                /* spans without a size */
    struct slab_chunk *chunks;          /* what spans are cut from */
    size_t used;     /* bytes in blocks that are taken, rounded to their size class */
    size_t reserved; /* bytes in spans that have a size, and in large blocks */
    size_t mapped;   /* bytes from the system: reserved, and spans kept for later */
};

/* Not zeroed; aligned to 16. */
void *slab_take(struct slab *slab, size_t size);
void slab_give(struct slab *slab, void *block, size_t size);
/* What a block asked for with `size` really holds. */
size_t slab_room(size_t size);
void slab_free(struct slab *slab); /* all but large blocks, which their owners give back */

#endif
