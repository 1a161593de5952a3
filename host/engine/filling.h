/* filling.h - lanes that need the topic's past: new ones, changed ones, and those whose records were damaged.
 *
 * Used by the checkpoint's thread. */
#ifndef ENGINE_FILLING_H
#define ENGINE_FILLING_H

#include "engine/worker.h"

struct filling {
    const struct engine_settings *settings;
    struct worker *workers;
    bool decided;      /* all workers have read their journals, and what is to be filled is known */
    uint64_t lanes;    /* bits of those that are being filled */
    uint64_t damaged;  /* of these: something of them could not be read */
    struct source *past;
    int64_t begun_ms, said_ms, retry_ms; /* monotonic */
};

void filling_init(struct filling *filling, const struct engine_settings *settings, struct worker *workers);
void filling_free(struct filling *filling);

/* Lanes of which the journals are of no use until they are full. Those of which only something was damaged are not among them:
 * a start from a checkpoint that is made meanwhile finds the damage again, and what is whole (shard_lane.mending). */
uint64_t filling_anew(const struct filling *filling);

/* Once all workers have read their journals: what is to be filled? False: they have not yet. */
bool filling_decide(struct filling *filling);

/* Move on, without waiting long. False: it can't go on, and *error says why. */
bool filling_step(struct filling *filling, struct error *error);

#endif
