/* utf8.h - characters of UTF-8, where bytes may be none. (Whether a whole text is UTF-8, fast: utf8_is() of snowplow/json.h.) */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>

/* The size of the character that begins here, 1 to 4; 0 if none does. */
size_t utf8_character(const char *at, size_t left);

/* Copy a text to `out`, which has room for `most` bytes: each byte that begins no character becomes U+FFFD, and it is cut before the
 * first character that has no room. Returns the size. */
size_t utf8_repair(const char *data, size_t size, char *out, size_t most);

#endif
