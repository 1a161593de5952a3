/* key_table.c - see key_table.h. */
#include "engine/key_table.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_LEAST 1024 /* slots */
#define ADDRESS_BITS   48
#define ADDRESS_MASK   (((uint64_t)1 << ADDRESS_BITS) - 1)

static struct log *log_of(uint64_t slot) { return (struct log *)(uintptr_t)(slot & ADDRESS_MASK); }
static uint64_t slot_of(struct log *log)
{
    assert(((uintptr_t)log & ~ADDRESS_MASK) == 0);
    return (uint64_t)(uintptr_t)log | (uint64_t)log->tag << ADDRESS_BITS;
}

void key_table_init(struct key_table *table)
{
    *table = (struct key_table){.capacity = CAPACITY_LEAST};
    table->slots = memory_new(table->capacity * sizeof *table->slots);
}

void key_table_free(struct key_table *table) { free(table->slots); }

const struct log *key_table_guess(const struct key_table *table, uint64_t hash)
{
    uint64_t slot = table->slots[hash & (table->capacity - 1)];
    return slot == 0 ? NULL : log_of(slot);
}

struct log *key_table_find(const struct key_table *table, uint64_t hash, sl_view key)
{
    size_t mask = table->capacity - 1;
    for (size_t at = hash & mask; table->slots[at] != 0; at = (at + 1) & mask) {
        if ((table->slots[at] & ~ADDRESS_MASK) != (hash & ~ADDRESS_MASK))
            continue;
        struct log *log = log_of(table->slots[at]);
        if (log->hash != (uint32_t)hash)
            continue;
        sl_view kept = text_view(&log->key);
        if (kept.size == key.size && memcmp(kept.data, key.data, key.size) == 0)
            return log;
    }
    return NULL;
}

static void put(uint64_t *slots, size_t capacity, struct log *log)
{
    size_t at = log->hash & (capacity - 1);
    while (slots[at] != 0)
        at = (at + 1) & (capacity - 1);
    slots[at] = slot_of(log);
}

static void resize(struct key_table *table, size_t capacity)
{
    uint64_t *slots = memory_new(capacity * sizeof *slots);
    for (size_t i = 0; i < table->capacity; i++)
        if (table->slots[i] != 0)
            put(slots, capacity, log_of(table->slots[i]));
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
}

size_t key_table_growth(const struct key_table *table)
{
    return (table->count + 1) * 8 > table->capacity * 7 ? 2 * table->capacity * sizeof *table->slots : 0;
}

void key_table_fit(struct key_table *table)
{
    size_t capacity = table->capacity;
    while (capacity > CAPACITY_LEAST && table->count * 16 < capacity * 7)
        capacity /= 2;
    if (capacity * 2 < table->capacity)
        resize(table, capacity);
}

void key_table_add(struct key_table *table, struct log *log)
{
    if (key_table_growth(table) > 0)
        resize(table, table->capacity * 2);
    put(table->slots, table->capacity, log);
    table->count++;
}

void key_table_remove(struct key_table *table, struct log *log)
{
    size_t mask = table->capacity - 1, hole = log->hash & mask;
    while (table->slots[hole] != slot_of(log))
        hole = (hole + 1) & mask;
    for (size_t at = (hole + 1) & mask; table->slots[at] != 0; at = (at + 1) & mask) {
        size_t home = log_of(table->slots[at])->hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            table->slots[hole] = table->slots[at];
            hole = at;
        }
    }
    table->slots[hole] = 0;
    table->count--;
}

struct log *key_table_next(const struct key_table *table, size_t *at)
{
    while (*at < table->capacity) {
        uint64_t slot = table->slots[(*at)++];
        if (slot != 0)
            return log_of(slot);
    }
    return NULL;
}
