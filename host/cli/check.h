/* check.h - what `shoplane check` does, for `shoplane reload` too. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli/trial.h"

/* Read the configuration at `path` and load its plugins; with `against_state`, print what a start would make of the state that
 * there is. False: it would not start; every mistake was said on standard error. Else *loaded is to be freed. */
bool check_start(const char *path, bool against_state, struct loaded *loaded);

#endif
