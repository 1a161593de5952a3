/* restart.h - becoming ourselves again: execve of the program at the path it was started from, with the same arguments.
 *
 * The process stays (its id, its place in the system's supervision); threads, memory and descriptors above 2 go, but for the
 * lock of the state folder: so nobody who stands by gets in between. What the new self needs to know travels in the
 * environment. A newer program put at the path is what starts. Main thread, but for what a crash does. */
#ifndef CLI_RESTART_H
#define CLI_RESTART_H

#include "state/plugin_set.h"

#include <stdbool.h>
#include <stdint.h>

enum restart_reason {
    RESTART_NOT,      /* a start like any other */
    RESTART_RELOAD,   /* told to reload */
    RESTART_GROWN,    /* the topic has more partitions */
    RESTART_LEASE,    /* somebody else took the lease */
    RESTART_BACK,     /* the set that was to run can't; go back to the last good one */
    RESTART_CRASH,    /* it crashed while it was being tried; the same */
    RESTART_TAKEOVER, /* stood by while the set changed */
};
const char *restart_word(enum restart_reason reason); /* "reload", "partitions added", ... */
static inline bool restart_is_back(enum restart_reason reason) { return reason == RESTART_BACK || reason == RESTART_CRASH; }

/* What a former self says to us. */
struct restart_note {
    enum restart_reason reason;
    int64_t since_ms;     /* monotonic clock: since when features stand still; 0: they did not run */
    int cause;            /* RESTART_CRASH: as in crash_notes.h */
    char set[SET_ID_MAX]; /* run this one of folder's sets; "": what is installed */
    char *folder;         /* of the state; NULL: none */
    int lock;             /* descriptor of the state folder's lock file, which stays locked and open; 0: none */
    uint64_t unsaid;      /* lines of the log that did not leave any more; filled in by restart_now() */
    char *why;            /* RESTART_BACK: what is wrong with the set that is installed; else NULL */
};

/* First thing in main(): where the program is, and its arguments. */
void restart_prepare(char **argv);
const char *restart_program(void); /* absolute path */

/* What the former self said; only once, and not handed on to children. Free folder and why. */
void restart_take_note(struct restart_note *note);

/* Become ourselves again. Returns only if that can't be done, or we were told to stop (errno EINTR): signals are then as they
 * were. SIGHUP, SIGTERM and SIGINT that come meanwhile wait for the new self's handlers. */
void restart_now(const struct restart_note *note);

/* No program that we start, or become, gets a descriptor above 2, whatever a library left open. */
void restart_keep_descriptors(void);

/* From now on a crash (crash.h) is a restart by RESTART_CRASH, with what `note` says: the last good set. */
void restart_on_crash(const struct restart_note *note);
void restart_on_crash_no_more(void);
/* What a crash does then: becomes that. Comes back where nothing is armed, or where it can't be. Async-signal-safe. */
void restart_after_crash(int cause);

#endif
