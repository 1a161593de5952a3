/* state_survey.h - a look through every segment that a manifest names: what of it is damaged, and what it holds.
 *
 * Nothing is changed, and a host may be running on the folder meanwhile: it may then delete a segment that its newer
 * manifest no longer names, and the survey says so, for the caller to begin again with that one.
 *
 * One thread; memory: one block, and 16 to 32 bytes for each key of the lane that is being read. */
#ifndef STATE_STATE_SURVEY_H
#define STATE_STATE_SURVEY_H

#include "state/state_folder.h"

/* Called now and then with the bytes looked at and those that there are; false: stop here. */
struct state_progress {
    bool (*show)(void *context, uint64_t done, uint64_t total); /* NULL: nobody wants to know */
    void *context;
};

struct survey_lane {
    uint64_t records, keys;       /* that are in the lane's logs: not dropped, not older than its longest window */
    int64_t oldest_ms, newest_ms; /* event times of what was inserted and is not older than that; INT64_MAX and INT64_MIN:
                                     none */
    uint64_t blocks, entries; /* that are good */
};

struct survey {
    struct survey_lane *lanes; /* as many as the manifest has, in its order */
    struct error_list damages; /* what; found: file and offset; advice: what is lost with it */
};

enum survey_result {
    SURVEY_DONE,
    SURVEY_MOVED_ON, /* a segment is no longer there, and there is a newer manifest */
    SURVEY_STOPPED   /* by the progress function */
};
enum survey_result state_survey(const struct state_folder *state, const struct manifest *manifest,
                                const struct state_progress *progress, struct survey *survey);
void survey_free(struct survey *survey);

/* Files in the journal that the manifest does not name: begun after it, or left over; no damage. */
struct unnamed_file {
    char name[256];
    uint64_t bytes;
};
size_t state_unnamed(const struct state_folder *state, const struct manifest *manifest, struct unnamed_file **files);

/* Is the file of this segment gone, and is there a manifest newer than this one? */
bool state_moved_on(const struct state_folder *state, const struct manifest *manifest, const struct segment_name *missing);

/* Does a process hold the folder's lock? `holder`: what its owner, or the last one, wrote there; empty: nothing. The lock is
 * tried for the length of one system call, shared, so that lookers do not meet. */
bool state_holder(const struct state_folder *state, char holder[STATE_OWNER_MAX]);

#endif
