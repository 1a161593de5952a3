/* state_folder.h - the folder that holds a host's durable state, and who may use it.
 *
 *     <folder>/lock          flock()ed by the process that uses the folder; says who that is
 *     <folder>/manifest-N    manifest.h
 *     <folder>/journal/...   segment.h
 *     <folder>/sets/, set    plugin_set.h
 *     <folder>/running       notice.h
 *     <folder>/crashes       crash_notes.h
 *
 * Used by the main thread. */
#ifndef STATE_STATE_FOLDER_H
#define STATE_STATE_FOLDER_H

#include "base/error.h"
#include "state/manifest.h"

struct state_folder {
    char *path;
    int folder, journal; /* descriptors of the two folders, close-on-exec */
    int lock;            /* of the lock file; -1: not opened */
    bool locked;
};

/* Make it (mode 0700) where it does not exist. Refused if it can't be, or if others may write it. */
bool state_folder_open(struct state_folder *state, const char *path, struct error *error);
/* The same without making or changing anything: for looking. Another user's folder is fine, if only that user writes it. */
bool state_folder_look(struct state_folder *state, const char *path, struct error *error);
void state_folder_close(struct state_folder *state); /* gives up the lock */

/* Take the lock if nobody has it; never waits. On success the owner that was written there before is in `former` (empty if
 * none) and `owner` (one line, at most 200 bytes) is written there. False: it is taken, and `former` says by whom. */
#define STATE_OWNER_MAX 256
bool state_folder_lock(struct state_folder *state, const char *owner, char former[STATE_OWNER_MAX]);

/* The descriptor of a lock file that this process has locked before it became what it is now (execve). If it is that of this
 * folder, it becomes state->lock, and state_folder_lock() finds it ours; else (or `state` NULL) it is closed. */
void state_folder_inherit(struct state_folder *state, int lock);

/* Delete every segment file that `manifest` does not name and whose generation is below `generation`. Returns how many. */
size_t state_folder_sweep(const struct state_folder *state, const struct manifest *manifest, uint64_t generation);
/* Of the generations of `bounds`: every segment file that `manifest` (NULL: there is none) does not name and whose sequence is
 * below that of the bound of its lane, worker and generation. What has no bound stays. False: not all could be deleted. */
bool state_folder_sweep_below(const struct state_folder *state, const struct manifest *manifest,
                              const struct segment_name *bounds, size_t count);

#endif
