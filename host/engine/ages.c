/* ages.c - see ages.h. */
#include "engine/ages.h"

int64_t ages_next(const struct set_lane *lane, const struct log *log, size_t first, int64_t after_ms)
{
    int64_t next = WHEEL_NEVER;
    for (size_t a = 0; a < lane->age_count; a++) {
        int64_t age_ms = lane->ages_ms[a];
        size_t record = log_from(log, lane, after_ms - age_ms + 1);
        record = record < first ? first : record;
        if (record < log->count && log_time(log, lane, record) + age_ms < next)
            next = log_time(log, lane, record) + age_ms;
    }
    return next;
}

int64_t ages_last(const struct set_lane *lane, const struct log *log, size_t first, int64_t until_ms)
{
    int64_t last = AGES_NONE;
    for (size_t a = 0; a < lane->age_count; a++) {
        int64_t age_ms = lane->ages_ms[a];
        size_t behind = log_from(log, lane, until_ms - age_ms + 1);
        if (behind > first && log_time(log, lane, behind - 1) + age_ms > last)
            last = log_time(log, lane, behind - 1) + age_ms;
    }
    return last;
}
