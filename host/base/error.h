/* error.h - what went wrong, in three parts a person can act on: what, the values that disagree, what to do.
 *
 * A function that can fail fills its caller's struct and returns a status; nothing below cli/ prints or exits. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stddef.h>

struct error {
    char what[512];  /* what went wrong: "plugin \"basket.so\" not loaded: it was built for SDK 2.1, this host speaks 1.4" */
    char found[512]; /* the values that disagree, or where; may be empty */
    char advice[512]; /* what would be right; may be empty */
};

/* Each formats one part and leaves the others; too long a text is cut. error_what() also clears the other two. */
void error_what(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_found(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
void error_advice(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* All errors of one reading, in order: a configuration reports every mistake in one go. Grows as needed; a zeroed struct is
 * an empty list. */
struct error_list {
    struct error *items;
    size_t count, capacity;
};
struct error *error_list_add(struct error_list *list); /* a zeroed error at the end, to be filled */
void error_list_free(struct error_list *list);

#endif
