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

/* A line a lane, of what happens to it. */
void durable_say(const struct durable *durable);

#endif
