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

struct case_result {
    size_t moments; /* that were looked at */
    size_t differ;  /* of these */
};

/* `plugins`: where they are, see plugin_file.h. What differs is appended to `out` as text for people. False: it could not be
 * run at all, for the reasons in `errors` (of its configuration or its plugins). */
bool case_run(const struct case_file *file, const char *plugins, struct case_result *result, struct buffer *out,
              struct error_list *errors);

#endif
