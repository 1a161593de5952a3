/* case_run.h - a golden case, run: each moment it expects something of is driven from the beginning, and compared to the
 * letter.
 *
 * Every moment is driven twice, by one worker with a batch an event, and by several with larger batches: what comes out must be
 * the same. The first time its plugins are watched (strict.h); what breaks the contract is a difference too. At the end all is
 * driven once more in a process of its own in which no allocation of a plugin succeeds: that must only not end it. A difference
 * is told with the event behind it: the last line of the case that had come when the value became what it is. */
#ifndef TESTHOST_CASE_RUN_H
#define TESTHOST_CASE_RUN_H

#include "testhost/case_file.h"
#include "testhost/strict.h"

/* How far it is: in memory shared with whoever waits for it. */
struct case_progress {
    struct strict_place place; /* its step is the number of an event of the case, or KEPT_NO_STEP */
    _Atomic uint64_t steps;    /* events and moves of the clock so far */
    size_t moments;            /* that were looked at, the one at hand among them */
    size_t differ;             /* of these */
    bool starving;             /* no allocation of a plugin succeeds now */
    bool unseen;               /* a lane saw no event */
};

/* Descriptors of what it says. */
struct case_told {
    int text;     /* what differs, for people: after each moment */
    int spelling; /* words of lanes that are probably misspelt: a text with its zero a lane */
};

/* `plugins`: where they are, see plugin_file.h. Ends the process where a plugin does: case_apart.h. False: it could not be run at
 * all, for the reasons in `errors` (of its configuration or its plugins). */
bool case_run(const struct case_file *file, const char *plugins, struct case_progress *progress,
              const struct case_told *told, struct error_list *errors);

#endif
