/* byte_count.c - see byte_count.h. As in duration.c the digits are read as whole numbers, so that "0.3GB" is 300 000 000. */
#include "config/byte_count.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct unit {
    const char *name;
    int64_t bytes;
} units[] = {
    {"B", 1},
    {"KB", 1000},
    {"kB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", INT64_C(1000000000000)},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
};

static bool digit(char c) { return c >= '0' && c <= '9'; }

enum byte_count_result byte_count_parse(const char *text, int64_t *bytes)
{
    const int64_t most = INT64_C(1000000000000000000); /* 10^18: one digit more still fits */
    const char *at = text;
    int64_t whole = 0, fraction = 0, scale = 1;
    if (!digit(*at))
        return BYTES_NOT;
    for (; digit(*at); at++)
        whole = whole >= most / 10 ? most : whole * 10 + (*at - '0');
    if (*at == '.') {
        at++;
        if (!digit(*at))
            return BYTES_NOT;
        for (; digit(*at) && scale < 1000000; at++, scale *= 10)
            fraction = fraction * 10 + (*at - '0');
        if (digit(*at))
            return BYTES_PART; /* a millionth is as fine as an amount of memory is said */
    }
    if (*at == '\0')
        return BYTES_NO_UNIT;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(at, units[i].name) != 0)
            continue;
        if (whole >= most / units[i].bytes)
            return BYTES_TOO_MANY;
        if (fraction * units[i].bytes % scale != 0)
            return BYTES_PART;
        *bytes = whole * units[i].bytes + fraction * units[i].bytes / scale;
        return BYTES_GOOD;
    }
    return BYTES_NOT;
}

const char *byte_count_text(uint64_t bytes, char out[BYTE_COUNT_TEXT_MAX])
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    double value = (double)bytes;
    for (; value >= 999.5 && unit + 1 < sizeof names / sizeof names[0]; unit++)
        value /= 1000;
    bool whole = unit == 0 || value >= 9.95 || (uint64_t)(value * 10 + 0.5) % 10 == 0;
    (void)snprintf(out, BYTE_COUNT_TEXT_MAX, whole ? "%.0f %s" : "%.1f %s", value, names[unit]);
    return out;
}
