/* pace.h - how often a long window is folded, so that what an event costs is bounded whatever a shopper does.
 *
 * A fold costs as much as there are records in the window, and only a fold knows what it says. So where a log has PACE_RECORDS or
 * more, a window of 20 or more is not folded at each change, but once there were as many changes since its last fold as a quarter
 * of what it has beyond 12 records (20: 2; 36: 6; 950: 234), or once it has waited long enough:
 *
 *   - With the event clock: a PACE_SHARE th of its length; for a session of the time that it has lasted, but at least an eighth
 *     of its gap. All are moments of the stream alone, so results do not depend on batches or workers. An event, which comes and
 *     leaves, costs a window at most PACE_EVENT_FOLDS records in folds, and where there are hundreds some 16.
 *   - Live: a millisecond for each of its records (0.95 s with 950), as long as such folds take no more than PACE_BUDGET
 *     records in each millisecond. Where thousands of long windows want more, they wait as with the event clock.
 *
 * A change is a record that comes, or one or more that leave or reach an age at one moment. What waits is written at the end of
 * its wait; the final flush waits for nothing. Emit intervals hold beside it. The state lies with the records (log_pace()), so
 * that it costs an ordinary shopper nothing. It is not durable: after a start every window is due at once. Part of a shard. */
#ifndef ENGINE_PACE_H
#define ENGINE_PACE_H

#include "engine/shard.h"

#define PACE_RECORDS     36
#define PACE_SHARE       16
#define PACE_BUDGET      2000
#define PACE_EVENT_FOLDS (2 * PACE_RECORDS)

/* Something about the window changed. */
void pace_changed(struct log *log, const struct set_lane *lane, size_t window);

/* May it be folded, as of the shard's sends? */
bool pace_due(struct shard *shard, const struct set_lane *lane, struct log *log, size_t window);

/* When it may be at the latest, if nothing more changes; or when to ask again. */
int64_t pace_due_ms(struct shard *shard, const struct set_lane *lane, struct log *log, size_t window);

/* So many records of it are folded now, for what changed. */
void pace_folded(struct shard *shard, const struct set_lane *lane, struct log *log, size_t window, size_t records);

#endif
