/* state_copy.h - a consistent copy of a state, while a host may be running on it.
 *
 * The manifest is read first; of each segment that it names the bytes that it counts are copied, and their sums checked in
 * the copy. A host only ever appends behind them. Should it delete a segment meanwhile, it has made a newer manifest: the
 * copy goes on with that one, and keeps what it has. The manifest is written last: a copy that was cut off is no state. */
#ifndef STATE_STATE_COPY_H
#define STATE_STATE_COPY_H

#include "state/state_survey.h"

/* What it came to: the manifest of the copy. */
struct state_copied {
    struct manifest *manifest; /* to be freed */
    uint64_t segments, bytes;
    unsigned begun_again; /* because the host had moved on */
};

/* `to` is opened, holds no state, and is nobody else's. Everything is on the disk when it returns. False: `to` is as empty
 * as it was; error->what[0] == '\0': the progress function stopped it. */
bool state_copy(const struct state_folder *from, const struct state_folder *to, const struct state_progress *progress,
                struct state_copied *copied, struct error *error);

/* Is there any manifest or segment in it, good or not? */
bool state_exists(const struct state_folder *state);

#endif
