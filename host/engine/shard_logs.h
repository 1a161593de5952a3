/* shard_logs.h - what shard.c and shard_state.c share: making logs, their texts and their end. Part of a shard. */
#ifndef ENGINE_SHARD_LOGS_H
#define ENGINE_SHARD_LOGS_H

#include "engine/shard.h"

struct log *log_new(struct shard *shard, size_t lane, uint64_t hash, sl_view key);

/* Until when the newest run may go on: the clock beyond it means that it is over. */
int64_t session_end(const struct set_lane *lane, const struct log *log);
/* Has its time passed, so that no late event may change it any more? Its records may still be there, for the sink. */
bool session_gone(const struct shard *shard, const struct set_lane *lane, const struct log *log);
void drop_session(struct shard *shard, const struct set_lane *lane, struct log *log);

/* Runs that are not the newest and have had their time go: log.h. */
void drop_old_runs(struct shard *shard, const struct set_lane *lane, struct log *log);

/* Wake it when something leaves a window next. `exact`: whatever may have happened to the log since it was last armed; false:
 * a record was added. */
void arm_expiry(struct shard *shard, const struct set_lane *lane, struct log *log, bool exact);

/* Texts that lie by value behind `base`, where the record's handles say, become this worker's own; and back. */
void hold_texts(struct shard *shard, const struct set_lane *lane, const char *base, char *record);
void give_texts_back(struct shard *shard, const struct set_lane *lane, const char *record);

#endif
