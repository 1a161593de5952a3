/* text_set.c - see text_set.h. */
#include "engine/text_set.h"

#include "base/hash.h"

#include <string.h>

#define SCAN_MAX 12u

static uint32_t position(sl_text text, uint32_t mask) { return (uint32_t)hash_place_number(text.handle) & mask; }

/* The slot that holds `text`, or the empty one where it would go. */
static uint32_t find_slot(const struct text_set *set, sl_text text)
{
    uint32_t mask = set->slot_count - 1, at = position(text, mask);
    while (set->slots[at] != 0 && !sl_text_same(set->items[set->slots[at] - 1], text))
        at = (at + 1) & mask;
    return at;
}

static void index_items(struct text_set *set, struct arena *arena)
{
    set->slot_count = 64;
    while (set->slot_count < set->capacity * 2)
        set->slot_count *= 2;
    set->slots = arena_take(arena, set->slot_count * sizeof *set->slots);
    for (uint32_t i = 0; i < set->count; i++)
        set->slots[find_slot(set, set->items[i])] = i + 1;
}

static void grow(struct text_set *set, struct arena *arena)
{
    uint32_t capacity = set->capacity == 0 ? 8 : set->capacity * 2;
    sl_text *items = arena_take(arena, capacity * sizeof *items);
    if (set->count > 0)
        memcpy(items, set->items, set->count * sizeof *items);
    set->items = items;
    set->capacity = capacity;
    if (capacity > SCAN_MAX)
        index_items(set, arena);
}

uint32_t text_set_find(const struct text_set *set, sl_text text)
{
    if (set->slots == NULL) {
        uint32_t at = 0;
        while (at < set->count && !sl_text_same(set->items[at], text))
            at++;
        return at;
    }
    uint32_t slot = set->slots[find_slot(set, text)];
    return slot != 0 ? slot - 1 : set->count;
}

uint32_t text_set_add(struct text_set *set, struct arena *arena, sl_text text, bool *is_new)
{
    uint32_t found = text_set_find(set, text);
    *is_new = found == set->count;
    if (!*is_new)
        return found;
    if (set->count == set->capacity)
        grow(set, arena);
    if (set->slots != NULL)
        set->slots[find_slot(set, text)] = set->count + 1;
    set->items[set->count] = text;
    return set->count++;
}
