/* duration.h - how lengths of time, and points in time, are written in a configuration. */
#ifndef CONFIG_DURATION_H
#define CONFIG_DURATION_H

#include <stdbool.h>
#include <stdint.h>

enum duration_result {
    DURATION_GOOD,
    DURATION_NOT,      /* no duration at all */
    DURATION_NO_UNIT,  /* "300": a bare number belongs outside of quotes */
    DURATION_TOO_FINE, /* "0.5ms": parts of a millisecond */
    DURATION_TOO_LONG  /* does not fit */
};

/* "250ms", "30s", "1.5m", "12h", "7d": one number, one unit. */
enum duration_result duration_parse(const char *text, int64_t *ms);
/* A number of seconds, 300 or 0.5. */
enum duration_result duration_from_seconds(double seconds, int64_t *ms);

/* The way a person would write it: "5m", "90s", "400d", "250ms". Terminated. */
#define DURATION_TEXT_MAX 32
const char *duration_text(int64_t ms, char out[DURATION_TEXT_MAX]); /* returns out */

/* "2025-03-26T10:00:00Z", with up to three decimals of a second: milliseconds since 1970-01-01 UTC. */
bool instant_parse(const char *text, int64_t *ms);

#endif
