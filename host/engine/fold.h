/* fold.h - from the records of one window to the texts of its features.
 *
 * A folder belongs to one worker: scratch memory for the length of a fold, and the rendered texts, valid until the next. */
#ifndef ENGINE_FOLD_H
#define ENGINE_FOLD_H

#include "base/buffer.h"
#include "engine/cost.h"
#include "engine/log.h"
#include "engine/scratch.h"

struct folded_feature {
    uint32_t offset, size; /* in folder->text */
    bool present;
};

/* Where the records of a window of another lane are: of the same key, as of the same clock. `log` NULL: there are none. */
struct fold_source {
    const struct log *log;
    size_t first;
    int64_t now_ms;
};
struct fold_others {
    const struct lane_set *set;
    struct fold_source (*find)(void *context, size_t lane, size_t window);
    void *context;
};

#define NOT_FINITE_TOLD_MAX 16

struct folder {
    struct scratch scratch;
    struct buffer text;
    struct folded_feature features[METRICS_MAX * 16]; /* parsers in order, each its features in order */
    struct lane_cost *costs;                          /* one a lane, not owned; NULL: nobody counts */
    uint64_t not_finite; /* features that were not a finite number, and so absent */
    const char *not_finite_told[NOT_FINITE_TOLD_MAX]; /* the names of those that were said, each once a worker */
    uint64_t barred;                                  /* calls of lanes and parsers left out: plugin/bars.h */
    uint64_t hashes[METRICS_MAX];                     /* of each parser's rendered features; never 0 */
};

/* `texts` are the worker's, which outlive it. */
void folder_init(struct folder *folder, struct texts *texts);
void folder_free(struct folder *folder);

/* Fold the records [first, log->count) of the log for this window, as of the clock `now_ms`. `others`: of what parsers need of other
 * windows and lanes (needs.h). */
void folder_fold(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                 int64_t now_ms, const struct fold_others *others);
/* The same, with another clock for the metric parsers than for the lane: fold_check.h. */
void folder_fold_apart(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                       int64_t now_ms, int64_t parsers_ms, const struct fold_others *others);

#endif
