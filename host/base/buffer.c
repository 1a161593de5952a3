/* buffer.c - see buffer.h. */
#include "base/buffer.h"

#include "base/memory.h"

#include <stdarg.h>
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

void buffer_json_text(struct buffer *buffer, const char *data, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    buffer_byte(buffer, '"');
    size_t plain = 0; /* bytes before i that need no escape and are not copied yet */
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)data[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            plain++;
            continue;
        }
        buffer_put(buffer, data + i - plain, plain);
        plain = 0;
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
    buffer_put(buffer, data + size - plain, plain);
    buffer_byte(buffer, '"');
}
