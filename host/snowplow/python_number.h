/* python_number.h - numbers as Python 3.11's int() and float() read them from text, for `shoplane parse`.
 *
 * Both take white space around the number, a sign, underscores between two digits, and the decimal digits of every script
 * (Unicode 14). int() has no limit but that of 4300 digits, underscores not counted; float() also knows nan, inf and
 * infinity in any case. The text has to be UTF-8. Both need the "C" locale, which the host never leaves. */
#ifndef SNOWPLOW_PYTHON_NUMBER_H
#define SNOWPLOW_PYTHON_NUMBER_H

#include "base/buffer.h"

#include <shoplane/types.h>

/* Append the integer as Python prints it: "007" is 7, "-0" is 0. False: int() refuses it; nothing is appended. `work` is
 * memory to use. */
bool python_int(sl_view text, struct buffer *work, struct buffer *out);

/* False: float() refuses it. *number may be infinite or not a number. */
bool python_float(sl_view text, struct buffer *work, double *number);

#endif
