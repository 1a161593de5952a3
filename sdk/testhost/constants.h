/* constants.h - the constants in a plugin's file, as values for the events that are made up: what it compares with is then met.
 *
 * Texts of its read-only data, but for those that its table names (events, places, helps); numbers that stand there as doubles, and the
 * defaults and bounds of its parameters. Constants that the compiler put into instructions are not found. */
#ifndef TESTHOST_CONSTANTS_H
#define TESTHOST_CONSTANTS_H

#include <shoplane/shoplane.h>

#define CONSTANTS_MAX 200     /* of each kind */
#define CONSTANT_TEXT_MAX 64  /* bytes of a text; longer ones are left out */

struct constants {
    char *texts[CONSTANTS_MAX];
    char *numbers[CONSTANTS_MAX]; /* as JSON has them */
    size_t text_count, number_count;
};

/* Of the shared object `path`, whose lane this is. What can't be read has none. */
void constants_read(struct constants *constants, const char *path, const sl_lane *lane);
void constants_free(struct constants *constants);

#endif
