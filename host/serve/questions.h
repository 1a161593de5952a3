/* questions.h - what a running host answers through its control socket: `features`, `explain`, `audit`, `cost`. */
#ifndef SERVE_QUESTIONS_H
#define SERVE_QUESTIONS_H

#include "serve/audit.h"
#include "serve/control.h"

struct questions {
    struct engine *engine;
    const struct lane_set *set;
    struct audit *audit; /* or NULL */
    bool live;           /* as in struct explanation_question */
    int64_t disorder_ms;
    const char *quarantine;
};

/* For control_start(), with a struct questions as the context.
 *     explain KIND ID FEATURE text|json     FEATURE may be *: all, without their records
 *     audit
 *     cost text|json */
extern const struct control_command questions_commands[];

#endif
