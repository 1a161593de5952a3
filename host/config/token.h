/* token.h - the words and signs of a libconfig text, with their lines.
 *
 * libconfig's tree does not tell everything: an integer too large for it is stored as another number, a comment or a
 * text that is never closed silently swallows the settings behind it, and a syntax error is a line and two words. So the
 * text is read a second time by this scanner, which splits it exactly as libconfig's does. */
#ifndef CONFIG_TOKEN_H
#define CONFIG_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,
    TOKEN_BOOL,
    TOKEN_INTEGER, /* 12, -3, 0xff, and the same with L: `wide` */
    TOKEN_FLOAT,
    TOKEN_TEXT,        /* with its quotes */
    TOKEN_INCLUDE,     /* a whole @include "..." */
    TOKEN_SIGN,        /* one of = : ; , { } [ ] ( ) */
    TOKEN_STRAY,       /* a byte that means nothing here */
    TOKEN_OPEN_TEXT,   /* a text whose closing quote is missing: the rest of the file */
    TOKEN_OPEN_COMMENT /* a comment whose end is missing: the rest of the file */
};

struct token {
    enum token_kind kind;
    const char *start; /* in the text; not terminated */
    size_t size;
    int line;   /* where it begins, from 1 */
    bool lines; /* a text that goes over the end of its line */
    bool wide;  /* an integer with L */
    bool hex;
};

struct token_reader {
    const char *at, *end;
    const char *line_start;
    int line;
    bool includes; /* @include is a token; else the sign @ means nothing, as no whole text has it */
};

void token_reader_init(struct token_reader *reader, const char *text, size_t size);
struct token token_next(struct token_reader *reader); /* TOKEN_END again and again at the end */

#endif
