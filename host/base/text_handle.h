/* text_handle.h - how a text fits into the 8 bytes of an sl_text.
 *
 * The top byte is the tag. 0...7: that many bytes of text, in the low bytes, first byte lowest (a product id, "web",
 * "NL-NH" cost nothing to keep); the empty text is all zero. TEXT_LONG: the other 56 bits say where the bytes are, in
 * terms of whoever made the handle (a reader's current event, an entry of a batch, a worker's interned texts). A text of up
 * to 7 bytes is always stored inline, so equal handles of one maker mean equal text. */
#ifndef BASE_TEXT_HANDLE_H
#define BASE_TEXT_HANDLE_H

#include <shoplane/types.h>

#include <string.h>

#define TEXT_INLINE_MAX 7
#define TEXT_LONG 0xffu

static inline bool text_is_long(sl_text text) { return text.handle >> 56 == TEXT_LONG; }

static inline sl_text text_inline(const char *data, size_t size)
{
    uint64_t handle = 0;
    memcpy(&handle, data, size); /* little-endian: CMakeLists.txt refuses other machines */
    return (sl_text){handle | (uint64_t)size << 56};
}

static inline sl_text text_long(uint64_t where) { return (sl_text){(uint64_t)TEXT_LONG << 56 | where}; }
static inline uint64_t text_where(sl_text text) { return text.handle & 0x00ffffffffffffffu; }

/* The bytes of an inline text; points into *text. */
static inline sl_view text_inline_view(const sl_text *text)
{
    return (sl_view){(const char *)text, (size_t)(text->handle >> 56)};
}

#endif
