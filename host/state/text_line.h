/* text_line.h - lines of words, the shape of a manifest and of a segment's header: words are separated by one space, a line
 * ends with \n, numbers are decimal and written in one way only (no sign but -, no leading zeroes).
 *
 * For reading bytes that are not trusted: a function that is false has taken nothing. Plain data; no thread. */
#ifndef STATE_TEXT_LINE_H
#define STATE_TEXT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text_line { /* what is left of it, without the \n */
    const char *at, *end;
};

/* The next line from *at on, which is moved behind it. False: there is none that is whole. */
bool text_line_take(struct text_line *line, const char **at, const char *end);

bool text_line_word(struct text_line *line, const char *word);            /* exactly this word */
bool text_line_copy(struct text_line *line, char *out, size_t capacity);  /* any word that fits, ended by a zero */
bool text_line_u64(struct text_line *line, uint64_t most, uint64_t *out); /* 0 to most */
bool text_line_i64(struct text_line *line, int64_t *out);                 /* INT64_MIN + 1 to INT64_MAX */
static inline bool text_line_ended(const struct text_line *line) { return line->at == line->end; }

/* Names of lanes, in files' names too: a-z, then a-z, 0-9 and _; at most 63 bytes. */
bool lane_name_valid(const char *name);

#endif
