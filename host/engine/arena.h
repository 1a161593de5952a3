/* arena.h - memory that is all freed at once: what a fold needs, reset before the next.
 *
 * Keeps its chunks, so that a warm arena does not allocate. */
#ifndef ENGINE_ARENA_H
#define ENGINE_ARENA_H

#include <stddef.h>

struct arena_chunk;

struct arena {
    struct arena_chunk *first, *current;
    size_t used; /* of the current chunk */
};

/* Zeroed, aligned to 16. */
void *arena_take(struct arena *arena, size_t size);
void arena_reset(struct arena *arena);
void arena_free(struct arena *arena);

#endif
