/* validate_round.c - a stream of events, in all the ways that must not show; and one with broken messages. See
 * validate_job.h. */
#include "testhost/validate_running.h"

#include "engine/state_plan.h"
#include "plugin/plugin_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void try_orders(struct running *running, const struct random_stream *stream)
{
    static const char advice[] = "records are folded oldest first, however they came: nothing may depend on which came first";
    const struct strict_settings still = {.still = true};
    const struct way way = {.workers = 1, .batch = 5, .strict = &still, .breaches = CHECK_COUNT, .again = true};
    struct random_stream sorted;
    running->report->check = CHECK_ORDER;
    random_stream_shuffled(running->shape, stream, 0, &sorted);
    struct drive *baseline = running_drive(running, &sorted, &way);
    for (uint64_t i = 1; i <= 2; i++) {
        struct random_stream shuffled;
        random_stream_shuffled(running->shape, stream, running->job->seed + i, &shuffled);
        running_drive_and_compare(running, CHECK_ORDER, baseline, "events in the order of their times and",
                                  "in another order of arrival", &shuffled, &way, advice);
        free(shuffled.events);
    }
    drive_free(baseline);
    free(sorted.events);
}

static void try_combining(struct running *running, const struct random_stream *stream, const struct drive *baseline)
{
    static const char advice[] =
        "combine puts into one record what stands for both, or returns false: a fold comes out the same each way";
    if (running->set->lanes[0].table->combine == NULL) {
        running->report->skipped[CHECK_COMBINE] = true;
        return;
    }
    const struct strict_settings never = {.combine = COMBINE_NEVER},
                                 sometimes = {.combine = COMBINE_SOMETIMES, .seed = running->job->seed};
    running_drive_and_compare(running, CHECK_COMBINE, baseline, "records that are combined and", "records that are not", stream,
                              &(struct way){.workers = 1, .batch = 1, .strict = &never, .breaches = CHECK_COUNT}, advice);
    running_drive_and_compare(running, CHECK_COMBINE, baseline, "records combined in one way and", "in other groups", stream,
                              &(struct way){.workers = 1, .batch = 1, .strict = &sometimes, .breaches = CHECK_COUNT}, advice);
}

/* What lives at the end is compared: when a value is confirmed, and so when its TTL runs out, a restart may change. */
static void try_restart(struct running *running, const struct random_stream *stream)
{
    struct error error;
    struct state_folder folder;
    struct state_plan plan;
    running->report->check = CHECK_RESTART;
    if (!state_folder_open(&folder, running->job->folder, &error)) {
        running_found_error(running, CHECK_RESTART, "folder", &error);
        return;
    }
    state_plan_make(&plan, running->set, NULL);
    plan.folder = &folder;
    plan.generation = 1;
    struct drive *baseline = running_drive(running, stream, &(struct way){.workers = 1, .batch = 1, .again = true});
    running_drive_and_compare(running, CHECK_RESTART, baseline, "a run without a restart and",
                              "one with a restart in the middle", stream,
                              &(struct way){.workers = 2, .batch = 3, .plan = &plan, .again = true},
                              "declare every member of the record with its type, texts as SL_TEXT; a text's handle is another "
                              "one after a restart");
    drive_free(baseline);
    state_plan_free(&plan);
    state_folder_close(&folder);
}

/* The same records, twice at one time, and at other times at which nothing comes, goes or reaches an age. */
static void try_clocks(struct running *running, const struct random_stream *stream)
{
    struct drive_doubt doubt;
    struct error error;
    const struct strict_settings plainly = {0};
    running->report->check = CHECK_CLOCK;
    drive_free(running_drive(running, stream, &(struct way){.workers = 1, .batch = 1, .strict = &plainly, .breaches = CHECK_COUNT,
                                                            .doubt = &doubt}));
    if (!doubt.any)
        return;
    bool stale = doubt.finding.fault == FOLD_STALE;
    fold_finding_tell(&doubt.finding, &running->set->lanes[doubt.lane], doubt.metric, doubt.key, &error);
    running_found_error(running, stale ? CHECK_CLOCK : CHECK_PURE, stale ? "stale" : "twice", &error);
}

static void look_at_calls(struct running *running, const struct loaded_calls *calls)
{
    struct job_report *report = running->report;
    if (calls == NULL) {
        report->skipped[CHECK_LEAKS] = report->skipped[CHECK_PURE] = true;
        return;
    }
    if (calls->live > 0) {
        struct job_finding *finding = running_found(running, CHECK_LEAKS, "leak", "it does not free all that it allocates");
        (void)snprintf(finding->found, sizeof finding->found, "%zu blocks, %zu bytes, after the last event and `close`",
                       calls->live, calls->live_bytes);
        (void)snprintf(finding->advice, sizeof finding->advice,
                       "scratch.h has memory for a fold; what `open` allocates `close` frees");
    }
    if (calls->impure != NULL) {
        struct job_finding *finding = running_found(running, CHECK_PURE, "impure", "it calls %s() after `open`", calls->impure);
        (void)snprintf(
            finding->advice, sizeof finding->advice,
            "the time is the event's (record->at.time_ms) or the window's (now_ms); the same records must give the same "
            "features, whenever they are folded");
    }
}

