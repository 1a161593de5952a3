/* validate_job.h - one piece of a validation, done in a process that ends with it: whatever the plugin does there is done to
 * nobody else. What is found goes into memory shared with whoever started it (validate.h), as it is found.
 *
 * The plugin is loaded anew by each job, the only way its variables are as they are at a start. */
#ifndef TESTHOST_VALIDATE_JOB_H
#define TESTHOST_VALIDATE_JOB_H

#include "testhost/recorded_events.h"
#include "testhost/strict.h"

/* What is promised, and asked for: the rows of a report. */
enum validate_check {
    CHECK_LOAD,      /* it is loaded, and takes its settings */
    CHECK_CONTRACT,  /* strict.h: what can be asked of one call */
    CHECK_BATCHES,   /* the same for other batches and workers */
    CHECK_THREADS,   /* and for workers that are threads */
    CHECK_ORDER,     /* the same for other orders of arrival */
    CHECK_COMBINE,   /* the same with `combine`, without, and in other groups */
    CHECK_COPIED,    /* the same when records are copied by field name */
    CHECK_RESTART,   /* the same when they go through a journal in the middle */
    CHECK_BROKEN,    /* messages that are broken do no harm */
    CHECK_VALUES,    /* a metric parser's: values made up by chance */
    CHECK_VARIABLES, /* it has no state outside of records */
    CHECK_PURE,      /* it asks neither the clock nor chance */
    CHECK_CLOCK,     /* between two ages it says the same */
    CHECK_MEMORY,    /* allocation fails: it goes on, or refuses */
    CHECK_LEAKS,     /* what it allocates it frees */
    CHECK_SANITIZER, /* what it was built with reports nothing */
    CHECK_REACHED,   /* the events made it keep records at all */
    CHECK_COUNT
};

struct validate_plugin {
    const char *path; /* as it was named; lies in lanes/ or metrics/ */
    enum plugin_kind kind;
    char name[64];
    const char *folders; /* where plugins are, its own first: plugin_file.h */
    const char *params;  /* of it, as a configuration has them: "weights_file = \"...\";"; "": none */
    bool params_shared;  /* it takes those that it declares, and its lane those that that does */
    const char *lane;    /* a metric parser's: the lane it stands on */
    const char *lane_params; /* and the settings of that; "": none */
    bool instrumented;   /* built with a sanitizer */
    const struct recorded_events *recorded; /* in place of events by chance; or NULL */
};

enum job_kind {
    JOB_OPEN,    /* load it, count what `open` allocates, and close it */
    JOB_LEARN,   /* what its inputs are asked for: report->asked, as far as it comes */
    JOB_STARVED, /* `open`, whose allocation number `fail_from` fails */
    JOB_ROUND,   /* a stream of events, in all the ways that must not show */
    JOB_THREADS, /* the same by threads */
    JOB_BROKEN,  /* a stream with broken messages */
    JOB_HUNGRY,  /* a stream, and no allocation of the plugin's succeeds */
    JOB_VALUES,  /* a metric parser, and values made up */
    JOB_SPEED    /* what it costs */
};

struct job {
    enum job_kind kind;
    const struct validate_plugin *plugin;
    uint64_t seed;
    size_t events;
    const uint8_t *asked; /* JOB_ASKED_MAX bytes, as JOB_LEARN has them; NULL: nothing is known */
    const bool *without;  /* by event: it is left out; NULL: none is */
    uint64_t fail_from;
    const char *folder; /* an empty one, for state */
    const char *keep;   /* the events are written to this file as enriched TSV; NULL: they are not */
};

#define JOB_FINDINGS  16
#define JOB_ASKED_MAX 256 /* inputs; of a lane that has more, those beyond are filled in by chance */

#define JOB_REFUSED "refused" /* the id of what makes the plugin itself, not one beside it, one that is not loaded */

struct job_finding {
    enum validate_check check;
    char id[24];
    char what[512], found[512], advice[256];
};

/* In shared memory: fixed size, no pointers. */
struct job_report {
    bool complete; /* it came to its end, or could not begin, which was found */
    bool loaded;   /* as far as that */
    bool has[PLUGIN_KINDS]; /* then: what is in the file */
    size_t lane_has; /* of what a metric parser needs its lane has so much: a name counts for 1, with its type for 2 */
    bool lane_fits;  /* all of it */
    bool lane_unknown; /* the lane can't be loaded, so that what it publishes is not known */
    char untaken[512]; /* params_shared: settings that neither declares, "a, b" */
    struct strict_place place;
    enum validate_check check; /* what is being looked at, for who finds it dead */
    size_t finding_count;
    struct job_finding findings[JOB_FINDINGS];
    bool skipped[CHECK_COUNT];    /* it has nothing that could be looked at */
    uint8_t asked[JOB_ASKED_MAX]; /* JOB_LEARN: by input, ASKED_... of strict.h */
    uint64_t allocations;         /* of `open` */
    uint64_t events, records, folds;
    double extract_ns, add_ns, publish_ns, compute_ns; /* JOB_SPEED: a call */
    char unread[512];                                  /* inputs that were never asked for: "name, name" */
    char spelling[1024];                               /* JOB_OPEN: words of the lane that are probably misspelt */
    char story[16384];                                 /* the events as lines of a golden case; cut where they don't fit */
};

/* Do it. Returns when it is done; *report says what was found. Ends the process where the plugin does. */
void job_run(const struct job *job, struct job_report *report);

/* The configuration that runs the plugin, as text; `session`: with a session window in place of rolling ones; `bucket_ms`: of
 * its lane, as in lane.h; `longest`: with windows as long as there can be, too; `needs`: what a metric parser needs of other windows and
 * lanes, or NULL. */
void job_config(const struct validate_plugin *plugin, const sl_need *needs, int64_t bucket_ms, bool session, bool longest,
                struct buffer *out);

#endif
