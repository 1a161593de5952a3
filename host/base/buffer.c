/* buffer.c - see buffer.h. */
#include "base/buffer.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

void buffer_grow(struct buffer *buffer, size_t more)
{
    size_t capacity = buffer->capacity == 0 ? 256 : buffer->capacity * 2;
    if (capacity - buffer->size < more)
        capacity = buffer->size + more;
    buffer->data = memory_resize(buffer->data, capacity);
    buffer->capacity = capacity;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    memset(buffer, 0, sizeof *buffer);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (size > 0) {
        /* vsnprintf wants room for its zero, which does not stay */
        (void)vsnprintf(buffer_add(buffer, (size_t)size + 1), (size_t)size + 1, format, again);
        buffer->size--;
    }
    va_end(again);
}

/* Do these eight bytes stand for themselves in a JSON text: none below 0x20, no quote, no backslash? */
static bool eight_plain(const char *data)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t bytes;
    memcpy(&bytes, data, sizeof bytes);
    uint64_t quotes = bytes ^ ones * '"', backslashes = bytes ^ ones * '\\';
    uint64_t found = ((bytes - ones * 0x20) & ~bytes) | ((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes);
    return (found & tops) == 0;
}

/* How many bytes at the begin stand for themselves. */
static size_t plain_run(const char *data, size_t size)
{
    size_t run = 0;
    while (size - run >= 8 && eight_plain(data + run))
        run += 8;
    if (size >= 8 && size - run < 8 && eight_plain(data + size - 8))
        return size;
    for (; run < size; run++) {
        unsigned char byte = (unsigned char)data[run];
        if (byte < 0x20 || byte == '"' || byte == '\\')
            break;
    }
    return run;
}

static void put_escaped(struct buffer *buffer, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    switch (byte) {
    case '"': buffer_literal(buffer, "\\\""); break;
    case '\\': buffer_literal(buffer, "\\\\"); break;
    case '\n': buffer_literal(buffer, "\\n"); break;
    case '\r': buffer_literal(buffer, "\\r"); break;
    case '\t': buffer_literal(buffer, "\\t"); break;
    default: {
        char escape[6] = {'\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15]};
        buffer_put(buffer, escape, sizeof escape);
    }
    }
}

void buffer_json_text(struct buffer *buffer, const char *data, size_t size)
{
    buffer_byte(buffer, '"');
    for (size_t at = 0; at < size;) {
        size_t run = plain_run(data + at, size - at);
        buffer_put(buffer, data + at, run);
        at += run;
        if (at < size)
            put_escaped(buffer, (unsigned char)data[at++]);
    }
    buffer_byte(buffer, '"');
}
