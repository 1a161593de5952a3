/* restore.h - a worker's keys, back from the journals of those who came before it. */
#ifndef ENGINE_RESTORE_H
#define ENGINE_RESTORE_H

struct worker;

/* At the start of the worker's thread. Reads the segments that may hold its keys: with as many workers as before its own, else
 * all of them. Lanes that are kept are then full; those that must be filled, or of which something was damaged, go on
 * filling. Sets worker->restored. Without durable state it does nothing. */
void restore_worker(struct worker *worker);

#endif
