/* reading.c - see reading.h. libconfig decides what a text says; this adds what it keeps to itself: which integers it
 * stored as others, what swallowed the rest of a file, and what exactly is wrong with the grammar. */
#include "config/reading.h"

#include "base/memory.h"
#include "config/file_text.h"
#include "config/syntax.h"
#include "config/token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char syntax_error[] = "syntax error"; /* as libconfig calls it */

/* --- integers that wrapped --- */

/* The value of an integer token if it fits into what libconfig stores: 32 bits, with L 64. False: it does not. */
static bool integer_fits(const struct token *token, struct wrapped_integer *wrapped)
{
    char digits[32];
    size_t size = token->size < sizeof digits ? token->size : sizeof digits - 1;
    memcpy(digits, token->start, size);
    digits[size] = '\0';
    memcpy(wrapped->literal, digits, size + 1);
    errno = 0;
    long long value = strtoll(digits, NULL, token->hex ? 16 : 10);
    bool over = errno == ERANGE || size < token->size;
    wrapped->value = value;
    wrapped->beyond_64 = over;
    return !over && (token->wide || (value >= INT32_MIN && value <= INT32_MAX));
}

/* Note the integers of one file that libconfig can't hold. False: a comment or a text has no end; that is noted. */
static bool scan_file(struct reading *reading, const char *file, const char *text, size_t size)
{
    struct token_reader tokens;
    token_reader_init(&tokens, text, size);
    for (;;) {
        struct token token = token_next(&tokens);
        if (token.kind == TOKEN_END)
            return true;
        if (token.kind == TOKEN_OPEN_COMMENT || token.kind == TOKEN_OPEN_TEXT) {
            bool comment = token.kind == TOKEN_OPEN_COMMENT;
            struct error *error = mistake_place(reading, (struct config_place){file, token.line});
            error_what(error, "%s can't be read: %s", file, syntax_error);
            error_found(error, "%s:%d: a %s begins here that is never closed", file, token.line,
                        comment ? "comment" : "text");
            error_advice(error, "%s",
                         comment ? "end it with */, or begin each of its lines with #" : "end it with \" on this line");
            return false;
        }
        struct wrapped_integer wrapped = {.place = {file, token.line}};
        if (token.kind != TOKEN_INTEGER || integer_fits(&token, &wrapped))
            continue;
        if (reading->wrapped_count == reading->wrapped_capacity) {
            reading->wrapped_capacity = reading->wrapped_capacity == 0 ? 8 : reading->wrapped_capacity * 2;
            reading->wrapped = memory_resize(reading->wrapped, reading->wrapped_capacity * sizeof *reading->wrapped);
        }
        reading->wrapped[reading->wrapped_count++] = wrapped;
    }
}

/* --- files of @include --- */

/* Where the file is that libconfig calls `name`: 1.5 leaves out the folder, later versions don't. */
static const char *included_path(const struct reading *reading, const char *name)
{
    size_t size = reading->folder == NULL ? 0 : strlen(reading->folder);
    if (size == 0 || (strncmp(name, reading->folder, size) == 0 && name[size] == '/'))
        return config_memory_text(reading->memory, name);
    char *joined = memory_format("%s/%s", reading->folder, name);
    const char *path = config_memory_text(reading->memory, joined);
    free(joined);
    return path;
}

static bool scan_included(struct reading *reading, const char *name)
{
    for (size_t i = 0; i < reading->include_count; i++)
        if (strcmp(reading->includes[i].name, name) == 0)
            return true;
    const char *path = included_path(reading, name);
    if (reading->include_count == reading->include_capacity) {
        reading->include_capacity = reading->include_capacity == 0 ? 8 : reading->include_capacity * 2;
        reading->includes = memory_resize(reading->includes, reading->include_capacity * sizeof *reading->includes);
    }
    reading->includes[reading->include_count++] = (struct included){config_memory_text(reading->memory, name), path};
    struct error error;
    size_t size;
    char *text = file_text_read(path, &size, &error);
    if (text == NULL)
        *mistake_place(reading, (struct config_place){path, 0}) = error;
    bool good = text != NULL && scan_file(reading, path, text, size);
    free(text);
    return good;
}

/* Read every file once more that the tree came from by @include. */
static bool scan_includes(struct reading *reading, const config_setting_t *group)
{
    bool good = true;
    for (int i = 0; config_setting_is_aggregate(group) && i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        const char *name = config_setting_source_file(setting);
        good = (name == NULL || scan_included(reading, name)) && good;
        good = scan_includes(reading, setting) && good;
    }
    return good;
}

/* --- syntax errors --- */

