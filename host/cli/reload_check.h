/* reload_check.h - `shoplane check --against-state` as a process of its own, while the host runs on.
 *
 * So that a plugin's `open` that crashes, hangs or leaks does it to somebody else. What it says goes to our standard error, as lines of ours do.
 * Main thread. */
#ifndef CLI_RELOAD_CHECK_H
#define CLI_RELOAD_CHECK_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct reload_check {
    pid_t process; /* 0: none is running */
    int said;      /* what it writes comes out here; only while one is running */
    struct buffer line; /* of it, not yet whole */
    int64_t since_ms, limit_ms;
    char token[48];     /* the line that only a check that is through can write */
    bool through;
};

enum reload_verdict { RELOAD_NOTHING, RELOAD_CHECKING, RELOAD_GOOD, RELOAD_REFUSED };

/* `config`: the path. `call_ms`: what a call of a plugin may take; the check itself sees to that (watchdog.h). False: it can't be
 * started. */
bool reload_check_start(struct reload_check *check, const char *config, int64_t call_ms, struct error *error);
/* Does not wait. RELOAD_REFUSED: *error says how it ended; details were said by the check itself. */
enum reload_verdict reload_check_look(struct reload_check *check, struct error *error);
void reload_check_stop(struct reload_check *check);

#endif
