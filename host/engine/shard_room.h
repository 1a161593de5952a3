/* shard_room.h - what a shard and its keys may use. Part of a shard.
 *
 * As memory comes near its bound (limits.memory, an equal part for each worker), in this order:
 *
 *   7/8    Slack goes, a little with each parcel: blocks that are less than half full, tables that were large once, memory
 *          that is kept for later. Nothing that anybody can see.
 *   15/16  New keys are refused, said and counted, until a twentieth of this is free again. The rest is for known keys.
 *   1      Known keys with ROOM_RECORDS records or more get no more than they have: a new one takes the place of the oldest, as
 *          it does in any case for those that have key_records of them. Those with less go on.
 *
 * What is not counted: messages and parcels under way, what waits for the sink and for the disk, scratch memory of a fold. It
 * does not grow with the number of keys. */
#ifndef ENGINE_SHARD_ROOM_H
#define ENGINE_SHARD_ROOM_H

#include "engine/shard.h"

#define ROOM_RECORDS 100 /* the least that key_records may be */

/* How does memory stand, now that so many records come? No log is held. */
void room_look(struct shard *shard, size_t records);

/* May a new key come to the lane? If not that is said, and counted. */
bool room_for_key(struct shard *shard, size_t lane);

/* May a record with this stamp come to the log? Not if that has as many as it may, all newer. And after it came: the oldest
 * goes if it is one too many, and that is true. */
bool room_in_log(const struct shard *shard, const struct set_lane *lane, struct log *log, const sl_stamp *stamp);
bool room_kept(struct shard *shard, const struct set_lane *lane, struct log *log);

/* A key has as many records as it may, and one of them had to go, or to stay outside: said and counted. */
void tell_crowded(struct shard *shard, const struct set_lane *lane, const struct log *log);

#endif
