/* validate_job.c - see validate_job.h. What each job does is in validate_round.c, _threads.c, _memory.c and _values.c. */
#include "testhost/validate_running.h"

#include <stdlib.h>

static double mean(const struct call_cost *cost)
{
    return cost->sampled_calls == 0 ? 0 : (double)cost->sampled_ns / (double)cost->sampled_calls;
}

void run_speed(struct running *running)
{
    struct random_stream stream;
    struct lane_cost cost = {0};
    running_warm_up(running);
    random_stream_make(running->shape, running->job->seed, running->job->events, false, &stream);
    running->report->check = CHECK_LOAD;
    struct drive *drive = running_drive(running, &stream, &(struct way){.workers = 1, .batch = 100});
    drive_costs(drive, &cost);
    running->report->extract_ns = mean(&cost.extract);
    running->report->add_ns = mean(&cost.add);
    running->report->publish_ns = mean(&cost.publish);
    running->report->compute_ns = running->job->plugin->kind == PLUGIN_METRIC ? mean(&cost.compute[0]) : 0;
    drive_free(drive);
    random_stream_free(&stream);
    running_end(running);
}

void job_run(const struct job *job, struct job_report *report)
{
    struct running running;
    if (!running_begin(&running, job, report, false))
        return;
    bool combines = running.set->lanes[0].tail.combine != NULL; /* sessions are exact */
    if (job->seed % 2 != 0 && !combines && job->kind != JOB_OPEN && job->kind != JOB_STARVED) {
        running_end(&running);
        if (!running_begin(&running, job, report, true))
            return;
    }
    switch (job->kind) {
    case JOB_OPEN: run_open(&running, 0); break;
    case JOB_STARVED: run_open(&running, job->fail_from); break;
    case JOB_ROUND: run_round(&running); break;
    case JOB_THREADS: run_threads(&running); break;
    case JOB_BROKEN: run_broken(&running); break;
    case JOB_HUNGRY: run_hungry(&running); break;
    case JOB_VALUES: run_values(&running); break;
    case JOB_SPEED: run_speed(&running); break;
    }
    report->complete = true;
}
