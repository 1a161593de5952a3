/* arena.c - see arena.h. */
#include "engine/arena.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_CHUNK ((size_t)64 << 10)

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(16) char bytes[];
};

static void next_chunk(struct arena *arena, size_t size)
{
    struct arena_chunk *next = arena->current == NULL ? arena->first : arena->current->next;
    if (next == NULL || next->size < size) {
        size_t room = size > ARENA_CHUNK ? size : ARENA_CHUNK;
        struct arena_chunk *chunk = memory_resize(NULL, sizeof *chunk + room);
        chunk->size = room;
        chunk->next = next;
        if (arena->current == NULL)
            arena->first = chunk;
        else
            arena->current->next = chunk;
        next = chunk;
    }
    arena->current = next;
    arena->used = 0;
}

void *arena_take(struct arena *arena, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (arena->current == NULL || arena->current->size - arena->used < size)
        next_chunk(arena, size);
    void *memory = arena->current->bytes + arena->used;
    arena->used += size;
    return memset(memory, 0, size);
}

void arena_reset(struct arena *arena)
{
    arena->current = arena->first;
    arena->used = 0;
}

void arena_free(struct arena *arena)
{
    while (arena->first != NULL) {
        struct arena_chunk *next = arena->first->next;
        free(arena->first);
        arena->first = next;
    }
    *arena = (struct arena){0};
}
