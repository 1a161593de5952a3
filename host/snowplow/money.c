/* money.c - see money.h. */
#include "snowplow/money.h"

/* Where the parts of a number are in its text. */
struct decimal {
    bool negative;
    const char *whole, *fraction; /* digits before and after the point */
    size_t whole_size, fraction_size;
    int64_t exponent; /* beyond +-EXPONENT_MAX it is cut: more than any message has digits */
};
#define EXPONENT_MAX 1000000000000
#define MONEY_MAX_POWER 10 /* of ten, of the first digit of MONEY_MAX */

static size_t count_digits(const char *at, const char *end)
{
    const char *start = at;
    while (at < end && (unsigned char)(*at - '0') <= 9)
        at++;
    return (size_t)(at - start);
}

static bool split(sl_view text, struct decimal *out)
{
    const char *at = text.data, *end = text.data + text.size;
    *out = (struct decimal){.negative = at < end && *at == '-'};
    at += out->negative;
    out->whole = at;
    out->whole_size = count_digits(at, end);
    if (out->whole_size == 0 || (*at == '0' && out->whole_size > 1))
        return false;
    at += out->whole_size;
    if (at < end && *at == '.') {
        out->fraction = ++at;
        out->fraction_size = count_digits(at, end);
        if (out->fraction_size == 0)
            return false;
        at += out->fraction_size;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        bool negative = at < end && *at == '-';
        if (at < end && (*at == '-' || *at == '+'))
            at++;
        size_t size = count_digits(at, end);
        if (size == 0)
            return false;
        for (; size > 0; size--, at++)
            if (out->exponent < EXPONENT_MAX)
                out->exponent = out->exponent * 10 + (*at - '0');
        if (negative)
            out->exponent = -out->exponent;
    }
    return at == end;
}

/* The i-th of all digits before and after the point. */
static int digit(const struct decimal *parts, size_t i)
{
    return (i < parts->whole_size ? parts->whole[i] : parts->fraction[i - parts->whole_size]) - '0';
}

bool number_is(sl_view text)
{
    struct decimal parts;
    return split(text, &parts);
}

bool money_read(sl_view text, int64_t *micros)
{
    struct decimal parts;
    if (!split(text, &parts))
        return false;

    /* The digits as one run; leading zeros say nothing. `power` is the power of ten of the first one that counts. */
    size_t digits = parts.whole_size + parts.fraction_size, first = 0;
    while (first < digits && digit(&parts, first) == 0)
        first++;
    *micros = 0;
    if (first == digits)
        return true;
    if (parts.negative)
        return false;
    int64_t power = (int64_t)parts.whole_size - 1 - (int64_t)first + parts.exponent;
    if (power > MONEY_MAX_POWER)
        return false;

    /* Down to 10^-6 they count; of the rest: is it less than, equal to or more than a half? */
    int64_t amount = 0;
    size_t next = first;
    int64_t at = power > -7 ? power : -7;
    for (; at >= -6; at--)
        amount = amount * 10 + (next < digits ? digit(&parts, next++) : 0);
    int half = 0; /* the first digit of the rest */
    if (power >= -7 && next < digits)
        half = digit(&parts, next++);
    bool more = false; /* something beyond it */
    while (next < digits && !more)
        more = digit(&parts, next++) != 0;
    const int64_t limit = MONEY_MAX * 1000000;
    if (amount > limit || (amount == limit && (half != 0 || more)))
        return false;
    *micros = amount + (half > 5 || (half == 5 && (more || amount % 2 != 0)));
    return true;
}
