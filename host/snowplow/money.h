/* money.h - amounts and numbers from their decimal text, exactly as it stands: never through a double. */
#ifndef SNOWPLOW_MONEY_H
#define SNOWPLOW_MONEY_H

#include <shoplane/types.h>

#define MONEY_MAX INT64_C(99999999999) /* whole units: a house in rupiah; micros of it fit 92 times into an int64_t */

/* A text of JSON's number grammar, any number of digits, an exponent allowed: 42.99, 1E+3, -0. Micros, rounded half-even.
 * False: not such a text, or not from 0 to MONEY_MAX, judged before it is rounded. -0 is 0. */
bool money_read(sl_view text, int64_t *micros);

/* Whether the text is a number by JSON's grammar. */
bool number_is(sl_view text);

#endif
