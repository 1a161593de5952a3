/* syntax.h - why a text is no libconfig text, in words a person can act on.
 *
 * libconfig stops at the first syntax error and says "syntax error" and a line, often the line after the one to mend. This
 * walks the same text and says what was expected there and where the mistake began. It never repeats a value: a password
 * without quotes is a syntax error too. */
#ifndef CONFIG_SYNTAX_H
#define CONFIG_SYNTAX_H

#include "config/whole_text.h"

#include <stdbool.h>

struct syntax_fault {
    int line;         /* of the whole text, where the mistake is */
    char detail[256]; /* what is there: a missing "," before "{" */
    char advice[256]; /* what would be right */
};

/* Find the first fault of grammar. False: none. */
bool syntax_explain(const struct whole_text *whole, struct syntax_fault *fault);

/* Find the first setting whose name stands in its group already. False: none. */
bool syntax_find_duplicate(const struct whole_text *whole, struct syntax_fault *fault);

#endif
