/* dirty.h - broken messages, one of each kind that a stream really has: see dirty.c for the list.
 *
 * A broken message is a copy of a good one, so a stream with dirt holds the same good lines as one without. What a reader
 * may still accept (a price that is a string, a byte that is not UTF-8) gets an event id of its own and belongs to the user
 * `dirty-shopper`, so that nobody else's features depend on how strict the reader is. */
#ifndef DEMO_DIRTY_H
#define DEMO_DIRTY_H

#include "demo/formats.h"

/* `out` is replaced. */
void dirty_copy(struct buffer *out, struct random *random, enum format format, const char *line, size_t size);

/* How many kinds there are for a format, and one of them: for tests that want all of them. */
unsigned dirty_kinds(enum format format);
void dirty_copy_of_kind(struct buffer *out, enum format format, unsigned kind, const char *line, size_t size);
const char *dirty_kind_name(enum format format, unsigned kind);

#endif
