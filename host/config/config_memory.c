/* config_memory.c - see config_memory.h. A chain of blocks, the newest first; only the newest has room. Texts that may be
 * secrets pass through here, so blocks are overwritten before they go back to the system. */
#include "config/config_memory.h"

#include "base/memory.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 4096

struct block {
    struct block *next;
    size_t size, used;
    alignas(max_align_t) char bytes[];
};

struct config_memory {
    struct block *newest;
};

struct config_memory *config_memory_new(void) { return memory_new(sizeof(struct config_memory)); }

void config_memory_free(struct config_memory *memory)
{
    if (memory == NULL)
        return;
    for (struct block *block = memory->newest, *next; block != NULL; block = next) {
        next = block->next;
        explicit_bzero(block->bytes, block->used);
        free(block);
    }
    free(memory);
}

void *config_memory_take(struct config_memory *memory, size_t size)
{
    const size_t unit = alignof(max_align_t);
    size_t rounded = (size + unit - 1) / unit * unit;
    struct block *block = memory->newest;
    if (block == NULL || block->size - block->used < rounded) {
        size_t room = rounded > BLOCK_BYTES ? rounded : BLOCK_BYTES;
        block = memory_new(sizeof *block + room);
        block->size = room;
        block->next = memory->newest;
        memory->newest = block;
    }
    void *place = block->bytes + block->used;
    block->used += rounded;
    return place;
}

const char *config_memory_text(struct config_memory *memory, const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(config_memory_take(memory, size), text, size);
}
