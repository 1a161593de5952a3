/* explanation.h - what stands behind the features of one key: its records, when each leaves or reaches an age, and what will be
 * there then.
 *
 * Made from a shard that nobody changes meanwhile: on its worker's thread (question.h), or of a shard that was restored for this
 * (key_state.h). Folds in a folder of its own; changes nothing. */
#ifndef ENGINE_EXPLANATION_H
#define ENGINE_EXPLANATION_H

#include "engine/shard.h"

#define EXPLANATION_STEPS_MAX 50   /* records whose leaving is folded; what lies behind them is counted */
#define EXPLANATION_ADDS_MAX 20000 /* about so many records are folded for one feature and window: of a crowd less is told */

struct explanation_question {
    const char *kind;    /* "user", "session" or a lane's key_name */
    const char *id;
    const char *feature; /* "product_view_count" or with its window, "product_view_count_5m"; NULL: all, without their records */
    bool json;
    bool live;             /* the clock follows the wall clock, `disorder_ms` behind it */
    int64_t disorder_ms;   /* where it is live */
    const char *quarantine; /* which plugins are not called, a line each; NULL: none */
};

/* Append the answer to `out`. False: *error says that there is no such key or feature, and what there is. `as_of`: "the
 * running host" or where else it comes from. */
bool explanation_make(struct shard *shard, const struct explanation_question *question, const char *as_of, struct buffer *out,
                      struct error *error);

/* Add to a refusal that plugins stand in quarantine, if any do: what is asked for may be theirs. */
void explanation_say_quarantine(const struct explanation_question *question, struct error *error);

/* Does any lane of the set have keys of this kind, and which sl_key is it? False: none, *error lists those there are. */
bool explanation_kind(const struct lane_set *set, const char *kind, sl_key *key, struct error *error);

#endif
