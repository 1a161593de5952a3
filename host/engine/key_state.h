/* key_state.h - one key, from a state folder that no host need be running on: its records, as the last checkpoint has them.
 *
 * Reads all segments of the lanes with keys of its kind, and keeps what is of the key. Changes nothing. */
#ifndef ENGINE_KEY_STATE_H
#define ENGINE_KEY_STATE_H

#include "engine/shard.h"
#include "engine/state_plan.h"

/* `shard` is initialised here, with a table seed of 0, and to be freed with shard_free(); it has no sink. The plan is of the
 * lane set that folds, its folder open. Lanes whose records can't be kept are empty; what can't be read is passed over, and
 * said in *damage (what[0] != '\0'), the first of it. */
void key_state_read(struct shard *shard, const struct state_plan *plan, sl_key kind, sl_view key, struct error *damage);

#endif
