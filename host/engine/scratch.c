/* scratch.c - see scratch.h and <shoplane/scratch.h>. */
#include "engine/scratch.h"

#include "base/text_handle.h"
#include "snowplow/made_text.h"

#include <string.h>

struct made_text {
    sl_text text;
    struct made_text *next;
};

struct sl_map {
    struct text_set keys;
    void **items;
    uint32_t capacity;
};

static struct arena *arena_of(sl_scratch *scratch) { return &((struct scratch *)(void *)scratch)->arena; }

/* Room for the item beside a key that was just added: an array that grows with its set of keys. */
static void *follow(struct arena *arena, void *items, uint32_t *capacity, const struct text_set *keys, size_t size)
{
    if (*capacity == keys->capacity)
        return items;
    void *larger = arena_take(arena, keys->capacity * size);
    if (*capacity > 0)
        memcpy(larger, items, *capacity * size);
    *capacity = keys->capacity;
    return larger;
}

static void *alloc(sl_scratch *scratch, size_t size) { return arena_take(arena_of(scratch), size); }

static sl_view view(const sl_scratch *scratch, const sl_text *text)
{
    (void)scratch;
    return text_view(text);
}

/* One more holder of the worker's text, until the fold is over: so it has the handle that records have of the same text. */
static sl_text text_make(sl_scratch *base, sl_view bytes)
{
    struct scratch *scratch = (struct scratch *)(void *)base;
    if (!made_text_good(bytes))
        bytes = made_text_repaired(bytes, arena_take(&scratch->arena, made_text_room(bytes)));
    if (bytes.size == 0)
        return (sl_text){0};
    sl_text text = text_hold(scratch->texts, bytes.data, bytes.size);
    if (!text_is_long(text))
        return text;
    struct made_text *made = arena_take(&scratch->arena, sizeof *made);
    *made = (struct made_text){text, scratch->made};
    scratch->made = made;
    return text;
}

static void drop_made(struct scratch *scratch)
{
    for (; scratch->made != NULL; scratch->made = scratch->made->next)
        text_drop(scratch->texts, scratch->made->text);
}

static int64_t counts_add(sl_scratch *scratch, sl_counts **counts, sl_text key, int64_t by)
{
    struct arena *arena = arena_of(scratch);
    if (*counts == NULL)
        *counts = arena_take(arena, sizeof **counts);
    bool is_new;
    uint32_t index = text_set_add(&(*counts)->keys, arena, key, &is_new);
    (*counts)->counts = follow(arena, (*counts)->counts, &(*counts)->capacity, &(*counts)->keys, sizeof(struct count));
    struct count *count = &(*counts)->counts[index];
    count->last = ++(*counts)->additions;
    return count->count += by;
}

static int64_t counts_size(const sl_counts *counts) { return counts == NULL ? 0 : counts->keys.count; }

static int64_t counts_of(const sl_counts *counts, sl_text key)
{
    if (counts == NULL)
        return 0;
    uint32_t index = text_set_find(&counts->keys, key);
    return index < counts->keys.count ? counts->counts[index].count : 0;
}

static int64_t counts_item(const sl_counts *counts, int64_t index, sl_text *key)
{
    bool there = index >= 0 && index < counts_size(counts);
    *key = there ? counts->keys.items[index] : (sl_text){0};
    return there ? counts->counts[index].count : 0;
}

static sl_text counts_top(const sl_counts *counts)
{
    if (counts == NULL)
        return (sl_text){0};
    uint32_t top = 0;
    for (uint32_t i = 1; i < counts->keys.count; i++) {
        const struct count *a = &counts->counts[i], *b = &counts->counts[top];
        if (a->count > b->count || (a->count == b->count && a->last > b->last))
            top = i;
    }
    return counts->keys.items[top];
}

static bool list_add(sl_scratch *scratch, sl_list **list, sl_text item)
{
    if (sl_text_empty(item))
        return false;
    struct arena *arena = arena_of(scratch);
    if (*list == NULL)
        *list = arena_take(arena, sizeof **list);
    bool is_new;
    (void)text_set_add(&(*list)->items, arena, item, &is_new);
    return is_new;
}

static int64_t list_size(const sl_list *list) { return list == NULL ? 0 : list->items.count; }

static sl_text list_item(const sl_list *list, int64_t index)
{
    return index < 0 || index >= list_size(list) ? (sl_text){0} : list->items.items[index];
}

static void *map_at(sl_scratch *scratch, sl_map **map, sl_text key, size_t size)
{
    struct arena *arena = arena_of(scratch);
    if (*map == NULL)
        *map = arena_take(arena, sizeof **map);
    bool is_new;
    uint32_t index = text_set_add(&(*map)->keys, arena, key, &is_new);
    (*map)->items = follow(arena, (*map)->items, &(*map)->capacity, &(*map)->keys, sizeof(void *));
    if (is_new)
        (*map)->items[index] = arena_take(arena, size);
    return (*map)->items[index];
}

static int64_t map_size(const sl_map *map) { return map == NULL ? 0 : map->keys.count; }

static void *map_item(const sl_map *map, int64_t index)
{
    return index < 0 || index >= map_size(map) ? NULL : map->items[index];
}

static sl_text map_key(const sl_map *map, int64_t index)
{
    return index < 0 || index >= map_size(map) ? (sl_text){0} : map->keys.items[index];
}

static const sl_scratch_table table = {
    .struct_size = sizeof(sl_scratch_table),
    .alloc = alloc,
    .text_view = view,
    .counts_add = counts_add,
    .counts_size = counts_size,
    .counts_top = counts_top,
    .list_add = list_add,
    .list_size = list_size,
    .map_at = map_at,
    .map_size = map_size,
    .map_item = map_item,
    .text_make = text_make,
    .counts_of = counts_of,
    .counts_item = counts_item,
    .list_item = list_item,
    .map_key = map_key,
};

void scratch_init(struct scratch *scratch, struct texts *texts)
{
    *scratch = (struct scratch){.base = {.table = &table}, .texts = texts};
}

void scratch_reset(struct scratch *scratch)
{
    drop_made(scratch);
    arena_reset(&scratch->arena);
}

void scratch_free(struct scratch *scratch)
{
    drop_made(scratch);
    arena_free(&scratch->arena);
}
