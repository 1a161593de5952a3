/* fold_check.h - does a window fold to the same whenever it is folded?
 *
 * What lanes and metric parsers promise (lane.h of the SDK): the result is a matter of the records, and changes with the clock
 * only where a record comes, goes or reaches an age that the lane names. For nobody folds in between, and what was written then
 * stands in Redis. Asked by the audit of a running host (audit_sample.h) and by `shoplane plugin validate`. */
#ifndef ENGINE_FOLD_CHECK_H
#define ENGINE_FOLD_CHECK_H

#include "engine/fold.h"

enum fold_fault {
    FOLD_SOUND,
    FOLD_IMPURE, /* as of one clock, and another result the second time */
    FOLD_STALE   /* another result at another time, though no record came, went or reached an age in between */
};

#define FOLD_SHOWN 120 /* bytes of a value in a finding */

struct fold_finding {
    enum fold_fault fault;
    bool of_lane;   /* stale: what the lane publishes differs, not only what the parser makes of it */
    size_t feature; /* the first that differs, of all of the lane's */
    int64_t clock_ms[2];
    char value[2][FOLD_SHOWN + 8]; /* as of them; in quotes, or "nothing" */
};

/* Fold these records as folder_fold() would as of `now_ms`, which the folder has afterwards, and besides some times more.
 * findings[]: one a parser of the lane. */
void fold_check(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                int64_t now_ms, const struct fold_others *others, struct fold_finding *findings);

/* The finding in words, of the Redis key that it is about; and what to do. */
void fold_finding_tell(const struct fold_finding *finding, const struct set_lane *lane, size_t metric, const char *key,
                       struct error *error);

#endif
