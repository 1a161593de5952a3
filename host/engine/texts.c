/* texts.c - see texts.h. A long handle holds the text's address: 48 bits of the 56 there are. */
#include "engine/texts.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/text_handle.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_LEAST 1024 /* slots */

struct text {
    uint32_t hash; /* the low half: the table's position and most of a comparison */
    uint32_t holders;
    uint32_t size;
    char data[];
};

static struct text *of_handle(sl_text text) { return (struct text *)(uintptr_t)text_where(text); }

void texts_init(struct texts *texts, struct slab *slab)
{
    *texts = (struct texts){.slab = slab, .capacity = CAPACITY_LEAST};
    texts->slots = memory_new(texts->capacity * sizeof *texts->slots);
}

void texts_free(struct texts *texts)
{
    for (size_t i = 0; i < texts->capacity; i++)
        if (texts->slots[i] != NULL && sizeof(struct text) + texts->slots[i]->size > SLAB_LARGEST)
            slab_give(texts->slab, texts->slots[i], sizeof(struct text) + texts->slots[i]->size);
    free(texts->slots);
    texts->slots = NULL;
}

static void resize(struct texts *texts, size_t capacity)
{
    struct text **slots = memory_new(capacity * sizeof *slots);
    for (size_t i = 0; i < texts->capacity; i++) {
        struct text *text = texts->slots[i];
        if (text == NULL)
            continue;
        size_t at = text->hash & (capacity - 1);
        while (slots[at] != NULL)
            at = (at + 1) & (capacity - 1);
        slots[at] = text;
    }
    free(texts->slots);
    texts->slots = slots;
    texts->capacity = capacity;
}

size_t texts_growth(const struct texts *texts)
{
    return texts->count * 8 > texts->capacity * 6 ? 2 * texts->capacity * sizeof *texts->slots : 0;
}

void texts_fit(struct texts *texts)
{
    size_t capacity = texts->capacity;
    while (capacity > CAPACITY_LEAST && texts->count * 16 < capacity * 7)
        capacity /= 2;
    if (capacity * 2 < texts->capacity)
        resize(texts, capacity);
}

sl_text text_hold(struct texts *texts, const char *data, size_t size)
{
    if (size <= TEXT_INLINE_MAX)
        return text_inline(data, size);
    uint32_t hash = (uint32_t)hash_place(data, size);
    size_t at = hash & (texts->capacity - 1);
    for (; texts->slots[at] != NULL; at = (at + 1) & (texts->capacity - 1)) {
        struct text *text = texts->slots[at];
        if (text->hash == hash && text->size == size && memcmp(text->data, data, size) == 0) {
            text->holders++;
            return text_long((uintptr_t)text);
        }
    }
    struct text *text = slab_take(texts->slab, sizeof *text + size);
    assert((uintptr_t)text >> 56 == 0);
    *text = (struct text){.hash = hash, .holders = 1, .size = (uint32_t)size};
    memcpy(text->data, data, size);
    texts->slots[at] = text;
    if (++texts->count * 8 > texts->capacity * 7)
        resize(texts, texts->capacity * 2);
    return text_long((uintptr_t)text);
}

/* Close the hole at `hole`: every text behind it that would not be found across it moves up. */
static void remove_slot(struct texts *texts, size_t hole)
{
    size_t mask = texts->capacity - 1;
    for (size_t at = (hole + 1) & mask; texts->slots[at] != NULL; at = (at + 1) & mask) {
        size_t home = texts->slots[at]->hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            texts->slots[hole] = texts->slots[at];
            hole = at;
        }
    }
    texts->slots[hole] = NULL;
    texts->count--;
}

void text_drop(struct texts *texts, sl_text handle)
{
    if (!text_is_long(handle))
        return;
    struct text *text = of_handle(handle);
    assert(text->holders > 0);
    if (--text->holders > 0)
        return;
    size_t at = text->hash & (texts->capacity - 1);
    while (texts->slots[at] != text)
        at = (at + 1) & (texts->capacity - 1);
    remove_slot(texts, at);
    slab_give(texts->slab, text, sizeof *text + text->size);
}

sl_view text_view(const sl_text *text)
{
    if (!text_is_long(*text))
        return text_inline_view(text);
    const struct text *long_text = of_handle(*text);
    return (sl_view){long_text->data, long_text->size};
}
