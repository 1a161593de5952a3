/* id_index.c - see id_index.h. Open addressing, at most half full. Id 0 is kept beside the slots. */
#include "engine/id_index.h"

#include "base/hash.h"

#include <string.h>

struct id_index {
    size_t capacity, count;
    bool has_zero;
    uint64_t slots[];
};

static size_t bytes(size_t capacity) { return sizeof(struct id_index) + capacity * sizeof(uint64_t); }

static struct id_index *of_capacity(struct slab *slab, size_t capacity)
{
    struct id_index *index = slab_take(slab, bytes(capacity));
    memset(index, 0, bytes(capacity));
    index->capacity = capacity;
    return index;
}

struct id_index *id_index_new(struct slab *slab, size_t expected)
{
    size_t capacity = 64;
    while (capacity < expected * 2)
        capacity *= 2;
    return of_capacity(slab, capacity);
}

void id_index_free(struct id_index *index, struct slab *slab)
{
    if (index != NULL)
        slab_give(slab, index, bytes(index->capacity));
}

/* Where the search for an id begins. */
static size_t home(const struct id_index *index, uint64_t id) { return hash_place_number(id) & (index->capacity - 1); }

static size_t find(const struct id_index *index, uint64_t id)
{
    size_t at = home(index, id);
    while (index->slots[at] != 0 && index->slots[at] != id)
        at = (at + 1) & (index->capacity - 1);
    return at;
}

bool id_index_has(const struct id_index *index, uint64_t id)
{
    return id == 0 ? index->has_zero : index->slots[find(index, id)] == id;
}

struct id_index *id_index_add(struct id_index *index, struct slab *slab, uint64_t id)
{
    if (id == 0) {
        index->has_zero = true;
        return index;
    }
    if ((index->count + 1) * 2 > index->capacity) {
        struct id_index *larger = of_capacity(slab, index->capacity * 2);
        larger->has_zero = index->has_zero;
        larger->count = index->count;
        for (size_t i = 0; i < index->capacity; i++)
            if (index->slots[i] != 0)
                larger->slots[find(larger, index->slots[i])] = index->slots[i];
        id_index_free(index, slab);
        index = larger;
    }
    size_t at = find(index, id);
    if (index->slots[at] == 0) {
        index->slots[at] = id;
        index->count++;
    }
    return index;
}

void id_index_remove(struct id_index *index, uint64_t id)
{
    if (id == 0) {
        index->has_zero = false;
        return;
    }
    size_t mask = index->capacity - 1, hole = find(index, id);
    if (index->slots[hole] == 0)
        return;
    for (size_t at = (hole + 1) & mask; index->slots[at] != 0; at = (at + 1) & mask) {
        if (((at - home(index, index->slots[at])) & mask) >= ((at - hole) & mask)) {
            index->slots[hole] = index->slots[at];
            hole = at;
        }
    }
    index->slots[hole] = 0;
    index->count--;
}
