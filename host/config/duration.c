/* duration.c - see duration.h. Decimal texts are read as whole numbers and fractions of ten, never through a double, so
 * that "0.1s" is 100 ms to the last bit. */
#include "config/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct unit {
    const char *name;
    int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

#define UNITS (sizeof units / sizeof units[0])

static bool digit(char c) { return c >= '0' && c <= '9'; }

enum duration_result duration_parse(const char *text, int64_t *ms)
{
    const int64_t most = INT64_C(1000000000000); /* 10^12 times the largest unit still fits */
    const char *at = text;
    int64_t whole = 0, fraction = 0, scale = 1;
    bool too_fine = false;
    if (!digit(*at))
        return DURATION_NOT;
    for (; digit(*at); at++)
        whole = whole > most ? whole : whole * 10 + (*at - '0');
    if (*at == '.') {
        at++;
        if (!digit(*at))
            return DURATION_NOT;
        for (; digit(*at); at++) {
            if (scale < 1000000000) {
                fraction = fraction * 10 + (*at - '0');
                scale *= 10;
            } else if (*at != '0') {
                too_fine = true;
            }
        }
    }
    if (*at == '\0')
        return DURATION_NO_UNIT;
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(at, units[i].name) != 0)
            continue;
        if (whole > most / units[i].ms)
            return DURATION_TOO_LONG;
        if (too_fine || fraction * units[i].ms % scale != 0)
            return DURATION_TOO_FINE;
        *ms = whole * units[i].ms + fraction * units[i].ms / scale;
        return DURATION_GOOD;
    }
    return DURATION_NOT;
}

enum duration_result duration_from_seconds(double seconds, int64_t *ms)
{
    if (!(seconds > -1e9 && seconds < 1e9)) /* also what is not a number */
        return DURATION_TOO_LONG;
    double exact = seconds * 1000;
    int64_t nearest = (int64_t)(exact < 0 ? exact - 0.5 : exact + 0.5);
    double off = exact - (double)nearest;
    if (off > 1e-3 || off < -1e-3)
        return DURATION_TOO_FINE;
    *ms = nearest;
    return DURATION_GOOD;
}

const char *duration_text(int64_t ms, char out[DURATION_TEXT_MAX])
{
    size_t best = 0;
    for (size_t i = 1; i < UNITS && ms != 0; i++)
        if (ms % units[i].ms == 0 && (ms / units[i].ms >= 2 || ms == units[i].ms))
            best = i;
    if (ms == 0)
        best = 1;
    (void)snprintf(out, DURATION_TEXT_MAX, "%" PRId64 "%s", ms / units[best].ms, units[best].name);
    return out;
}

/* Days since 1970-01-01 in the Gregorian calendar; month 1...12. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* Exactly `count` digits, then `after`. */
static bool number(const char **at, int count, char after, int64_t *value)
{
    *value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (!digit(**at))
            return false;
        *value = *value * 10 + (**at - '0');
    }
    return after == '\0' || *(*at)++ == after;
}

bool instant_parse(const char *text, int64_t *ms)
{
    static const int64_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *at = text;
    int64_t year, month, day, hour, minute, second, fraction = 0;
    if (!number(&at, 4, '-', &year) || !number(&at, 2, '-', &month) || !number(&at, 2, 'T', &day) ||
        !number(&at, 2, ':', &hour) || !number(&at, 2, ':', &minute) || !number(&at, 2, '\0', &second))
        return false;
    if (*at == '.') {
        at++;
        int64_t worth = 100;
        for (; digit(*at) && worth > 0; at++, worth /= 10)
            fraction += (*at - '0') * worth;
        if (at[-1] == '.')
            return false;
    }
    if (strcmp(at, "Z") != 0 || year < 1970 || month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > month_days[month - 1] + (month == 2 && leap ? 1 : 0))
        return false;
    *ms = ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60000 + second * 1000 + fraction;
    return true;
}
