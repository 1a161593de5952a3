/* buffer.h - bytes that grow. Owned by whoever declares it; a zeroed struct is empty; reset keeps the memory. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
    char *data;
    size_t size, capacity;
};

void buffer_grow(struct buffer *buffer, size_t more); /* room for `more` bytes beyond size */
void buffer_free(struct buffer *buffer);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_json_text(struct buffer *buffer, const char *data, size_t size); /* quoted and escaped; data is UTF-8 */

static inline void buffer_reset(struct buffer *buffer) { buffer->size = 0; }

/* Room for `size` bytes at the end, which are then part of the buffer: to be filled by the caller. */
static inline char *buffer_add(struct buffer *buffer, size_t size)
{
    if (buffer->capacity - buffer->size < size)
        buffer_grow(buffer, size);
    char *place = buffer->data + buffer->size;
    buffer->size += size;
    return place;
}
static inline void buffer_put(struct buffer *buffer, const void *data, size_t size)
{
    if (size != 0)
        memcpy(buffer_add(buffer, size), data, size);
}
static inline void buffer_byte(struct buffer *buffer, char byte) { *buffer_add(buffer, 1) = byte; }

/* A literal: buffer_literal(out, "{}"). */
#define buffer_literal(buffer, literal) buffer_put((buffer), (literal), sizeof(literal) - 1)

#endif
