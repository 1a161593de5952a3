/* iglu.c - see iglu.h. */
#include "snowplow/iglu.h"

#include <string.h>

/* What may be in a vendor (2), and also in a name or a format (1). */
static const unsigned char letters[256] = {
    ['a'] = 3, ['b'] = 3, ['c'] = 3, ['d'] = 3, ['e'] = 3, ['f'] = 3, ['g'] = 3, ['h'] = 3, ['i'] = 3, ['j'] = 3,
    ['k'] = 3, ['l'] = 3, ['m'] = 3, ['n'] = 3, ['o'] = 3, ['p'] = 3, ['q'] = 3, ['r'] = 3, ['s'] = 3, ['t'] = 3,
    ['u'] = 3, ['v'] = 3, ['w'] = 3, ['x'] = 3, ['y'] = 3, ['z'] = 3, ['A'] = 3, ['B'] = 3, ['C'] = 3, ['D'] = 3,
    ['E'] = 3, ['F'] = 3, ['G'] = 3, ['H'] = 3, ['I'] = 3, ['J'] = 3, ['K'] = 3, ['L'] = 3, ['M'] = 3, ['N'] = 3,
    ['O'] = 3, ['P'] = 3, ['Q'] = 3, ['R'] = 3, ['S'] = 3, ['T'] = 3, ['U'] = 3, ['V'] = 3, ['W'] = 3, ['X'] = 3,
    ['Y'] = 3, ['Z'] = 3, ['0'] = 3, ['1'] = 3, ['2'] = 3, ['3'] = 3, ['4'] = 3, ['5'] = 3, ['6'] = 3, ['7'] = 3,
    ['8'] = 3, ['9'] = 3, ['-'] = 3, ['_'] = 3, ['.'] = 2,
};

/* The letters up to a slash, which is stepped over. */
static bool part(const char **at, const char *end, unsigned char kind, sl_view *out)
{
    const char *start = *at, *here = start;
    while (here < end && (letters[(unsigned char)*here] & kind) != 0)
        here++;
    if (here == start || here == end || *here != '/')
        return false;
    *out = (sl_view){start, (size_t)(here - start)};
    *at = here + 1;
    return true;
}

/* A number without leading zeros. */
static bool number(const char **at, const char *end, sl_view *out)
{
    const char *start = *at, *here = start;
    while (here < end && *here >= '0' && *here <= '9')
        here++;
    *out = (sl_view){start, (size_t)(here - start)};
    *at = here;
    return out->size > 0 && (out->size == 1 || *start != '0');
}

bool iglu_read(sl_view uri, struct iglu *out)
{
    const char *at = uri.data, *end = uri.data + uri.size;
    if (uri.size < 5 || memcmp(at, "iglu:", 5) != 0)
        return false;
    at += 5;
    if (!part(&at, end, 2, &out->vendor) || !part(&at, end, 1, &out->name) || !part(&at, end, 1, &out->format))
        return false;
    sl_view rest;
    if (!number(&at, end, &out->model) || *out->model.data == '0')
        return false;
    for (int i = 0; i < 2; i++) {
        if (at == end || *at++ != '-' || !number(&at, end, &rest))
            return false;
    }
    return at == end;
}
