/* text.c - see text.h. The calendar is the proleptic Gregorian one, counted in eras of 400 years from 1 March 0000, so that
 * the leap day is the last day of a year. */
#include "demo/text.h"

static void two_digits(char *place, unsigned number)
{
    place[0] = (char)('0' + number / 10);
    place[1] = (char)('0' + number % 10);
}

void text_unsigned(struct buffer *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    buffer_put(out, digits + at, sizeof digits - at);
}

void text_cents(struct buffer *out, uint64_t cents)
{
    text_unsigned(out, cents / 100);
    unsigned rest = (unsigned)(cents % 100);
    if (rest == 0)
        return;
    buffer_byte(out, '.');
    buffer_byte(out, (char)('0' + rest / 10));
    if (rest % 10 != 0)
        buffer_byte(out, (char)('0' + rest % 10));
}

void text_hex(struct buffer *out, uint64_t number, int digits)
{
    char *place = buffer_add(out, (size_t)digits);
    for (int i = digits - 1; i >= 0; i--, number >>= 4)
        place[i] = "0123456789abcdef"[number & 15];
}

void text_uuid(struct buffer *out, struct uuid uuid)
{
    static const char hex[] = "0123456789abcdef";
    char *place = buffer_add(out, 36);
    uint64_t bits = uuid.high;
    for (int i = 0, digit = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            place[i] = '-';
            continue;
        }
        if (digit++ == 16)
            bits = uuid.low;
        place[i] = hex[bits >> 60];
        bits <<= 4;
    }
}

struct civil civil_of(int64_t time_ms)
{
    int64_t days = time_ms / DAY_MS, rest = time_ms % DAY_MS;
    if (rest < 0) {
        rest += DAY_MS;
        days--;
    }
    days += 719468; /* days from 0000-03-01 to 1970-01-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    struct civil civil = {
        .year = year_of_era + era * 400 + (month >= 10),
        .month = (unsigned)(month < 10 ? month + 3 : month - 9),
        .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1),
        .hour = (unsigned)(rest / HOUR_MS),
        .minute = (unsigned)(rest / MINUTE_MS % 60),
        .second = (unsigned)(rest / SECOND_MS % 60),
        .millisecond = (unsigned)(rest % SECOND_MS),
    };
    return civil;
}

int64_t civil_ms(struct civil civil)
{
    int64_t year = civil.year - (civil.month <= 2);
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t month = civil.month > 2 ? (int64_t)civil.month - 3 : (int64_t)civil.month + 9;
    int64_t day_of_year = (153 * month + 2) / 5 + (int64_t)civil.day - 1;
    int64_t days = era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
    return days * DAY_MS + (int64_t)civil.hour * HOUR_MS + (int64_t)civil.minute * MINUTE_MS +
           (int64_t)civil.second * SECOND_MS + (int64_t)civil.millisecond;
}

static char *time_digits(struct buffer *out, int64_t time_ms, size_t size, char between)
{
    struct civil civil = civil_of(time_ms);
    char *place = buffer_add(out, size);
    two_digits(place, (unsigned)(civil.year / 100 % 100));
    two_digits(place + 2, (unsigned)(civil.year % 100));
    place[4] = '-';
    two_digits(place + 5, civil.month);
    place[7] = '-';
    two_digits(place + 8, civil.day);
    place[10] = between;
    two_digits(place + 11, civil.hour);
    place[13] = ':';
    two_digits(place + 14, civil.minute);
    place[16] = ':';
    two_digits(place + 17, civil.second);
    place[19] = '.';
    place[20] = (char)('0' + civil.millisecond / 100);
    two_digits(place + 21, civil.millisecond % 100);
    return place;
}

void text_time(struct buffer *out, int64_t time_ms) { (void)time_digits(out, time_ms, 23, ' '); }
void text_iso(struct buffer *out, int64_t time_ms) { time_digits(out, time_ms, 24, 'T')[23] = 'Z'; }

void text_percent_encoded(struct buffer *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                     byte == '-' || byte == '_' || byte == '.' || byte == '~';
        if (plain) {
            buffer_byte(out, *text);
        } else {
            buffer_byte(out, '%');
            buffer_byte(out, "0123456789ABCDEF"[byte >> 4]);
            buffer_byte(out, "0123456789ABCDEF"[byte & 15]);
        }
    }
}
