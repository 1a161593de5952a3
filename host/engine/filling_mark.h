/* filling_mark.h - with fill = "at_once": which lanes' features are not complete yet, said to readers beside the features.
 *
 *     shoplane:{TOPIC}:filling:LANE    "1", with a TTL of a minute, renewed while the lane is being filled
 *
 * Written by the first worker, through its sink; what the mark speaks of is written by anyone only once it stands. */
#ifndef ENGINE_FILLING_MARK_H
#define ENGINE_FILLING_MARK_H

#include "engine/shard.h"
#include "engine/state_plan.h"

struct filling_mark {
    uint64_t marked;    /* bits of lanes whose mark was written */
    bool confirmed;     /* Redis has said that it has them */
    int64_t renewed_ms; /* monotonic */
};

/* With every round of sends. True: marks stand for all lanes that are being filled here. */
bool filling_mark_keep(struct filling_mark *mark, struct shard *shard, const struct state_plan *plan, int64_t now_ms);

#endif
