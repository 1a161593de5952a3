/* permission.h - may a worker write? Not while somebody else holds the lease, nor before everything has been read again that
 * was written when it was taken: until then the shard is muted, and what is due is owed.
 *
 * On the worker's thread. */
#ifndef ENGINE_PERMISSION_H
#define ENGINE_PERMISSION_H

#include "engine/worker.h"

/* Before anything is taken, and before each round of sends: mute the shard, or let it speak. */
void permission_look(struct worker *worker);

#endif
