/* validate_process.h - one job of a validation (validate_job.h) in a process of its own, and how that ended. For validate*.c only. */
#ifndef TESTHOST_VALIDATE_PROCESS_H
#define TESTHOST_VALIDATE_PROCESS_H

#include "testhost/validate.h"

struct outcome {
    int status;     /* of waitpid() */
    char *evidence; /* what it wrote to standard error; never NULL; to be freed */
};

/* What is under way. */
struct validation {
    const struct validate_settings *settings;
    struct validate_result *result;
    struct job_report *report; /* shared with the process of the job */
    char folder[64];           /* for state; empty between two jobs */
    uint8_t asked[JOB_ASKED_MAX];
};

/* Do the job in a process of its own; what it found is in validation->report. False: no process can be started, errno. */
bool validation_run(const struct validation *validation, const struct job *job, struct outcome *outcome);

/* The end of a process that no job made, as a finding. False: it came to its end. */
bool validation_died(const struct job_report *report, const struct outcome *outcome, struct job_finding *finding);

void validation_empty_folder(const char *path);

#endif
