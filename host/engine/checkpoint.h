/* checkpoint.h - cuts through the whole engine, made durable; and the filling of lanes from the topic's past.
 *
 * A thread asks every worker for a barrier and waits until all shards are cut. It syncs what they wrote, replaces the manifest,
 * tells Kafka the offsets (for the monitors), and deletes segments that no manifest names any more. Workers go on meanwhile:
 * what a checkpoint costs them is writing what came since the last. A checkpoint that fails is said, and tried again; the last
 * good one stands until then.
 *
 * The same thread opens the past once all workers have read their journals, and ends with an error what can't go on: records
 * that are damaged and that Kafka no longer has, unless their loss was accepted. */
#ifndef ENGINE_CHECKPOINT_H
#define ENGINE_CHECKPOINT_H

#include "engine/worker.h"

struct checkpoint;

/* Before the workers are made: a new folder gets its first manifest, so that segments without one always mean that it is
 * gone. Where it can't be written, that is said, journals are held back, and it is tried again at each checkpoint. */
void checkpoint_begin(const struct engine_settings *settings);

/* Starts the thread. `settings` and `workers` outlive it; settings->state is set. */
struct checkpoint *checkpoint_start(const struct engine_settings *settings, struct worker *workers);

/* Make one now and wait for it. False: it failed, or the workers have ended. Any thread. */
bool checkpoint_now(struct checkpoint *checkpoint);

/* After the workers have ended: stop the thread, and make the last checkpoint from the cuts that they made at their end. */
bool checkpoint_finish(struct checkpoint *checkpoint);

/* True: the engine was stopped because of this. */
bool checkpoint_error(struct checkpoint *checkpoint, struct error *error);

/* Has a checkpoint found another process's state in place of ours? Any thread. */
bool checkpoint_overtaken(struct checkpoint *checkpoint);

/* Fill in what of the counters is known here. */
void checkpoint_count(struct checkpoint *checkpoint, struct engine_counters *counters);

/* After checkpoint_finish(). */
void checkpoint_free(struct checkpoint *checkpoint);

#endif
