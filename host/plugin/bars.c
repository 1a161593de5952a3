/* bars.c - see bars.h. There are a handful: they are looked through. */
#include "plugin/bars.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

void message_bars_add(struct message_bars *bars, struct message_bar bar)
{
    bars->items = memory_resize(bars->items, (bars->count + 1) * sizeof *bars->items);
    bars->items[bars->count++] = bar;
}

const struct message_bar *message_bars_find(const struct message_bars *bars, int32_t partition, int64_t offset)
{
    for (size_t i = 0; i < bars->count; i++)
        if (bars->items[i].offset == offset && bars->items[i].partition == partition)
            return &bars->items[i];
    return NULL;
}

void message_bars_free(struct message_bars *bars)
{
    free(bars->items);
    *bars = (struct message_bars){0};
}

void key_bars_add(struct key_bars *bars, sl_view key)
{
    char *copy = memory_new(key.size + 1);
    memcpy(copy, key.data, key.size);
    bars->keys = memory_resize(bars->keys, (bars->count + 1) * sizeof *bars->keys);
    bars->keys[bars->count++] = (sl_view){copy, key.size};
}

bool key_bars_find(const struct key_bars *bars, sl_view key)
{
    for (size_t i = 0; i < bars->count; i++)
        if (bars->keys[i].size == key.size && memcmp(bars->keys[i].data, key.data, key.size) == 0)
            return true;
    return false;
}

void key_bars_free(struct key_bars *bars)
{
    for (size_t i = 0; i < bars->count; i++)
        free((void *)(uintptr_t)bars->keys[i].data);
    free(bars->keys);
    *bars = (struct key_bars){0};
}
