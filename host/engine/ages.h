/* ages.h - when the records of a log reach the ages that their lane names (lane.h of the SDK).
 *
 * No state of its own: the moments follow from the log, at a search for each age, however long the log is. The expiry timer of
 * a log is armed for the next of them, too (shard.c). */
#ifndef ENGINE_AGES_H
#define ENGINE_AGES_H

#include "engine/log.h"

/* When the first of the records from `first` on reaches an age after this time; WHEEL_NEVER if none does. */
int64_t ages_next(const struct set_lane *lane, const struct log *log, size_t first, int64_t after_ms);

/* When the last of them did, up to and including this time; AGES_NONE if none has. */
#define AGES_NONE INT64_MIN
int64_t ages_last(const struct set_lane *lane, const struct log *log, size_t first, int64_t until_ms);

#endif
