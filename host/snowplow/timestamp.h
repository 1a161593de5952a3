/* timestamp.h - the times of enriched events: yyyy-MM-dd HH:mm:ss with ' ' or 'T' in between, 0 to 9 digits of fraction,
 * optionally a Z at the end; always UTC. */
#ifndef SNOWPLOW_TIMESTAMP_H
#define SNOWPLOW_TIMESTAMP_H

#include <shoplane/types.h>

/* Milliseconds since 1970-01-01; finer digits are cut, not rounded. False: not a time of that form, or not of the
 * calendar (months, days, leap years; years 0001 to 9999; no leap second). */
bool timestamp_read(sl_view text, int64_t *ms);

#endif
