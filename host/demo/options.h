/* options.h - reading the command line of shoplane-demo: what a value means and how it may be written. Every reader says
 * which option is wrong, what was found and what would be right, on standard error, and returns false. */
#ifndef DEMO_OPTIONS_H
#define DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

bool option_integer(const char *option, const char *text, int64_t least, int64_t most, int64_t *value);
bool option_number(const char *option, const char *text, double least, double most, double *value);
bool option_share(const char *option, const char *text, uint32_t *per_million);  /* 0.01 or 1% */
bool option_duration(const char *option, const char *text, int64_t *value_ms);   /* 250ms, 10s, 5m, 2h, 1d; a number is seconds */
bool option_time(const char *option, const char *text, int64_t *value_ms);       /* 2025-06-02[ 08:00:00[.000]][Z], or now */

/* "found" and "do this", as the main program's refusals. Returns the exit status for wrong usage. */
int usage_error(const char *what, const char *found, const char *advice);

/* The system refused; errno says why. Returns the exit status for a failure. */
int system_error(const char *what, const char *path);

#endif
