/* attend.h - what the main thread does while the engine runs: signals, a line of figures now and then, and reasons to end. */
#ifndef CLI_ATTEND_H
#define CLI_ATTEND_H

#include "cli/restart.h"
#include "cli/trial.h"
#include "engine/engine.h"
#include "serve/audit.h"
#include "sink/lease.h"

enum ending {
    ENDING_INPUT,   /* the input has ended, or an error ended it */
    ENDING_STOPPED, /* told to stop */
    ENDING_LEASE,   /* somebody else holds the lease now: nothing more may be written or kept */
    ENDING_RELOAD,  /* told to reload, and the new set was found good */
    ENDING_GROWN    /* the topic has more partitions: a restart reads them */
};

struct attendance {
    struct engine *engine;
    struct source *source;
    struct dead_letters *letters;
    struct lease *lease;   /* or NULL */
    struct state_folder *folder; /* or NULL; whose lock is taken as soon as its former owner, who has lost the lease, ends */
    struct audit *audit;   /* or NULL */
    const char *owner;     /* what is written there then */
    int64_t report_s;      /* 0: no lines */
    bool restartable;      /* there is durable state: a restart loses nothing */
    const char *config;    /* path of what a reload is to run, for its check */
    int64_t call_ms;       /* what a call of a plugin may take; 0: whatever it takes */
    size_t quarantined;    /* how many plugins are left out of what runs */
    struct trial *trial;   /* what runs; its folder NULL: there are no trials */
    enum restart_reason reason; /* of this start */
    int64_t since_ms;      /* features stand still since then (monotonic clock), 0: they did not run before; and in the end,
                              since when they do again */
};

/* Until the engine has ended (with ENDING_LEASE: at once). With ENDING_RELOAD and ENDING_GROWN it ended in a hurry. Told to
 * stop a second time, the process ends here, status 1. */
enum ending attend(struct attendance *attendance);

#endif
