/* cut_manifest.h - what the workers' cuts come to: the manifest of a checkpoint; and the manifest of a new folder.
 *
 * cut_manifest() is used by the checkpoint's thread, while the cuts are its own to read. */
#ifndef ENGINE_CUT_MANIFEST_H
#define ENGINE_CUT_MANIFEST_H

#include "engine/worker.h"

struct cut {
    const struct engine_settings *settings;
    struct worker *workers;
    const struct manifest *before; /* the last one of ours; NULL: none yet, what the start read counts */
    uint64_t filling;              /* bits of the lanes of which the journals are of no use yet */
    uint64_t barrier;              /* where each sender stood when it sent it, or, where it has ended, at its end */
    bool last;                     /* all senders have ended */
};

/* Also tells the workers which of their segments are not needed any more. Free with manifest_free(). */
struct manifest *cut_manifest(const struct cut *cut);

/* Of a folder without any: checkpoint 0, no segments, and the offsets that reading begins at. A start that follows before the
 * first checkpoint goes on from these. Free with manifest_free(). */
struct manifest *first_manifest(const struct state_plan *plan, struct source *source);

#endif
