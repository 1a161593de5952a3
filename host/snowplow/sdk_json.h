/* sdk_json.h - one enriched event as Snowplow's Python analytics SDK 0.2.3 gives it (transform() without geo_location).
 *
 * For everything the SDK accepts the output is equal to its own as JSON, and what it refuses is refused:
 *   - 131 columns, an empty one is left out; timestamps get a T and a Z and are not checked; booleans are 0 or 1; numbers
 *     are Python's (python_number.h), JSON columns are Python's (json_text.h, sdk_contexts.h);
 *   - a context of derived_contexts replaces those of contexts that have its key.
 * Where the SDK's result can't be written as JSON:
 *   - infinity (from a column or from JSON) is written 1e999 or -1e999, a number that reads as infinity; Python prints the
 *     word Infinity, which is no JSON;
 *   - NaN has no such number: the line is refused, BAD_VALUE. (Also where a later member of the same name would have
 *     hidden it inside an entity.)
 * Where the SDK lists all its errors, *bad has the first column's.
 *
 * Text of an entity goes through as it is: numbers keep all digits, a member that occurs twice occurs twice (readers take
 * the last, as Python does), and half a surrogate pair stays an escape. Only what a reader of lines might take for a line's
 * end is changed: a carriage return or newline between values becomes a space; U+0085, U+2028 and U+2029 are escaped.
 *
 * A writer belongs to one thread. */
#ifndef SNOWPLOW_SDK_JSON_H
#define SNOWPLOW_SDK_JSON_H

#include "base/buffer.h"
#include "snowplow/bad_row.h"

struct sdk_json;

struct sdk_json *sdk_json_new(void);
void sdk_json_free(struct sdk_json *writer);

/* Append the JSON object of a line (any bytes, without the newline) to `out`, in the order of the columns, without a newline.
 * False: `out` is as before and *bad says why: BAD_NOT_TSV (empty, or no tab), BAD_COLUMNS, BAD_ENCODING, BAD_SIZE
 * (4 GiB), BAD_JSON, BAD_SCHEMA, BAD_VALUE. */
bool sdk_json_write(struct sdk_json *writer, sl_view line, struct buffer *out, struct bad_row *bad);

#endif
