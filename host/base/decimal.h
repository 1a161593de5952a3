/* decimal.h - how numbers are written in features: FEATURES.md section 0.
 *
 * Each writes into `out` (at least DECIMAL_MAX bytes), without a terminating zero, and returns the length. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#define DECIMAL_MAX 48

/* -12. Async-signal-safe. */
size_t decimal_i64(int64_t number, char *out);

/* Micros without exponent and without trailing zeros: 42.99, 0, 28.5, -3.1. */
size_t decimal_money(int64_t micros, char *out);

/* The same of high * 2^64 + low micros. */
size_t decimal_sum(uint64_t low, int64_t high, char *out);

/* The shortest text that reads back the same double; integers without a point; an exponent only below 1e-6 and from 1e21
 * on, as JavaScript does. The number is finite. */
size_t decimal_f64(double number, char *out);

#endif
