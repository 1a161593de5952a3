/* emission.h - when a log's windows are folded and written: DESIGN.md section 3, Folding and emitting.
 *
 * Part of a shard: called by it, on its thread. How often a long window is folded: pace.h. */
#ifndef ENGINE_EMISSION_H
#define ENGINE_EMISSION_H

#include "engine/shard.h"

/* Something about the log changed, or one of its times has come: write what is due (event clock: now; live: queue it for
 * the end of the batch), arm its send timer for what comes next, or forget the log if nothing of it is left. The log may
 * be gone afterwards. */
void emission_look(struct shard *shard, struct log *log);

/* The same for a log whose parsers need what other lanes have, and for one that such a parser needs: with the event clock it is looked
 * at when the event, or the moment, is whole (needs.h). Does not free the log. */
void emission_look_when_whole(struct shard *shard, struct log *log);

/* Where the records that count in this window begin, as of the shard's clock; and whether the window is live with them. */
size_t emission_first_record(const struct shard *shard, const struct set_lane *lane, const struct log *log, size_t window,
                             bool *live);

/* As of when it is folded: the shard's clock, or of a session that is over the last moment of it. */
int64_t emission_fold_ms(const struct shard *shard, const struct set_lane *lane, const struct log *log);

/* Keep the ledger: is something of the log not acknowledged? After each change of its views, pins or queue. */
void emission_account(struct shard *shard, struct log *log);

/* A lane woke up (shard_lane_full): the log's live windows are written, now or, where Redis should have them, at `at_ms` of
 * the shard's sends. What is owed of it is queued. `held`: it had records before what is too old left. */
void emission_wake(struct shard *shard, struct log *log, enum lane_wake wake, bool held, int64_t at_ms);

/* Event clock: the first time is known. What came before it is looked at as of now, before the clock moves on. */
void emission_begin(struct shard *shard);

/* Look at what was touched, and at what is owed as long as the sink is ready. True: nothing is owed any more. */
bool emission_send_queued(struct shard *shard);

/* Make every change of the log owed, whatever its emit interval; or everything of it that is live, changed or not. Neither
 * frees a log. */
void emission_release(struct shard *shard, struct log *log);
void emission_write_again(struct shard *shard, struct log *log);
/* The same, of some of its windows: bits. */
void emission_write_windows_again(struct shard *shard, struct log *log, uint32_t windows);

/* What waits to be written of it is written whole: of each feature nobody knows whether it is there. */
void emission_doubt(const struct shard *shard, struct log *log);

/* The window has nothing to say any more: should it wake, all of it is written again, changed or not. */
void emission_silence(const struct set_lane *lane, struct log *log, size_t window);

/* A session that is over is kept alive no longer (emission.c says what is still written of it); and once no late event may change
 * it any more its records go, when all of it is written and acknowledged (shard.c). */
void shard_end_session(struct shard *shard, const struct set_lane *lane, struct log *log);

/* Free a log of which nothing is left (shard.c). */
void shard_forget(struct shard *shard, struct log *log);

#endif
