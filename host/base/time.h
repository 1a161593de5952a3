/* time.h - the system's clocks, asked in one place, and how times are written and read. All in milliseconds. */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int64_t time_wall_ms(void);      /* since 1970-01-01 UTC */
int64_t time_monotonic_ms(void); /* since some point; never goes back */
int64_t time_boot_ms(void);      /* the same, but it goes on while the machine sleeps */

/* 2025-03-26T10:58:53.451Z; `out` has room for TIME_TEXT_MAX bytes, terminated. Years beyond 0000-9999 are clamped. */
#define TIME_TEXT_MAX 32
size_t time_text(int64_t ms, char *out);

#endif
