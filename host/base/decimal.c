/* decimal.c - see decimal.h. */
#include "base/decimal.h"

#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t unsigned_digits(uint64_t number, char *out)
{
    char reversed[20];
    size_t size = 0;
    do {
        reversed[size++] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    for (size_t i = 0; i < size; i++)
        out[i] = reversed[size - 1 - i];
    return size;
}

static uint64_t magnitude(int64_t number) { return number < 0 ? 0 - (uint64_t)number : (uint64_t)number; }

size_t decimal_i64(int64_t number, char *out)
{
    size_t size = 0;
    if (number < 0)
        out[size++] = '-';
    return size + unsigned_digits(magnitude(number), out + size);
}

/* Below a whole unit, with the point, without trailing zeros; nothing for 0. */
static size_t fraction(uint64_t micros, char *out)
{
    size_t size = 0;
    if (micros != 0)
        out[size++] = '.';
    for (uint64_t unit = 100000; micros != 0; unit /= 10) {
        out[size++] = (char)('0' + micros / unit);
        micros %= unit;
    }
    return size;
}

size_t decimal_money(int64_t micros, char *out)
{
    size_t size = 0;
    if (micros < 0)
        out[size++] = '-';
    uint64_t absolute = magnitude(micros);
    size += unsigned_digits(absolute / 1000000, out + size);
    return size + fraction(absolute % 1000000, out + size);
}

size_t decimal_sum(uint64_t low, int64_t high, char *out)
{
    __extension__ typedef unsigned __int128 wide;
    size_t size = 0;
    wide absolute = (wide)(uint64_t)high << 64 | low;
    if (high < 0) {
        absolute = -absolute;
        out[size++] = '-';
    }
    const uint64_t unit = UINT64_C(1000000000000000000); /* 10^18: of it 2^127 has three digits */
    wide whole = absolute / 1000000;
    uint64_t parts[3] = {(uint64_t)(whole / unit / unit), (uint64_t)(whole / unit % unit), (uint64_t)(whole % unit)};
    int first = parts[0] != 0 ? 0 : parts[1] != 0 ? 1 : 2;
    size += unsigned_digits(parts[first], out + size);
    for (int i = first + 1; i < 3; i++)
        size += (size_t)sprintf(out + size, "%018" PRIu64, parts[i]);
    return size + fraction((uint64_t)(absolute % 1000000), out + size);
}

/* Lay out `digits` (no trailing zeros) with the decimal point behind the first `point` of them. */
static size_t lay_out(const char *digits, int count, int point, char *out)
{
    size_t size = 0;
    if (point > 21 || point <= -6) {
        out[size++] = digits[0];
        if (count > 1) {
            out[size++] = '.';
            memcpy(out + size, digits + 1, (size_t)count - 1);
            size += (size_t)count - 1;
        }
        return size + (size_t)sprintf(out + size, "e%+d", point - 1);
    }
    if (point <= 0) {
        out[size++] = '0';
        out[size++] = '.';
        for (int i = point; i < 0; i++)
            out[size++] = '0';
        memcpy(out + size, digits, (size_t)count);
        return size + (size_t)count;
    }
    for (int i = 0; i < count || i < point; i++) {
        if (i == point)
            out[size++] = '.';
        out[size++] = i < count ? digits[i] : '0';
    }
    return size;
}

size_t decimal_f64(double number, char *out)
{
    assert(isfinite(number));
    if (number == 0) {
        out[0] = '0';
        return 1;
    }
    if (number == trunc(number) && fabs(number) < 1e15)
        return decimal_i64((int64_t)number, out);
    /* 15 digits always survive a round trip from text, 17 one from binary: the first that reads back is the shortest once
     * its trailing zeros are gone. */
    char text[40];
    int digits_least = fabs(number) < DBL_MIN ? 1 : 15; /* subnormal numbers have fewer */
    for (int digits = digits_least; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*e", digits - 1, number);
        if (strtod(text, NULL) == number)
            break;
    }
    size_t size = 0;
    const char *at = text;
    if (*at == '-')
        out[size++] = *at++;
    char *exponent = strchr(text, 'e');
    int point = atoi(exponent + 1) + 1;
    char digits[20];
    int count = 0;
    for (; at < exponent; at++)
        if (*at != '.')
            digits[count++] = *at;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return size + lay_out(digits, count, point, out + size);
}
