/* whole_text.c - see whole_text.h. Each piece of a file begins a new line of the whole text, so that a line comes from one file;
 * what stands behind an @include on its line is a line of its own there. */
#include "config/whole_text.h"

#include "base/memory.h"
#include "config/file_text.h"
#include "config/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST    10
#define WHOLE_MAX  (16 * 1024 * 1024)
#define NAME_SHOWN 80

/* A file that is being put in, and which one includes it. */
struct including {
    const struct including *by;
    const char *path;
    int depth;
};

struct making {
    struct whole_text *whole;
    const char *folder;
    struct config_memory *memory;
};

static struct error *fault(struct making *making, const char *file, int line)
{
    struct whole_text *whole = making->whole;
    if (whole->fault_count == whole->fault_capacity) {
        whole->fault_capacity = whole->fault_capacity == 0 ? 4 : whole->fault_capacity * 2;
        whole->faults = memory_resize(whole->faults, whole->fault_capacity * sizeof *whole->faults);
    }
    struct whole_text_fault *made = &whole->faults[whole->fault_count++];
    *made = (struct whole_text_fault){.place = {file, line}};
    return &made->error;
}

static void put_line(struct whole_text *whole, const char *file, int line)
{
    if (whole->line_count == whole->line_capacity) {
        whole->line_capacity = whole->line_capacity == 0 ? 256 : whole->line_capacity * 2;
        whole->lines = memory_resize(whole->lines, whole->line_capacity * sizeof *whole->lines);
    }
    whole->lines[whole->line_count++] = (struct config_place){file, line};
}

/* A part of a file, which begins in its line `line`. */
static void put_piece(struct whole_text *whole, const char *from, const char *to, const char *file, int line)
{
    while (from < to) {
        const char *end = memchr(from, '\n', (size_t)(to - from));
        put_line(whole, file, line++);
        buffer_put(&whole->text, from, (size_t)((end == NULL ? to : end) - from));
        buffer_byte(&whole->text, '\n');
        from = end == NULL ? to : end + 1;
    }
}

/* What the @include names: between its quotes, \" and \\ undone. To be freed. */
static char *included_name(const struct token *token)
{
    const char *open = memchr(token->start, '"', token->size), *end = token->start + token->size - 1;
    char *name = memory_new((size_t)(end - open) + 1), *to = name;
    for (const char *at = open + 1; at < end; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
        *to++ = *at;
    }
    return name;
}

static bool includes_itself(const struct including *by, const char *path)
{
    for (; by != NULL; by = by->by)
        if (strcmp(by->path, path) == 0)
            return true;
    return false;
}

static void put_text(struct making *making, const struct including *file, const char *text, size_t size);

static void put_included(struct making *making, const struct including *by, const struct token *token)
{
    struct error why = {0};
    struct error *error;
    size_t size = 0;
    char *name = included_name(token);
    char *joined = making->folder == NULL || name[0] == '/' ? memory_text(name) : memory_format("%s/%s", making->folder, name);
    struct including file = {.by = by, .path = config_memory_text(making->memory, joined), .depth = by->depth + 1};
    char *text = NULL;
    bool good = false;
    if (name[0] == '\0') {
        error_what(&why, "it names no file");
        error_advice(&why, "name a file: @include \"lanes.conf\"");
    } else if (includes_itself(by, file.path)) {
        error_what(&why, "files that include each other");
    } else if (file.depth > DEEPEST) {
        error_what(&why, "files that include files, more than %d deep", DEEPEST);
    } else if ((text = file_text_read(file.path, &size, &why)) != NULL) {
        good = making->whole->text.size + size <= WHOLE_MAX;
        error_what(&why, "more than %d MB of text", WHOLE_MAX >> 20);
    }
    if (good) {
        put_text(making, &file, text, size);
    } else {
        error = fault(making, by->path, token->line);
        error_what(error, "%s can't be read: its @include can't be followed: %s", by->path, why.what);
        error_found(error, "%s:%d: @include \"%.*s\"%s%s", by->path, token->line, NAME_SHOWN, name,
                    strcmp(joined, name) == 0 ? "" : ", which is ", strcmp(joined, name) == 0 ? "" : joined);
        error_advice(error, "%s", why.advice[0] == '\0' ? "leave one of them out" : why.advice);
    }
    if (text != NULL)
        explicit_bzero(text, size);
    free(text);
    free(joined);
    free(name);
}

