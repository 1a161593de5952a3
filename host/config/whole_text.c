/* whole_text.c - see whole_text.h. */
#include "config/whole_text.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "config/file_text.h"
#include "config/token.h"

#include <stdlib.h>
#include <string.h>

#define DEEPEST  10 /* of libconfig */
#define WHOLE_MAX (16 * 1024 * 1024)

/* The file's name in an @include: between its quotes, \" and \\ undone; beside the configuration. */
static char *included_path(const struct token *token, const char *folder)
{
    const char *open = memchr(token->start, '"', token->size), *end = token->start + token->size - 1;
    char *name = memory_new((size_t)(end - open) + 1), *to = name;
    for (const char *at = open + 1; at < end; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
        *to++ = *at;
    }
    char *path = folder == NULL ? memory_text(name) : memory_format("%s/%s", folder, name);
    free(name);
    return path;
}

static bool put_file(struct buffer *out, const char *path, const char *folder, int depth, struct error *error)
{
    size_t size;
    char *text = file_text_read(path, &size, error);
    if (text == NULL)
        return false;
    bool good = depth <= DEEPEST && out->size + size <= WHOLE_MAX;
    if (!good) {
        error_what(error, "files that include each other, or too much text");
        error_found(error, "%s", path);
    }
    const char *from = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
    struct token_reader reader;
    token_reader_init(&reader, from, size - (size_t)(from - text));
    while (good) {
        struct token token = token_next(&reader);
        if (token.kind == TOKEN_END || token.kind == TOKEN_OPEN_TEXT || token.kind == TOKEN_OPEN_COMMENT)
            break;
        if (token.kind != TOKEN_INCLUDE)
            continue;
        char *include = included_path(&token, folder);
        buffer_put(out, from, (size_t)(token.start - from));
        good = put_file(out, include, folder, depth + 1, error);
        from = token.start + token.size;
        free(include);
    }
    buffer_put(out, from, size - (size_t)(from - text));
    buffer_byte(out, '\n');
    explicit_bzero(text, size);
    free(text);
    return good;
}

char *whole_text_read(const char *path, size_t *size, struct error *error)
{
    struct buffer out = {0};
    const char *slash = strrchr(path, '/');
    char *folder = slash == NULL ? NULL : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    bool good = put_file(&out, path, folder, 0, error);
    free(folder);
    if (!good) {
        if (out.size > 0)
            explicit_bzero(out.data, out.size);
        buffer_free(&out);
        return NULL;
    }
    *size = out.size;
    buffer_byte(&out, '\0');
    return out.data;
}
