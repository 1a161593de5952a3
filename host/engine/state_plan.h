/* state_plan.h - what a start makes of the state it finds: for each lane, is it kept, copied, or filled again?
 *
 * Made before anything runs, and by `shoplane check --against-state` too. Plain data; constant while the engine runs. */
#ifndef ENGINE_STATE_PLAN_H
#define ENGINE_STATE_PLAN_H

#include "plugin/lane_set.h"
#include "state/state_folder.h"

enum lane_fate {
    FATE_EMPTY,  /* there is no state at all: it begins with what comes */
    FATE_KEPT,   /* its records are read as they are */
    FATE_COPIED, /* field by field, by name */
    FATE_RESUMED, /* it was off for a while: its records are kept, what it missed is read again from the topic */
    FATE_FILLED  /* its windows are filled from the topic */
};

struct lane_plan {
    enum lane_fate fate;
    const struct manifest_lane *from; /* where its records are; NULL: nowhere */
    struct schema_copy copy;
    struct record_schema schema; /* of its records from now on */
    char reason[600];            /* for people: why it is not simply kept; "" */
};

struct state_plan {
    const struct lane_set *set;
    const struct manifest *manifest; /* NULL: there is none */
    struct lane_plan *lanes;         /* one a lane of the set */
    uint64_t to_fill;                /* bits of the lanes that need the topic's past */
    /* Of a start; zero where only a plan is asked for. */
    const struct state_folder *folder;
    uint64_t generation; /* of this start */
    int64_t interval_ms;
    bool sync;           /* fsync at checkpoints */
    bool fill_at_once;   /* features of lanes that are being filled are written meanwhile */
    bool accept_loss;
    bool write_again;    /* what Redis has may be of a clock that was wrong */
    bool held;           /* no manifest is in the folder yet: no segment may be made; checkpoint_begin() */
    const char *topic;
    char plugin_set[64]; /* what runs, for the manifest; "" unknown */
};

/* Never fails: a lane whose records can't be kept is filled, and says why. Not owned: set, manifest. */
void state_plan_make(struct state_plan *plan, const struct lane_set *set, const struct manifest *manifest);
void state_plan_free(struct state_plan *plan);

/* The state's clock was ahead by so much, and is not any more: what Redis has is written again, and lanes of which records were
 * thrown away that count now are filled. Journals go in segments of a sixteenth of what a lane keeps: one that keeps more than
 * sixteen times `ahead_ms` can lack its oldest at most, for `ahead_ms` at most. */
void state_plan_mend(struct state_plan *plan, int64_t ahead_ms);

/* Is this lane of the manifest not in the set? */
bool state_plan_orphan(const struct state_plan *plan, const struct manifest_lane *lane);

const char *lane_fate_word(enum lane_fate fate); /* "kept", "copied by field name", ... */

#endif
