/* log.h - what the program tells its operator: lines on standard error.
 *
 *     2026-11-22T10:00:00.123Z shoplane: warning: text
 *
 * Lines of several threads and processes never mix, and the host never waits for who reads them (base/standard_error.h).
 * Control bytes in a text become spaces, so a text from outside can't forge a line; too long a line is cut and ends in "...".
 * Thread-safe; errno is left as it was.
 * Never a secret: no passwords, no tokens, no payloads of messages. (Records of a key are engine/log.h.) */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/error.h"

#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines of a level above `level` are dropped. Default: LOG_LEVEL_INFO. */
void log_level_set(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A three-part error as one line: "what; found: ...; do this: ...". */
void log_problem(enum log_level level, const struct error *error);

/* For what may happen a thousand times a second: at most one line every `every_ms`, the first at once; a line says how many
 * were held back before it. One struct a kind of line, static or in an object, zeroed but for every_ms; shared by threads
 * as it is:
 *     static struct log_limit limit = {.every_ms = 60000};
 *     log_limited(&limit, LOG_LEVEL_WARN, "dead letter lost: %s", reason); */
struct log_limit {
    int64_t every_ms;
    int64_t next_ms; /* monotonic clock; 0: nothing said yet */
    uint64_t held;   /* lines dropped since the last one */
};
void log_limited(struct log_limit *limit, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