static const struct {
    const char *message, *advice; /* of libconfig, where the text alone can't tell */
} known_messages[] = {
    {"mismatched element type in array", "all elements of [ ] have one type; a list in ( ) takes any"},
    {"cannot open include file", "@include names a file beside the one given to Shoplane, without a leading /"},
    {"include file nesting too deep", "a file may include others, ten levels deep at most, and never itself"},
};

static void refuse_syntax(struct reading *reading, const char *file, int line, const char *message,
                          const struct syntax_fault *fault)
{
    if (fault != NULL && fault->line > 0)
        line = fault->line;
    struct error *error = mistake_place(reading, (struct config_place){file, line});
    error_what(error, "%s can't be read: %s", file, message);
    error_found(error, "%s:%d: %s", file, line, fault == NULL ? message : fault->detail);
    error_advice(error, "%s",
                 fault == NULL ? "a setting is name = value; and a text stands in double quotes" : fault->advice);
    for (size_t i = 0; i < sizeof known_messages / sizeof known_messages[0]; i++)
        if (strcmp(message, known_messages[i].message) == 0)
            error_advice(error, "%s", known_messages[i].advice);
}

/* libconfig refused it: say why, looking into the file that it names. */
static void refuse_parse(struct reading *reading, const char *text, size_t size)
{
    const char *file = config_error_file(&reading->tree), *message = config_error_text(&reading->tree);
    char *included = NULL;
    struct syntax_fault fault = {0};
    struct error ignored;
    if (message == NULL)
        message = syntax_error;
    if (file != NULL) {
        file = included_path(reading, file);
        included = file_text_read(file, &size, &ignored);
        text = included;
    } else {
        file = reading->path;
    }
    bool explained = false;
    if (text != NULL && strcmp(message, "duplicate setting name") == 0)
        explained = syntax_find_duplicate(text, size, &fault);
    else if (text != NULL && strcmp(message, syntax_error) == 0)
        explained = syntax_explain(text, size, &fault);
    free(included);
    refuse_syntax(reading, file, config_error_line(&reading->tree), message, explained ? &fault : NULL);
}

/* --- begin and end --- */

bool reading_begin(struct reading *reading, const char *text, const char *path, const char *folder,
                   struct config_memory *memory)
{
    memset(reading, 0, sizeof *reading);
    reading->memory = memory;
    reading->path = config_memory_text(memory, path);
    config_init(&reading->tree);
    if (folder != NULL) {
        reading->folder = config_memory_text(memory, folder);
        config_set_include_dir(&reading->tree, folder);
    }
    if (strncmp(text, "\xef\xbb\xbf", 3) == 0) /* a byte order mark: some editors begin a file with it */
        text += 3;
    /* libconfig takes a comment for rubbish if the last line has no end. */
    size_t size = strlen(text);
    char *copy = memory_new(size + 2);
    memcpy(copy, text, size);
    copy[size] = '\n';
    struct syntax_fault fault;
    bool good = !syntax_explain(copy, size + 1, &fault) || !fault.certain;
    if (!good) { /* libconfig would say less, and 1.5 leaks texts that are not closed */
        refuse_syntax(reading, reading->path, 0, syntax_error, &fault);
    } else if (config_read_string(&reading->tree, copy) == CONFIG_TRUE) {
        good = scan_file(reading, reading->path, copy, size + 1);
        good = scan_includes(reading, config_root_setting(&reading->tree)) && good;
    } else {
        good = false;
        refuse_parse(reading, copy, size + 1);
    }
    explicit_bzero(copy, size);
    free(copy);
    return good;
}

/* By file, the main one first; then by line; then as they were found. */
static bool before(const struct reading *reading, const struct mistake *a, const struct mistake *b)
{
    bool a_main = strcmp(a->place.file, reading->path) == 0, b_main = strcmp(b->place.file, reading->path) == 0;
    if (a_main != b_main)
        return a_main;
    int files = strcmp(a->place.file, b->place.file);
    return files != 0 ? files < 0 : a->place.line < b->place.line;
}

size_t reading_end(struct reading *reading, struct error_list *errors)
{
    size_t count = reading->mistake_count;
    for (size_t i = 1; i < count; i++) { /* insertion keeps the order of equals; there are a handful */
        struct mistake moved = reading->mistakes[i];
        size_t at = i;
        for (; at > 0 && before(reading, &moved, &reading->mistakes[at - 1]); at--)
            reading->mistakes[at] = reading->mistakes[at - 1];
        reading->mistakes[at] = moved;
    }
    for (size_t i = 0; i < count; i++)
        *error_list_add(errors) = reading->mistakes[i].error;
    free(reading->mistakes);
    free(reading->wrapped);
    free(reading->includes);
    config_destroy(&reading->tree);
    return count;
}
