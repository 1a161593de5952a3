/* text_set.h - distinct texts in order of first appearance, for the length of one fold: what sl_counts, sl_list and sl_map
 * are made of. Memory comes from the fold's arena. A zeroed struct is empty. Places in its table depend on the process's
 * secret (base/hash.h), the order of its items does not. */
#ifndef ENGINE_TEXT_SET_H
#define ENGINE_TEXT_SET_H

#include "engine/arena.h"

#include <shoplane/types.h>

struct text_set {
    sl_text *items;
    uint32_t count, capacity;
    uint32_t *slots; /* index + 1 of the item; only once there are more than a handful */
    uint32_t slot_count;
};

/* The index of `text`, or `count` if it is not there. */
uint32_t text_set_find(const struct text_set *set, sl_text text);

/* The index of `text`, added at the end if it is new. */
uint32_t text_set_add(struct text_set *set, struct arena *arena, sl_text text, bool *is_new);

#endif
