/* text.h - writing the small things of an event fast: numbers, money, UUIDs, times. printf would be half the cost of a
 * simulated event. All append to a buffer. */
#ifndef DEMO_TEXT_H
#define DEMO_TEXT_H

#include "base/buffer.h"
#include "demo/random.h"

#define SECOND_MS 1000ll
#define MINUTE_MS 60000ll
#define HOUR_MS 3600000ll
#define DAY_MS 86400000ll

void text_unsigned(struct buffer *out, uint64_t number);
void text_cents(struct buffer *out, uint64_t cents); /* as JavaScript prints it: 42.99, 42.9, 42 */
void text_uuid(struct buffer *out, struct uuid uuid);
void text_hex(struct buffer *out, uint64_t number, int digits);
void text_time(struct buffer *out, int64_t time_ms); /* a column: 2025-06-02 08:00:00.000 */
void text_iso(struct buffer *out, int64_t time_ms);  /* JSON: 2025-06-02T08:00:00.000Z, without quotes */
void text_percent_encoded(struct buffer *out, const char *text);

static inline void text_put(struct buffer *out, const char *text) { buffer_put(out, text, strlen(text)); }
static inline void text_json(struct buffer *out, const char *text) { buffer_json_text(out, text, strlen(text)); }

/* Civil date and time, UTC, to milliseconds since 1970 and back. */
struct civil {
    int64_t year;
    unsigned month, day, hour, minute, second, millisecond;
};
struct civil civil_of(int64_t time_ms);
int64_t civil_ms(struct civil civil);

#endif
