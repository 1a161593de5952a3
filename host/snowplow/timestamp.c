/* timestamp.c - see timestamp.h. */
#include "snowplow/timestamp.h"

/* The number in `count` digits; -1 if one of them is none. */
static int digits(const char *at, int count)
{
    int number = 0;
    for (int i = 0; i < count; i++) {
        unsigned digit = (unsigned char)at[i] - (unsigned)'0';
        if (digit > 9)
            return -1;
        number = number * 10 + (int)digit;
    }
    return number;
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01 of a Gregorian date of year 1 or later. Counting years from March puts the leap day last. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t from_march = (month + 9) % 12;
    return y * 365 + y / 4 - y / 100 + y / 400 + (from_march * 153 + 2) / 5 + day - 1 - 719468;
}

bool timestamp_read(sl_view text, int64_t *ms)
{
    const char *at = text.data;
    size_t size = text.size;
    if (size > 19 && at[size - 1] == 'Z')
        size--;
    if (size < 19 || at[4] != '-' || at[7] != '-' || (at[10] != ' ' && at[10] != 'T') || at[13] != ':' || at[16] != ':')
        return false;
    int year = digits(at, 4), month = digits(at + 5, 2), day = digits(at + 8, 2);
    int hour = digits(at + 11, 2), minute = digits(at + 14, 2), second = digits(at + 17, 2);
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
        return false;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return false;

    int millis = 0;
    if (size > 19) {
        int fraction = (int)(size - 20);
        if (at[19] != '.' || size > 29 || fraction == 0 || digits(at + 20, fraction) < 0)
            return false;
        millis = fraction >= 3 ? digits(at + 20, 3) : digits(at + 20, fraction) * (fraction == 1 ? 100 : 10);
    }
    int64_t seconds = days_since_epoch(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *ms = seconds * 1000 + millis;
    return true;
}
