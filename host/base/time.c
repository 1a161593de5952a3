/* time.c - see time.h. */
#include "base/time.h"

#include <stdio.h>
#include <time.h>

static int64_t now_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t time_wall_ms(void) { return now_ms(CLOCK_REALTIME); }

int64_t time_monotonic_ms(void) { return now_ms(CLOCK_MONOTONIC); }

int64_t time_boot_ms(void) { return now_ms(CLOCK_BOOTTIME); }

size_t time_text(int64_t ms, char *out)
{
    const int64_t first = -62167219200000, last = 253402300799999; /* 0000-01-01, 9999-12-31 */
    if (ms < first)
        ms = first;
    if (ms > last)
        ms = last;
    int64_t millis = ((ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((ms - millis) / 1000);
    struct tm parts;
    (void)gmtime_r(&seconds, &parts);
    return (size_t)snprintf(out, TIME_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(parts.tm_year + 1900) % 10000u,
                            (unsigned)(parts.tm_mon + 1) % 100u, (unsigned)parts.tm_mday % 100u,
                            (unsigned)parts.tm_hour % 100u, (unsigned)parts.tm_min % 100u,
                            (unsigned)parts.tm_sec % 100u, (unsigned)millis % 1000u);
}
