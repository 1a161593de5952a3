/* strict.h - a lane set whose plugins are watched: between host and plugin stands somebody who asks everything of the contract
 * (lane.h, metric.h, event.h, scratch.h of the SDK) that can be asked of one call.
 *
 * - Records, aggregates, values and cells lie between guard bytes; what is only to be read is the same afterwards.
 * - Tables of the host go on behind their end with slots that no SDK has; whoever calls one is stopped.
 * - An event, or a list of records, is dead when the call that gave it is over; a record when the next is asked for.
 * - Inputs and indexes are the lane's own; texts are handles that the host made; a map has one size; cells have the declared
 *   type.
 * - `extract` and `compute` are asked twice, and say the same twice.
 *
 * What differs between whole runs (batches, workers, order of arrival, combining, a restart) is not seen here: validate.h
 * drives those. One set is watched by one thread. */
#ifndef TESTHOST_STRICT_H
#define TESTHOST_STRICT_H

#include "plugin/lane_set.h"
#include "plugin/plugin_elf.h"

/* Where in a plugin the process is: written before each call, so that who finds it dead knows. May lie in shared memory. */
struct strict_place {
    char plugin[96];   /* "lane product"; "": in none */
    char function[24]; /* "extract" */
    bool slot;         /* it has called what is behind the end of a table */
    size_t step;       /* the caller's number of what is being done: strict->step */
};

enum strict_combine {
    COMBINE_AS_ASKED,
    COMBINE_NEVER,
    COMBINE_SOMETIMES /* every other time, by `seed`: other groups than the host would make */
};

/* What is asked of an input, by the functions of event.h that were called for it. */
#define ASKED_TEXT   1u /* text or view */
#define ASKED_NUMBER 2u /* money or number */
#define ASKED_FLAG   4u

struct strict_settings {
    enum strict_combine combine;
    uint64_t seed;
    bool declared_only; /* of a record only its declared fields are kept, as when it is copied by name */
    bool still; /* the clock that a fold sees is the time of its newest record, so that it does not tell when it happened */
    struct strict_place *place; /* outlives it; NULL: nobody looks */
    uint8_t *asked;             /* by input of the set's first lane: ASKED_... is added; NULL: nobody asks */
};

struct strict;

/* Watch the plugins of this set, from here on. Breaches are added to `findings`, each kind once a plugin. Both outlive it. */
struct strict *strict_put_on(struct lane_set *set, const struct strict_settings *settings, struct findings *findings);
/* The set is as it was. Before lane_set_free(). */
void strict_take_off(struct strict *strict);

/* What is being done from now on; for findings and the place. */
void strict_step(struct strict *strict, size_t step);
/* The step of the finding with this number in `findings`; SIZE_MAX: none. */
size_t strict_step_of(const struct strict *strict, size_t finding);

#endif
