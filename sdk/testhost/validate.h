/* validate.h - a plugin, taken through all that its contract promises, each piece in a process of its own (validate_job.h).
 *
 * What kills or hangs such a process is a finding as any other, with the function that it happened in. For what breaks on a
 * stream of events a smaller stream that still breaks it is looked for, and told as the lines of a golden case. All follows
 * from one seed. */
#ifndef TESTHOST_VALIDATE_H
#define TESTHOST_VALIDATE_H

#include "base/buffer.h"
#include "testhost/recorded_events.h"
#include "testhost/validate_job.h"

struct validate_settings {
    const char *path;    /* .../lanes/NAME.so or .../metrics/NAME.so */
    enum plugin_kind part; /* which of what is in the file; PLUGIN_KINDS: what its folder is for */
    const char *folders; /* where other plugins are: lanes that a metric parser can stand on */
    const char *params;  /* "" or settings of it, as in a configuration */
    bool params_shared;  /* they are for several plugins: it, and its lane, take those that they declare */
    const char *lane;    /* for a metric parser; NULL: the first that publishes what it needs */
    const char *lane_params; /* settings of that lane, or "" */
    uint64_t seed;       /* of the first stream; others follow */
    size_t rounds;       /* streams, at least 1 */
    size_t events;       /* in each */
    const char *recorded; /* a file of events, enriched TSV, in place of those by chance; or NULL */
    int timeout_s;       /* a job that takes longer hangs */
    bool smaller;        /* look for small streams */
    const char *keep;    /* the events of the first finding go to this file; NULL: they don't */
    void (*progress)(void *context, const char *what, size_t done, size_t all); /* or NULL */
    void *context;
};

enum check_state { CHECK_PASSED, CHECK_FAILED, CHECK_SKIPPED };

/* A finding, and how to see it again. */
struct validate_finding {
    struct job_finding finding;
    char *place;    /* "in extract of lane product, event 12"; NULL: no matter */
    char *evidence; /* what the process had to say before it ended: of a sanitizer; NULL: nothing */
    char *story;    /* the smallest stream found, as lines of a golden case; NULL: no stream is behind it */
    size_t story_events;
    uint64_t seed; /* of the round */
};

struct validate_result {
    struct validate_plugin plugin;
    bool has[PLUGIN_KINDS]; /* what is in the file; all false: it could not be loaded */
    enum check_state checks[CHECK_COUNT];
    struct validate_finding *findings; /* the first of each check and id */
    size_t finding_count;
    uint64_t events, records, folds; /* of all rounds, as counted the first time each was driven */
    double extract_ns, add_ns, publish_ns, compute_ns;
    char spelling[1024]; /* warnings of spelling.h, of a lane */
    char unread[512]; /* inputs that no stream made it ask for */
    struct recorded_events *recorded; /* that plugin.recorded points to */
    char untaken[512]; /* params_shared: names of settings that neither it nor its lane declares, "a, b" */
    char *folders;    /* that plugin.folders points to */
    char *lane;
};

/* False: it can't be begun, *error says why. What was found is in *result, to be freed with validate_result_free(). */
bool validate(const struct validate_settings *settings, struct validate_result *result, struct error *error);
void validate_result_free(struct validate_result *result);

/* A row of the report: "batches", "the same for other batches, and more workers". */
const char *validate_check_word(enum validate_check check);
const char *validate_check_summary(enum validate_check check);

#endif
