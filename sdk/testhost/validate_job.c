/* validate_job.c - see validate_job.h. What each job does is in validate_round.c, _threads.c, _memory.c and _values.c. */
#include "testhost/validate_running.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static double mean(const struct call_cost *cost)
{
    return cost->sampled_calls == 0 ? 0 : (double)cost->sampled_ns / (double)cost->sampled_calls;
}

void run_speed(struct running *running)
{
    struct random_stream stream;
    struct lane_cost *costs = memory_new((running->set->lane_count + 1) * sizeof *costs), *cost = &costs[0];
    random_stream_make(running->shape, running->job->seed, running->job->events, false, &stream);
    running->report->check = CHECK_LOAD;
    struct drive *drive = running_drive(running, &stream, &(struct way){.workers = 1, .batch = 100});
    drive_costs(drive, costs);
    running->report->extract_ns = mean(&cost->extract);
    running->report->add_ns = mean(&cost->add);
    running->report->publish_ns = mean(&cost->publish);
    running->report->compute_ns = running->job->plugin->kind == PLUGIN_METRIC ? mean(&cost->compute[0]) : 0;
    drive_free(drive);
    free(costs);
    random_stream_free(&stream);
    running_end(running);
}

#define LEARN_STREAMS 3
#define LEARN_EVENTS  120

/* Streams get deeper into the lane with what the ones before have told. */
void run_learn(struct running *running)
{
    struct strict_settings watched = {.asked = random_shape_asked(running->shape)};
    running->report->check = CHECK_CONTRACT;
    for (uint64_t i = 0; i < LEARN_STREAMS; i++) {
        struct random_stream stream;
        random_stream_make(running->shape, running->job->seed + i, LEARN_EVENTS, false, &stream);
        drive_free(running_drive(running, &stream,
                                 &(struct way){.workers = 1, .batch = 1, .strict = &watched, .breaches = CHECK_COUNT}));
        random_stream_free(&stream);
        const sl_input *inputs = running->set->lanes[0].table->inputs;
        for (size_t k = 0; inputs != NULL && inputs[k].path != NULL && k < JOB_ASKED_MAX; k++)
            running->report->asked[k] = watched.asked[k];
    }
    running_end(running);
}

/* Does the parser name a window that a lane with a session has not? */
static bool needs_rolling(const struct running *running)
{
    if (running->job->plugin->kind != PLUGIN_METRIC)
        return false;
    const sl_need *need = running->set->lanes[0].metrics[0].table->more_needs;
    for (; need != NULL && need->field.name != NULL; need++)
        if (need->window != NULL && strcmp(need->window, "session") != 0)
            return true;
    return false;
}

void job_run(const struct job *job, struct job_report *report)
{
    struct running running;
    if (!running_begin(&running, job, report, 0, false)) {
        report->complete = true;
        return;
    }
    int64_t bucket_ms = running.set->lanes[0].table->bucket_ms;
    bool session = job->seed % 2 != 0 && bucket_ms == 0 && !needs_rolling(&running); /* sessions are exact */
    if ((bucket_ms > 0 || session) && job->kind != JOB_OPEN && job->kind != JOB_STARVED && job->kind != JOB_LEARN) {
        running_end(&running);
        if (!running_begin(&running, job, report, bucket_ms, session)) {
            report->complete = true;
            return;
        }
    }
    switch (job->kind) {
    case JOB_OPEN: run_open(&running, 0); break;
    case JOB_LEARN: run_learn(&running); break;
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
