/* python_number.c - see python_number.h.
 *
 * As in CPython the text is first made ASCII: other scripts' digits and white space become ASCII ones, anything else that
 * is not ASCII makes it no number. What is left has a grammar so small that it is checked here; strtod() then only sees
 * what it reads exactly as CPython's own does (both round correctly). */
#include "snowplow/python_number.h"

#include <math.h>
#include <stdlib.h>
#include <strings.h>

#define INT_DIGITS 4300 /* sys.get_int_max_str_digits() */

/* Where ten decimal digits in a row start: unicodedata.decimal() of Unicode 14, beyond ASCII. */
static const uint32_t zeros[] = {
    0x660,   0x6f0,   0x7c0,   0x966,   0x9e6,   0xa66,   0xae6,   0xb66,   0xbe6,   0xc66,   0xce6,
    0xd66,   0xde6,   0xe50,   0xed0,   0xf20,   0x1040,  0x1090,  0x17e0,  0x1810,  0x1946,  0x19d0,
    0x1a80,  0x1a90,  0x1b50,  0x1bb0,  0x1c40,  0x1c50,  0xa620,  0xa8d0,  0xa900,  0xa9d0,  0xa9f0,
    0xaa50,  0xabf0,  0xff10,  0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450,
    0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0,
    0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0};

static bool is_digit(char byte) { return byte >= '0' && byte <= '9'; }
static bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

/* str.isspace() beyond ASCII. */
static bool is_wide_space(uint32_t code)
{
    return code == 0x85 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
           code == 0x2029 || code == 0x202f || code == 0x205f || code == 0x3000;
}

/* The ASCII byte that int() and float() see for a character beyond ASCII; 0: none. */
static char ascii_of(uint32_t code)
{
    if (is_wide_space(code))
        return ' ';
    for (size_t i = 0; i < sizeof zeros / sizeof zeros[0]; i++)
        if (code >= zeros[i] && code < zeros[i] + 10)
            return (char)('0' + (code - zeros[i]));
    return '\0';
}

/* Fill `work` with the number: ASCII, without white space around it and without underscores, and a zero behind it that
 * does not count as its size. False: no number whatever follows. *digits is how many digits it has. */
static bool simplify(sl_view text, struct buffer *work, size_t *digits)
{
    buffer_reset(work);
    const unsigned char *at = (const unsigned char *)text.data, *end = at + text.size;
    while (at < end) {
        uint32_t code = *at++;
        if (code >= 0x80) {
            int more = code >= 0xf0 ? 3 : code >= 0xe0 ? 2 : 1;
            code &= 0x3fu >> more;
            for (; more > 0; more--)
                code = code << 6 | (*at++ & 0x3fu);
            code = (unsigned char)ascii_of(code);
        }
        if (code == 0)
            return false;
        buffer_byte(work, (char)code);
    }
    size_t start = 0, stop = work->size, size = 0;
    while (start < stop && is_space(work->data[start]))
        start++;
    while (stop > start && is_space(work->data[stop - 1]))
        stop--;
    *digits = 0;
    for (size_t i = start; i < stop; i++) {
        char byte = work->data[i];
        if (byte == '_') {
            if (i == start || i + 1 == stop || !is_digit(work->data[i - 1]) || !is_digit(work->data[i + 1]))
                return false;
            continue;
        }
        *digits += is_digit(byte);
        work->data[size++] = byte;
    }
    work->size = size;
    buffer_byte(work, '\0');
    work->size = size;
    return size > 0;
}

bool python_int(sl_view text, struct buffer *work, struct buffer *out)
{
    size_t digits;
    if (!simplify(text, work, &digits))
        return false;
    size_t start = work->data[0] == '-' || work->data[0] == '+';
    if (digits == 0 || digits != work->size - start || digits > INT_DIGITS)
        return false;
    bool negative = work->data[0] == '-';
    while (start + 1 < work->size && work->data[start] == '0')
        start++;
    if (negative && work->data[start] != '0')
        buffer_byte(out, '-');
    buffer_put(out, work->data + start, work->size - start);
    return true;
}

static const char *digits_skip(const char *at)
{
    while (is_digit(*at))
        at++;
    return at;
}

bool python_float(sl_view text, struct buffer *work, double *number)
{
    size_t digits;
    if (!simplify(text, work, &digits))
        return false;
    const char *at = work->data, *end = at + work->size;
    bool negative = *at == '-';
    at += negative || *at == '+';
    if (strcasecmp(at, "inf") == 0 || strcasecmp(at, "infinity") == 0) {
        *number = negative ? -(double)INFINITY : (double)INFINITY;
        return true;
    }
    if (strcasecmp(at, "nan") == 0) {
        *number = (double)NAN;
        return true;
    }
    const char *whole = at;
    at = digits_skip(at);
    size_t count = (size_t)(at - whole);
    if (*at == '.') {
        const char *fraction = at + 1;
        at = digits_skip(fraction);
        count += (size_t)(at - fraction);
    }
    if (count == 0)
        return false;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        if (!is_digit(*at))
            return false;
        at = digits_skip(at);
    }
    if (at != end)
        return false;
    *number = strtod(work->data, NULL);
    return true;
}
