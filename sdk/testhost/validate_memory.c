/* validate_memory.c - a plugin whose allocations fail, and what it does not free. See validate_job.h. */
#include "plugin/spelling.h"
#include "testhost/validate_running.h"

#include "plugin/settings.h"

#include <stdio.h>
#include <stdlib.h>

/* Settings of its own, and `open` with them, once more. */
static void open_again(struct running *running, struct loaded_calls *calls, uint64_t fail_from)
{
    const struct job *job = running->job;
    struct job_report *report = running->report;
    const struct set_lane *lane = &running->set->lanes[0];
    bool is_lane = job->plugin->kind == PLUGIN_LANE;
    const sl_metric *metric = is_lane ? NULL : lane->metrics[0].table;
    struct error_list errors = {0};
    sl_refusal refusal = {0};
    const struct lane_settings *given = &running->config->lanes[0];
    void *self = is_lane ? settings_fill(lane->table->params, lane->table->settings_size, &given->params, "it", &errors)
                         : settings_fill(metric->params, metric->settings_size, &given->metrics[0].params, "it", &errors);
    bool (*open)(void *, sl_refusal *) = is_lane ? lane->table->open : metric->open;
    void (*close)(void *) = is_lane ? lane->table->close : metric->close;
    report->check = fail_from == 0 ? CHECK_LOAD : CHECK_MEMORY;
    running_place(running, "open");
    calls->fail_from = fail_from;
    bool opened = open == NULL || open(self, &refusal);
    report->allocations = calls->allocations;
    calls->fail_from = 0;
    running_place(running, "close");
    if (opened && close != NULL)
        close(self);
    running_place(running, NULL);
    if (!opened && refusal.what[0] == '\0') {
        struct job_finding *finding = running_found(running, CHECK_MEMORY, "silent", "`open` refuses without a reason");
        (void)snprintf(finding->found, sizeof finding->found, "when its allocation number %llu fails",
                       (unsigned long long)fail_from);
        (void)snprintf(finding->advice, sizeof finding->advice,
                       "return sl_refuse(refusal, \"there is no memory for ...\", \"...\")");
    }
    if (calls->live > 0) {
        struct job_finding *finding = running_found(running, CHECK_LEAKS, "leak",
                                                    fail_from == 0 ? "`close` does not free all that `open` allocates"
                                                                   : "`open` refuses, and does not free what it has allocated");
        (void)snprintf(finding->found, sizeof finding->found, "%zu blocks, %zu bytes", calls->live, calls->live_bytes);
        (void)snprintf(finding->advice, sizeof finding->advice,
                       "`close` is called after an `open` that returned true, and only then");
    }
    free(self);
    error_list_free(&errors);
}

void run_open(struct running *running, uint64_t fail_from)
{
    struct buffer spelling = {0};
    lane_spelling(running->set->lanes[0].table, &spelling);
    (void)snprintf(running->report->spelling, sizeof running->report->spelling, "%.*s", (int)spelling.size, spelling.data == NULL ? "" : spelling.data);
    buffer_free(&spelling);
    struct loaded_calls *calls = loaded_take_over(running->address);
    if (calls == NULL)
        running->report->skipped[CHECK_MEMORY] = true;
    else
        open_again(running, calls, fail_from);
    running_end(running);
}

/* It may say anything then, and must go on. */
void run_hungry(struct running *running)
{
    struct random_stream stream;
    running_stream(running, false, &stream);
    running->report->check = CHECK_MEMORY;
    const struct strict_settings plainly = {0};
    struct loaded_calls *calls = loaded_take_over(running->address);
    if (calls == NULL) {
        running->report->skipped[CHECK_MEMORY] = true;
    } else {
        calls->fail_from = 1;
        calls->fail_all = true;
        drive_free(running_drive(running, &stream,
                                 &(struct way){.workers = 1, .batch = 10, .strict = &plainly, .breaches = CHECK_COUNT}));
        calls->fail_from = 0;
    }
    random_stream_free(&stream);
    running_end(running);
}
