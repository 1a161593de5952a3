/* json_text.h - JSON as Python's json.loads reads it, taken apart without being turned into values.
 *
 * `shoplane parse` must agree with Snowplow's Python analytics SDK to the letter, and what a context holds goes from its
 * column to the output as it is. So this reads text and gives text: a number keeps all its digits, a string its escapes, a
 * member its place. simdjson does not fit here: it refuses integers beyond 64 bits and escapes of half a surrogate pair
 * (both of which Python takes), and it has no text of a value once its strings are unescaped.
 *
 * Accepted is what CPython 3.11's json.loads accepts: RFC 8259, and
 *   - \ud800 without its other half, and names that occur twice (the last one counts);
 *   - the words NaN, Infinity and -Infinity, which are no JSON: a value says that it holds them, the caller decides;
 *   - integers of at most JSON_TEXT_DIGITS digits (CPython refuses longer ones; numbers with a fraction or an exponent have
 *     no such limit);
 *   - at most JSON_TEXT_DEPTH open containers. CPython gives up at its recursion limit of 1000, less the functions that are
 *     being called at that moment: 990 are left to a script that calls the SDK from its top level.
 *
 * The text has to be UTF-8, which the caller has checked. Nothing is allocated but by the functions that take a buffer; a
 * cursor may be copied to come back to a place. Thread: any, one at a time per cursor. */
#ifndef SNOWPLOW_JSON_TEXT_H
#define SNOWPLOW_JSON_TEXT_H

#include "base/buffer.h"

#include <shoplane/types.h>

#define JSON_TEXT_DEPTH  990
#define JSON_TEXT_DIGITS 4300

/* A place in a text. After a function has returned false, `fault` says what is wrong at `at`; a text that has a fault is
 * not read any further. */
struct json_text {
    const char *at, *end;
    uint32_t depth;    /* containers open around `at` */
    const char *fault; /* a phrase: "a comma or ] is missing"; NULL: none */
};

enum json_text_kind {
    JSON_TEXT_ABSENT = 0,
    JSON_TEXT_OBJECT,
    JSON_TEXT_ARRAY,
    JSON_TEXT_STRING,
    JSON_TEXT_SCALAR /* a number, true, false, null, NaN, Infinity, -Infinity */
};

struct json_text_value {
    sl_view text; /* from its first to its last byte, strings with their quotes */
    enum json_text_kind kind;
    bool has_nan, has_infinity; /* somewhere in it */
};

/* A cursor on the first value of `text`. */
void json_text_begin(struct json_text *text, sl_view all);

/* Of what kind is the value at the cursor? JSON_TEXT_SCALAR also if there is none. Skips white space. */
enum json_text_kind json_text_kind(struct json_text *text);

/* Read the value at the cursor, all of it. False: not JSON. */
bool json_text_value(struct json_text *text, struct json_text_value *value);

/* Read the object at the cursor, all of it, and note the values of its members names[0]...names[count - 1] (zero-terminated
 * ASCII). Of two members with one name the last counts; a missing one is JSON_TEXT_ABSENT. False: not JSON, or no object. */
bool json_text_object(struct json_text *text, const char *const *names, struct json_text_value *values, size_t count);

/* Go through the array at the cursor:
 *     for (bool more = json_text_first(&text); more; more = json_text_next(&text))
 *         ... read exactly one value ...
 * Both are false at the array's end and, with text->fault set, where it is broken. */
bool json_text_first(struct json_text *text);
bool json_text_next(struct json_text *text);

/* True: nothing but white space follows. Else the fault is set. */
bool json_text_end(struct json_text *text);

/* Append what a string that was read stands for, as UTF-8; half a surrogate pair becomes the byte 0xff, which no UTF-8
 * has. */
void json_text_unescape(sl_view string, struct buffer *out);

/* Append a value that was read, as RFC 8259 wants it: Infinity becomes 1e999, a number that reads as infinity. A value with
 * has_nan can't be written. */
void json_text_write(const struct json_text_value *value, struct buffer *out);

#endif
