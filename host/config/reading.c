/* reading.c - see reading.h. libconfig decides what a text says; this adds what it keeps to itself: which integers it
 * stored as others, from which file a line is, and what exactly is wrong with the grammar. */
#include "config/reading.h"

#include "base/memory.h"
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

/* Note the integers that libconfig can't hold. */
static void scan_integers(struct reading *reading)
{
    struct token_reader tokens;
    token_reader_init(&tokens, reading->whole.text.data, reading->whole.text.size);
    for (struct token token; (token = token_next(&tokens)).kind != TOKEN_END;) {
        struct wrapped_integer wrapped = {.place = whole_text_place(&reading->whole, token.line)};
        if (token.kind != TOKEN_INTEGER || integer_fits(&token, &wrapped))
            continue;
        if (reading->wrapped_count == reading->wrapped_capacity) {
            reading->wrapped_capacity = reading->wrapped_capacity == 0 ? 8 : reading->wrapped_capacity * 2;
            reading->wrapped = memory_resize(reading->wrapped, reading->wrapped_capacity * sizeof *reading->wrapped);
        }
        reading->wrapped[reading->wrapped_count++] = wrapped;
    }
}

/* --- syntax errors --- */

/* `line`: of the whole text. `fault`: NULL if only libconfig found it. */
static void refuse_syntax(struct reading *reading, int line, const char *message, const struct syntax_fault *fault)
{
    struct config_place place = whole_text_place(&reading->whole, fault == NULL ? line : fault->line);
    struct error *error = mistake_place(reading, place);
    error_what(error, "%s can't be read: %s", place.file, message);
    error_found(error, "%s:%d: %s", place.file, place.line, fault == NULL ? message : fault->detail);
    if (fault != NULL)
        error_advice(error, "%s", fault->advice);
    else if (strcmp(message, "mismatched element type in array") == 0)
        error_advice(error, "all elements of [ ] have one type; a list in ( ) takes any");
    else
        error_advice(error, "a setting is name = value; and a text stands in double quotes");
}

/* libconfig refused what has the right grammar: say why. */
static void refuse_parse(struct reading *reading)
{
    const char *message = config_error_text(&reading->tree);
    struct syntax_fault fault;
    bool explained = message != NULL && strcmp(message, "duplicate setting name") == 0 &&
                     syntax_find_duplicate(&reading->whole, &fault);
    refuse_syntax(reading, config_error_line(&reading->tree), message == NULL ? syntax_error : message,
                  explained ? &fault : NULL);
}

/* --- begin and end --- */

bool reading_begin(struct reading *reading, const char *text, const char *path, const char *folder,
                   struct config_memory *memory)
{
    struct syntax_fault fault;
    memset(reading, 0, sizeof *reading);
    reading->memory = memory;
    reading->path = config_memory_text(memory, path);
    config_init(&reading->tree);
    bool good = whole_text_make(&reading->whole, text, strlen(text), path, folder, memory);
    for (size_t i = 0; i < reading->whole.fault_count; i++)
        *mistake_place(reading, reading->whole.faults[i].place) = reading->whole.faults[i].error;
    if (!good)
        return false;
    if (syntax_explain(&reading->whole, &fault)) { /* libconfig would say less, and 1.5 leaks texts that are not closed */
        refuse_syntax(reading, 0, syntax_error, &fault);
        return false;
    }
    if (config_read_string(&reading->tree, reading->whole.text.data) != CONFIG_TRUE) {
        refuse_parse(reading);
        return false;
    }
    scan_integers(reading);
    return true;
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
    whole_text_free(&reading->whole);
    config_destroy(&reading->tree);
    return count;
}
