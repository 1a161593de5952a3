/* options.c - see options.h. */
#include "demo/options.h"

#include "base/time.h"
#include "demo/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int usage_error(const char *what, const char *found, const char *advice)
{
    (void)fprintf(stderr, "shoplane-demo: %s\n", what);
    if (found[0] != '\0')
        (void)fprintf(stderr, "  found    %s\n", found);
    (void)fprintf(stderr, "  do this  %s\n", advice);
    return 2;
}

int system_error(const char *what, const char *path)
{
    (void)fprintf(stderr, "shoplane-demo: %s\n  found    %s: %s\n", what, path, strerror(errno));
    return 1;
}

static bool refuse(const char *option, const char *text, const char *advice)
{
    char what[128];
    (void)snprintf(what, sizeof what, "the value of %s can't be used", option);
    usage_error(what, text, advice);
    return false;
}

bool option_integer(const char *option, const char *text, int64_t least, int64_t most, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < least || number > most) {
        char advice[128];
        (void)snprintf(advice, sizeof advice, "give a whole number from %lld to %lld", (long long)least, (long long)most);
        return refuse(option, text, advice);
    }
    *value = number;
    return true;
}

bool option_number(const char *option, const char *text, double least, double most, double *value)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number) || number < least || number > most) {
        char advice[128];
        (void)snprintf(advice, sizeof advice, "give a number from %g to %g", least, most);
        return refuse(option, text, advice);
    }
    *value = number;
    return true;
}

bool option_share(const char *option, const char *text, uint32_t *per_million)
{
    char *end;
    double share = strtod(text, &end);
    if (end != text && strcmp(end, "%") == 0) {
        share /= 100;
        end++;
    }
    if (end == text || *end != '\0' || !(share >= 0 && share <= 0.9))
        return refuse(option, text, "give a share from 0 to 0.9, as 0.01 or 1%");
    *per_million = (uint32_t)(share * MILLION + 0.5);
    return true;
}

bool option_duration(const char *option, const char *text, int64_t *value_ms)
{
    static const struct {
        const char *unit;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1e3}, {"", 1e3}, {"m", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
    char *end;
    double number = strtod(text, &end);
    for (size_t i = 0; end != text && i < sizeof units / sizeof *units; i++) {
        if (strcmp(end, units[i].unit) == 0 && number >= 0 && number * units[i].ms < 1e15) {
            *value_ms = (int64_t)(number * units[i].ms);
            return true;
        }
    }
    return refuse(option, text, "give a duration as 250ms, 10s, 5m, 2h or 1d");
}

bool option_time(const char *option, const char *text, int64_t *value_ms)
{
    if (strcmp(text, "now") == 0) {
        *value_ms = time_wall_ms();
        return true;
    }
    struct civil civil = {0};
    int year = 0, used = 0;
    char between = ' ';
    if (sscanf(text, "%4d-%2u-%2u%n", &year, &civil.month, &civil.day, &used) != 3)
        used = 0;
    const char *rest = text + used;
    if (used != 0 && *rest != '\0') {
        int more = 0;
        if (sscanf(rest, "%c%2u:%2u:%2u%n", &between, &civil.hour, &civil.minute, &civil.second, &more) == 4)
            rest += more;
        more = 0;
        if (sscanf(rest, ".%3u%n", &civil.millisecond, &more) == 1)
            rest += more;
        if (*rest == 'Z')
            rest++;
    }
    civil.year = year;
    bool sound = used != 0 && *rest == '\0' && (between == ' ' || between == 'T') && year >= 1970 && year < 3000 &&
                 civil.month >= 1 && civil.month <= 12 && civil.day >= 1 && civil.day <= 31 && civil.hour < 24 &&
                 civil.minute < 60 && civil.second < 60;
    if (!sound)
        return refuse(option, text, "give a time in UTC as \"2025-06-02 08:00:00\", or now");
    *value_ms = civil_ms(civil);
    return true;
}
