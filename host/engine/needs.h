/* needs.h - what a parser needs of other windows of its lane, and of other lanes of the same kind of key (sl_metric.more_needs).
 *
 * A key of one kind belongs to one worker, whatever the lane: so the other lane's log of that key is in this shard. Its values are
 * folded when the parser's are, as of the same clock. When they change, the parser's windows that have records are dirty too; with
 * the event clock they are looked at when the event, or the moment at which records leave, is whole in all lanes: so no parser
 * sees half an event, and no order of lanes shows. Part of a shard. */
#ifndef ENGINE_NEEDS_H
#define ENGINE_NEEDS_H

#include "engine/shard.h"

/* What the parsers of a lane see of others of one key. */
struct needs_view {
    struct shard *shard;
    const struct set_lane *lane; /* theirs */
    const struct log *log;
    sl_view id;
    int64_t at_ms; /* the clock */
};
struct fold_others needs_others(struct needs_view *view, struct shard *shard, const struct set_lane *lane, sl_view id,
                                const struct log *log, int64_t at_ms);

/* Fold the records [first, count) of the log for this window as of `now_ms`; what its parsers need of others as of the clock `at_ms`.
 * `id`: the key, whether or not there is a log of it. */
void needs_fold(struct shard *shard, struct folder *folder, const struct set_lane *lane, sl_view id,
                const struct log *log, size_t window, size_t first, int64_t now_ms, int64_t at_ms);

/* Values of these windows of the log (a bit each) have changed, or may have: whoever needs them is dirty, and will be looked at. */
#define NEEDS_ALL_WINDOWS UINT32_MAX
void needs_touch(struct shard *shard, struct log *log, uint32_t windows);

/* Have all lanes that the parser needs what they should have? Until then nothing of it is written. */
bool needs_ready(const struct shard *shard, const struct bound_metric *metric);

/* The event, or the moment, is whole: look at what has waited for that. */
void needs_whole(struct shard *shard);

#endif
