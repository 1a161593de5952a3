/* token.c - see token.h. */
#include "config/token.h"

#include <string.h>
#include <strings.h>

static bool digit(char c) { return c >= '0' && c <= '9'; }

static bool hex_digit(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

static bool name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*'; }

static bool name_part(char c) { return name_start(c) || digit(c) || c == '-' || c == '_'; }

void token_reader_init(struct token_reader *reader, const char *text, size_t size)
{
    *reader = (struct token_reader){.at = text, .end = text + size, .line_start = text, .line = 1};
}

static char peek(const struct token_reader *reader, size_t ahead)
{
    return (size_t)(reader->end - reader->at) > ahead ? reader->at[ahead] : '\0';
}

static void step(struct token_reader *reader)
{
    if (*reader->at++ == '\n') {
        reader->line++;
        reader->line_start = reader->at;
    }
}

/* Blanks and comments. False: a comment is not closed, and everything is consumed. */
static bool skip(struct token_reader *reader, int *line)
{
    while (reader->at < reader->end) {
        char c = *reader->at;
        if (c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\n') {
            step(reader);
        } else if (c == '#' || (c == '/' && peek(reader, 1) == '/')) {
            while (reader->at < reader->end && *reader->at != '\n')
                step(reader);
        } else if (c == '/' && peek(reader, 1) == '*') {
            *line = reader->line;
            reader->at += 2;
            while (reader->at < reader->end && !(*reader->at == '*' && peek(reader, 1) == '/'))
                step(reader);
            if (reader->at == reader->end)
                return false;
            reader->at += 2;
        } else {
            break;
        }
    }
    return true;
}

/* From behind an opening quote to behind the closing one; false: there is none. */
static bool skip_text(struct token_reader *reader)
{
    while (reader->at < reader->end && *reader->at != '"') {
        if (*reader->at == '\\' && (peek(reader, 1) == '"' || peek(reader, 1) == '\\'))
            reader->at++;
        step(reader);
    }
    if (reader->at == reader->end)
        return false;
    reader->at++;
    return true;
}

static size_t digits(const struct token_reader *reader, size_t from)
{
    size_t at = from;
    while (digit(peek(reader, at)))
        at++;
    return at;
}

static size_t long_suffix(const struct token_reader *reader, size_t at, struct token *token)
{
    if (peek(reader, at) != 'L')
        return at;
    token->wide = true;
    return peek(reader, at + 1) == 'L' ? at + 2 : at + 1;
}

/* The size of the number here, 0 if there is none. */
static size_t number(const struct token_reader *reader, struct token *token)
{
    if (peek(reader, 0) == '0' && (peek(reader, 1) == 'x' || peek(reader, 1) == 'X') && hex_digit(peek(reader, 2))) {
        size_t at = 2;
        while (hex_digit(peek(reader, at)))
            at++;
        token->kind = TOKEN_INTEGER;
        token->hex = true;
        return long_suffix(reader, at, token);
    }
    size_t start = peek(reader, 0) == '-' || peek(reader, 0) == '+' ? 1 : 0;
    size_t whole = digits(reader, start), size = whole;
    if (peek(reader, size) == '.')
        size = digits(reader, size + 1);
    if ((whole > start || size > whole) && (peek(reader, size) == 'e' || peek(reader, size) == 'E')) {
        size_t exponent = size + (peek(reader, size + 1) == '-' || peek(reader, size + 1) == '+' ? 2 : 1);
        if (digit(peek(reader, exponent)))
            size = digits(reader, exponent);
    }
    if (size > whole) {
        token->kind = TOKEN_FLOAT;
        return size;
    }
    if (whole == start)
        return 0;
    token->kind = TOKEN_INTEGER;
    return long_suffix(reader, whole, token);
}

static bool line_begins_here(const struct token_reader *reader)
{
    for (const char *at = reader->line_start; at < reader->at; at++)
        if (*at != ' ' && *at != '\t')
            return false;
    return true;
}

static bool include(struct token_reader *reader)
{
    static const char word[] = "@include";
    size_t size = sizeof word - 1;
    if (!reader->includes || (size_t)(reader->end - reader->at) <= size || memcmp(reader->at, word, size) != 0 || !line_begins_here(reader))
        return false;
    size_t at = size;
    while (peek(reader, at) == ' ' || peek(reader, at) == '\t')
        at++;
    if (at == size || peek(reader, at) != '"')
        return false;
    reader->at += at + 1;
    return true;
}

struct token token_next(struct token_reader *reader)
{
    struct token token = {.kind = TOKEN_OPEN_COMMENT};
    if (!skip(reader, &token.line)) {
        token.start = reader->at;
        return token;
    }
    token.kind = TOKEN_END;
    token.start = reader->at;
    token.line = reader->line;
    if (reader->at == reader->end)
        return token;
    char c = *reader->at;
    if (c == '"') {
        reader->at++;
        token.kind = skip_text(reader) ? TOKEN_TEXT : TOKEN_OPEN_TEXT;
        token.lines = reader->line != token.line;
    } else if (include(reader)) {
        token.kind = skip_text(reader) ? TOKEN_INCLUDE : TOKEN_OPEN_TEXT;
    } else if (name_start(c)) {
        while (reader->at < reader->end && name_part(*reader->at))
            reader->at++;
        size_t size = (size_t)(reader->at - token.start);
        bool flag = (size == 4 && strncasecmp(token.start, "true", 4) == 0) ||
                    (size == 5 && strncasecmp(token.start, "false", 5) == 0);
        token.kind = flag ? TOKEN_BOOL : TOKEN_NAME;
    } else {
        size_t size = number(reader, &token);
        if (size == 0) {
            size = 1;
            token.kind = strchr("=:;,{}[]()", c) != NULL && c != '\0' ? TOKEN_SIGN : TOKEN_STRAY;
        }
        reader->at += size;
    }
    token.size = (size_t)(reader->at - token.start);
    return token;
}
