/* texts.h - a worker's interned texts: one copy of each, counted by those who hold it.
 *
 * Texts of up to 7 bytes live in their handle (base/text_handle.h) and are not here at all. Equal text, equal handle: what a
 * fold compares is 8 bytes. Touched by its worker's thread only. */
#ifndef ENGINE_TEXTS_H
#define ENGINE_TEXTS_H

#include "engine/slab.h"

#include <shoplane/types.h>

struct text; /* one interned text */

struct texts {
    struct slab *slab;
    struct text **slots; /* open addressing, power of two */
    size_t capacity, count;
};

void texts_init(struct texts *texts, struct slab *slab);
void texts_free(struct texts *texts); /* the table; the texts go with the slab */

/* The handle of this text; the caller holds it once more and gives it back with text_drop. */
sl_text text_hold(struct texts *texts, const char *data, size_t size);
void text_drop(struct texts *texts, sl_text text);

/* Bytes that the table may allocate soon, beside what it has until then: it is nearly full. And: smaller, if it could have a
 * quarter of its size and room to spare. */
size_t texts_growth(const struct texts *texts);
void texts_fit(struct texts *texts);

/* The bytes; *text must stay put while they are looked at. */
sl_view text_view(const sl_text *text);

#endif
