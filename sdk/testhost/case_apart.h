/* case_apart.h - a golden case, run in a process of its own: what a plugin does there, crash, exit() or stand still, is a
 * difference of this case, and others are run as if nothing had been. */
#ifndef TESTHOST_CASE_APART_H
#define TESTHOST_CASE_APART_H

#include "testhost/case_file.h"

struct case_result {
    size_t moments; /* that were looked at */
    size_t differ;  /* of these */
    bool unseen;    /* a lane saw no event */
};

/* `plugins`: where they are, see plugin_file.h. An event, or a move of the clock, that takes longer than `timeout_s` has stood still.
 * What differs is appended to `out` as text for people; to `spelling` the words of lanes that are probably misspelt
 * (plugin/spelling.h), one text with its zero a lane. False: it could not be run at all, for the reasons in `errors` (of its
 * configuration or its plugins). */
bool case_run_apart(const struct case_file *file, const char *plugins, int timeout_s, struct case_result *result,
                    struct buffer *out, struct buffer *spelling, struct error_list *errors);

#endif
