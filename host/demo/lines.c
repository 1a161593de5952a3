/* lines.c - see lines.h. */
#include "demo/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

bool lines_open(struct lines *lines, const char *path)
{
    memset(lines, 0, sizeof *lines);
    lines->file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    return lines->file >= 0;
}

static void fill(struct lines *lines)
{
    struct buffer *buffer = &lines->buffer;
    if (lines->at != 0) {
        memmove(buffer->data, buffer->data + lines->at, buffer->size - lines->at);
        buffer->size -= lines->at;
        lines->at = 0;
    }
    if (buffer->capacity - buffer->size < CHUNK)
        buffer_grow(buffer, CHUNK);
    ssize_t count;
    do {
        count = read(lines->file, buffer->data + buffer->size, CHUNK);
    } while (count < 0 && errno == EINTR);
    lines->failed = count < 0;
    lines->ended = count <= 0;
    buffer->size += count < 0 ? 0 : (size_t)count;
}

bool lines_next(struct lines *lines, struct bytes *line)
{
    size_t searched = 0; /* bytes behind `at` that hold no newline */
    for (;;) {
        size_t rest = lines->buffer.size - lines->at;
        const char *start = rest == 0 ? "" : lines->buffer.data + lines->at;
        const char *newline = rest == searched ? NULL : memchr(start + searched, '\n', rest - searched);
        if (newline == NULL && !lines->ended) {
            searched = rest;
            fill(lines);
            continue;
        }
        if (newline == NULL && rest == 0)
            return false;
        *line = (struct bytes){start, newline == NULL ? rest : (size_t)(newline - start)};
        lines->at += line->size + (newline != NULL);
        return true;
    }
}

bool lines_rewind(struct lines *lines)
{
    buffer_reset(&lines->buffer);
    lines->at = 0;
    lines->ended = false;
    return lseek(lines->file, 0, SEEK_SET) == 0;
}

void lines_close(struct lines *lines)
{
    buffer_free(&lines->buffer);
    if (lines->file != STDIN_FILENO)
        (void)close(lines->file);
}
