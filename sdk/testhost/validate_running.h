/* validate_running.h - the inside of validate_job.h, shared by what its jobs do: a plugin that is loaded, and streams driven
 * through it. */
#ifndef TESTHOST_VALIDATE_RUNNING_H
#define TESTHOST_VALIDATE_RUNNING_H

#include "testhost/drive.h"
#include "testhost/loaded.h"
#include "testhost/random_events.h"
#include "testhost/validate_job.h"
#include "testhost/values_parser.h"

struct running {
    const struct job *job;
    struct job_report *report;
    struct config *config;
    struct lane_set *set;
    struct values_parser *parser; /* of a lane's values; NULL: a metric parser is looked at */
    struct random_shape *shape;
    const void *address; /* in the shared object that is tried */
};

/* Load it, with rolling windows or a session; `bucket_ms`: of its lane. False: it can't be, and that was found. */
bool running_begin(struct running *running, const struct job *job, struct job_report *report, int64_t bucket_ms, bool session);
void running_end(struct running *running);
/* It is in this function now, for who finds the process dead; NULL: in none. */
void running_place(struct running *running, const char *function);

/* ---- what is found ---- */

struct job_finding *running_found(struct running *running, enum validate_check check, const char *id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void running_found_error(struct running *running, enum validate_check check, const char *id, const struct error *error);

/* The same keys in Redis at this time, with the same texts? Else it is found, as the difference of `one` and `two`. */
void running_compare(struct running *running, enum validate_check check, int64_t clock_ms, const char *one,
                     const struct kept_features *a, const char *two, const struct kept_features *b, const char *advice);

/* ---- streams ---- */

/* The job's stream, without what is left out, told as a story. */
void running_stream(struct running *running, bool broken, struct random_stream *stream);

/* How a stream is driven. */
struct way {
    int workers;
    size_t batch;
    const struct strict_settings *strict; /* NULL: nobody watches */
    enum validate_check breaches;         /* where what they find belongs; CHECK_COUNT: it has been said */
    const struct state_plan *plan;        /* a restart in the middle; NULL: none */
    struct drive_doubt *doubt; /* what is no matter of its records alone; NULL: nobody asks */
    bool again; /* what lives at the end is written once more, and nothing else is there: drive_write_again() */
};
/* The clock ends two minutes behind the newest event. */
#define RUNNING_AFTER_MS 120000
struct drive *running_drive(struct running *running, const struct random_stream *stream, const struct way *way);
/* The same, compared with one that was driven. */
void running_drive_and_compare(struct running *running, enum validate_check check, const struct drive *baseline,
                               const char *one, const char *two, const struct random_stream *stream, const struct way *way,
                               const char *advice);
int64_t running_newest_ms(const struct random_stream *stream); /* of events that are not broken; INT64_MIN: none */

/* What to do about a feature that depends on how it was come to. */
extern const char running_depends[];

/* ---- jobs: each ends with running_end() ---- */

void run_open(struct running *running, uint64_t fail_from);
void run_learn(struct running *running);
void run_hungry(struct running *running);
void run_round(struct running *running);
void run_broken(struct running *running);
void run_threads(struct running *running);
void run_values(struct running *running);
void run_speed(struct running *running);

#endif
