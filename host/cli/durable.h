/* durable.h - what `shoplane run` makes of the state folder at its start: which state counts, and what becomes of each lane. */
#ifndef CLI_DURABLE_H
#define CLI_DURABLE_H

#include "config/config.h"
#include "engine/state_plan.h"
#include "ingest/source.h"

struct durable {
    struct manifest *manifest; /* NULL: none yet */
    struct state_plan plan;
    int64_t *next;             /* by partition of the manifest */
    struct kafka_positions positions;
};

/* Read the folder's state and compare it with the lanes. False: it can't be used as it is; *error says what would be lost by
 * going on (`accept_loss`). */
bool durable_open(struct durable *durable, const struct state_folder *folder, const struct config *config,
                  const struct lane_set *set, bool accept_loss, struct error *error);
void durable_close(struct durable *durable);

/* Once the source is there: a clock that had got ahead is taken back, before the engine starts with it. A former version let one
 * event that was minutes ahead move it; a wall clock may have done so when there was no message to tell that it was wrong. While
 * a host runs its clock never goes back; a start folds all again, so here it may. The latest that it can have been is now by the
 * wall clock, or by the Kafka timestamps of the last messages that were read, whichever is later: so a wall clock that is behind
 * at the start takes nothing back. A clock that is not later than that is ahead by the disorder at most, and is right again
 * when that has passed. */
void durable_mend_clock(struct durable *durable, const struct config *config, struct source *source, int64_t wall_ms);

/* A line a lane, of what happens to it. */
void durable_say(const struct durable *durable);

#endif