/* A comment or a text that is not closed would swallow what comes behind the @include. */
static void refuse_open(struct making *making, const struct including *file, const struct token *token)
{
    bool comment = token->kind == TOKEN_OPEN_COMMENT;
    struct error *error = fault(making, file->path, token->line);
    error_what(error, "%s can't be read: syntax error", file->path);
    error_found(error, "%s:%d: a %s begins here that is never closed", file->path, token->line, comment ? "comment" : "text");
    error_advice(error, "%s", comment ? "end it with */, or begin each of its lines with #" : "end it with \" on this line");
}

static void put_text(struct making *making, const struct including *file, const char *text, size_t size)
{
    const char *end = text + size;
    const char *from = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text; /* a byte order mark, as some editors write */
    struct token_reader reader;
    int line = 1;
    token_reader_init(&reader, from, (size_t)(end - from));
    reader.includes = true;
    for (;;) {
        struct token token = token_next(&reader);
        if (token.kind == TOKEN_INCLUDE) {
            const char *begin = token.start;
            while (begin > from && begin[-1] != '\n')
                begin--;
            put_piece(making->whole, from, begin, file->path, line);
            put_included(making, file, &token);
            from = token.start + token.size;
            line = reader.line;
        } else if (token.kind == TOKEN_OPEN_TEXT || token.kind == TOKEN_OPEN_COMMENT) {
            if (file->by != NULL)
                refuse_open(making, file, &token);
            break;
        } else if (token.kind == TOKEN_END) {
            break;
        }
    }
    put_piece(making->whole, from, end, file->path, line);
}

bool whole_text_make(struct whole_text *whole, const char *text, size_t size, const char *path, const char *folder,
                     struct config_memory *memory)
{
    struct making making = {.whole = whole, .folder = folder, .memory = memory};
    *whole = (struct whole_text){0};
    put_text(&making, &(struct including){.path = config_memory_text(memory, path)}, text, size);
    if (whole->line_count == 0) { /* nothing is one empty line */
        static const char end[] = "\n";
        put_piece(whole, end, end + 1, config_memory_text(memory, path), 1);
    }
    buffer_byte(&whole->text, '\0');
    whole->text.size--;
    return whole->fault_count == 0;
}

void whole_text_free(struct whole_text *whole)
{
    if (whole->text.data != NULL)
        explicit_bzero(whole->text.data, whole->text.size);
    buffer_free(&whole->text);
    free(whole->lines);
    free(whole->faults);
    *whole = (struct whole_text){0};
}

struct config_place whole_text_place(const struct whole_text *whole, int line)
{
    size_t index = line < 1 ? 0 : (size_t)line - 1;
    return whole->lines[index < whole->line_count ? index : whole->line_count - 1];
}

char *whole_text_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? NULL : strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

char *whole_text_read(const char *path, size_t *size, struct error *error)
{
    size_t read;
    char *text = file_text_read(path, &read, error), *out = NULL;
    if (text == NULL)
        return NULL;
    struct config_memory *memory = config_memory_new();
    struct whole_text whole;
    char *folder = whole_text_folder(path);
    if (whole_text_make(&whole, text, read, path, folder, memory)) {
        out = whole.text.data;
        *size = whole.text.size;
        whole.text = (struct buffer){0};
    } else {
        *error = whole.faults[0].error;
    }
    explicit_bzero(text, read);
    free(text);
    free(folder);
    whole_text_free(&whole);
    config_memory_free(memory);
    return out;
}
