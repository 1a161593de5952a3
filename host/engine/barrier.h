/* barrier.h - a worker's part in a checkpoint: the barrier goes out with its parcels, and where one has come from every sender,
 * its shard is cut.
 *
 * On the worker's thread. */
#ifndef ENGINE_BARRIER_H
#define ENGINE_BARRIER_H

#include "engine/worker.h"

/* Is a barrier wanted that was not sent yet? Its number, which is to go out with the next parcels: where we stand is noted with
 * it. 0: none. */
uint64_t barrier_due(struct worker *worker);

/* Has this sender said what comes behind a barrier that others have not sent yet? Then it waits. */
bool barrier_holds(const struct worker *worker, int sender);

/* After parcels were taken: a barrier that has come from all who still send cuts what came before it from what comes behind. */
void barrier_cut_if_due(struct worker *worker);

/* Cut now. CUT_LAST: the worker ends. */
void barrier_make_cut(struct worker *worker, uint64_t number);

#endif