/* "calls", or where it is if the file has no names. */
static void name_variable(const struct running *running, uintptr_t where, struct job_finding *finding)
{
    const struct set_lane *lane = &running->set->lanes[0];
    bool is_lane = running->job->plugin->kind == PLUGIN_LANE;
    size_t size = 0;
    char name[256],
        *bytes = plugin_file_bytes(is_lane ? (const void *)lane->table : (const void *)lane->metrics[0].table, &size);
    if (bytes != NULL && plugin_elf_variable(bytes, size, where, name, sizeof name))
        (void)snprintf(finding->found, sizeof finding->found, "%s", name);
    else
        (void)snprintf(finding->found, sizeof finding->found, "at 0x%llx of %s", (unsigned long long)where,
                       running->job->plugin->path);
    free(bytes);
}

/* A variable that changes is the cause of much else: it comes first, and what would be said of a clock has no other advice. */
static void look_at_variables(struct running *running, const struct loaded_image *image)
{
    uintptr_t where;
    struct job_report *report = running->report;
    if (!loaded_image_changed(image, &where))
        return;
    struct job_finding *finding =
        running_found(running, CHECK_VARIABLES, "variable", "a variable of the plugin's own changes between calls");
    name_variable(running, where, finding);
    (void)snprintf(finding->advice, sizeof finding->advice,
                   "state is in records and aggregates alone: workers call it at once, and a restart forgets variables");
    const struct job_finding first = *finding;
    size_t before = (size_t)(finding - report->findings);
    memmove(report->findings + 1, report->findings, before * sizeof *finding);
    report->findings[0] = first;
    for (size_t i = 1; i <= before; i++)
        if (report->findings[i].check == CHECK_CLOCK)
            (void)snprintf(report->findings[i].advice, sizeof report->findings[i].advice,
                           "first mend the variable that changes, then validate it again");
}

/* Inputs that nobody asked for: of a lane's own. */
static void name_unread(struct running *running)
{
    struct job_report *report = running->report;
    const sl_input *inputs = running->job->plugin->kind == PLUGIN_LANE ? running->set->lanes[0].table->inputs : NULL;
    for (size_t i = 0; inputs != NULL && inputs[i].path != NULL && i < JOB_ASKED_MAX; i++) {
        size_t used = strlen(report->unread);
        if (running->report->asked[i] == 0)
            (void)snprintf(report->unread + used, sizeof report->unread - used, "%s%s", used == 0 ? "" : ", ", inputs[i].name);
    }
}

void run_round(struct running *running)
{
    struct job_report *report = running->report;
    struct random_stream stream;
    struct loaded_image image = {0};
    struct drive_counters counters;
    report->check = CHECK_CONTRACT;
    struct loaded_calls *calls = loaded_take_over(running->address);
    if (calls != NULL)
        calls->pure = true;
    if (!running->job->plugin->instrumented)
        loaded_image_take(&image, running->address);
    running_stream(running, false, &stream);
    report->check = CHECK_CONTRACT;
    const struct strict_settings asking = {.asked = report->asked};
    struct drive *baseline =
        running_drive(running, &stream, &(struct way){.workers = 1, .batch = 1, .strict = &asking, .breaches = CHECK_CONTRACT});
    drive_count(baseline, &counters);
    report->events = counters.events;
    report->records = counters.records;
    report->folds = counters.folds;
    running_drive_and_compare(running, CHECK_BATCHES, baseline, "one worker with single events and",
                              "one with batches of seven", &stream, &(struct way){.workers = 1, .batch = 7}, running_depends);
    running_drive_and_compare(running, CHECK_BATCHES, baseline, "one worker with single events and",
                              "three workers with batches of seven", &stream, &(struct way){.workers = 3, .batch = 7},
                              running_depends);
    try_orders(running, &stream);
    try_combining(running, &stream, baseline);
    const struct strict_settings declared = {.declared_only = true};
    running_drive_and_compare(running, CHECK_COPIED, baseline, "records as they are and",
                              "records copied by the names of their fields", &stream,
                              &(struct way){.workers = 1, .batch = 1, .strict = &declared, .breaches = CHECK_COUNT},
                              "declare every member of the record, SL_FIELD(struct record, ...): what is not declared is lost");
    try_restart(running, &stream);
    try_clocks(running, &stream);
    report->check = CHECK_VARIABLES;
    if (running->job->plugin->instrumented)
        report->skipped[CHECK_VARIABLES] = true;
    else
        look_at_variables(running, &image);
    loaded_image_free(&image);
    name_unread(running);
    drive_free(baseline);
    random_stream_free(&stream);
    running_end(running);
    look_at_calls(running, calls);
}

/* ---- broken messages ---- */

void run_broken(struct running *running)
{
    struct random_stream stream;
    running_stream(running, true, &stream);
    const struct strict_settings plainly = {0};
    running->report->check = CHECK_BROKEN;
    struct drive *baseline =
        running_drive(running, &stream, &(struct way){.workers = 1, .batch = 1, .strict = &plainly, .breaches = CHECK_BROKEN});
    running_drive_and_compare(running, CHECK_BROKEN, baseline, "one worker with single events and",
                              "three workers with batches of seven", &stream, &(struct way){.workers = 3, .batch = 7},
                              running_depends);
    drive_free(baseline);
    random_stream_free(&stream);
    running_end(running);
}
