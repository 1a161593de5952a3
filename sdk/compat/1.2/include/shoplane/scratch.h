/* scratch.h - memory and collections for the length of one fold.
 *
 * Everything here is zeroed when made, belongs to the fold, and is gone when it ends: nothing is freed by a plugin, nothing
 * may be kept. Collections start as NULL in the aggregate and are made by their first `add`. They never fail: when
 * memory runs out the host ends the fold, not the plugin. A scratch is used by one thread at a time. */
#ifndef SHOPLANE_SCRATCH_H
#define SHOPLANE_SCRATCH_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct sl_scratch sl_scratch;
typedef struct sl_counts sl_counts; /* a map text -> count, which remembers who was counted last */
typedef struct sl_list sl_list;     /* distinct texts in order of their first appearance */
typedef struct sl_map sl_map;       /* a map text -> a struct of the plugin's own */

/* The least and the greatest of some numbers, as part of an aggregate; both 0 before the first. Needs no scratch. */
typedef struct sl_range {
    int64_t min, max;
    bool any;
} sl_range;

typedef struct sl_scratch_table {
    uint32_t struct_size;
    void *(*alloc)(sl_scratch *scratch, size_t size);
    sl_view (*text_view)(const sl_scratch *scratch, const sl_text *text);
    int64_t (*counts_add)(sl_scratch *scratch, sl_counts **counts, sl_text key, int64_t by);
    int64_t (*counts_size)(const sl_counts *counts);
    sl_text (*counts_top)(const sl_counts *counts);
    bool (*list_add)(sl_scratch *scratch, sl_list **list, sl_text item);
    int64_t (*list_size)(const sl_list *list);
    void *(*map_at)(sl_scratch *scratch, sl_map **map, sl_text key, size_t size);
    int64_t (*map_size)(const sl_map *map);
    void *(*map_item)(const sl_map *map, int64_t index);
} sl_scratch_table;

struct sl_scratch {
    const sl_scratch_table *table;
};

/* Zeroed memory, aligned for any type. */
static inline void *sl_alloc(sl_scratch *scratch, size_t size) { return scratch->table->alloc(scratch, size); }

/* The bytes of a text, valid as long as `*text` stays where it is and the fold lasts: short texts live inside their
 * handle, which is why this takes a pointer. */
static inline sl_view sl_text_view(const sl_scratch *scratch, const sl_text *text)
{
    return scratch->table->text_view(scratch, text);
}

/* Add `by` to the count of `key`; returns its new count, so `== by` means it is new. The empty text is a key as any. */
static inline int64_t sl_counts_add(sl_scratch *scratch, sl_counts **counts, sl_text key, int64_t by)
{
    return scratch->table->counts_add(scratch, counts, key, by);
}
/* How many distinct keys; 0 for NULL. */
static inline int64_t sl_counts_size(const sl_scratch *scratch, const sl_counts *counts)
{
    return scratch->table->counts_size(counts);
}
/* The key with the highest count; among equals the one that was added to last. Empty for NULL. */
static inline sl_text sl_counts_top(const sl_scratch *scratch, const sl_counts *counts)
{
    return scratch->table->counts_top(counts);
}

static inline void sl_range_add(sl_range *range, int64_t number)
{
    if (!range->any || number < range->min)
        range->min = number;
    if (!range->any || number > range->max)
        range->max = number;
    range->any = true;
}

/* Append `item` unless it is already there (true: it was new) or empty (false). */
static inline bool sl_list_add(sl_scratch *scratch, sl_list **list, sl_text item)
{
    return scratch->table->list_add(scratch, list, item);
}
static inline int64_t sl_list_size(const sl_scratch *scratch, const sl_list *list)
{
    return scratch->table->list_size(list);
}

/* The struct of `size` bytes that belongs to `key`, zeroed when it is new. It does not move. One size a map. */
static inline void *sl_map_at(sl_scratch *scratch, sl_map **map, sl_text key, size_t size)
{
    return scratch->table->map_at(scratch, map, key, size);
}
/* Walk a map: sl_map_item(scratch, map, 0) ... sl_map_item(scratch, map, sl_map_size(scratch, map) - 1), in order of
 * first appearance. */
static inline int64_t sl_map_size(const sl_scratch *scratch, const sl_map *map) { return scratch->table->map_size(map); }
static inline void *sl_map_item(const sl_scratch *scratch, const sl_map *map, int64_t index)
{
    return scratch->table->map_item(map, index);
}

#ifdef __cplusplus
}
#endif
#endif
