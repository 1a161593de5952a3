/* nobody.c - see nobody.h. */
#include "snowplow/nobody.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static char lower(char byte) { return byte >= 'A' && byte <= 'Z' ? (char)(byte + ('a' - 'A')) : byte; }

void nobody_init(struct nobody *nobody, const char *const *ids, size_t count)
{
    *nobody = (struct nobody){.ids = memory_new((count + 1) * sizeof *nobody->ids), .count = count};
    for (size_t i = 0; i < count; i++) {
        char *id = memory_text(ids[i]);
        size_t size = strlen(id);
        for (char *at = id; *at != '\0'; at++)
            *at = lower(*at);
        nobody->ids[i] = (sl_view){id, size};
        nobody->sizes |= UINT64_C(1) << (size < 63 ? size : 63);
        nobody->firsts |= UINT64_C(1) << (*id & 63);
        if (*id >= 'a' && *id <= 'z')
            nobody->firsts |= UINT64_C(1) << ((*id - ('a' - 'A')) & 63);
    }
}

void nobody_free(struct nobody *nobody)
{
    for (size_t i = 0; i < nobody->count; i++)
        free((void *)(uintptr_t)nobody->ids[i].data);
    free(nobody->ids);
}

static bool same(sl_view listed, sl_view id)
{
    if (listed.size != id.size)
        return false;
    for (size_t i = 0; i < id.size; i++)
        if (listed.data[i] != lower(id.data[i]))
            return false;
    return true;
}

bool nobody_listed(const struct nobody *nobody, sl_view id)
{
    for (size_t i = 0; i < nobody->count; i++)
        if (same(nobody->ids[i], id))
            return true;
    return false;
}
