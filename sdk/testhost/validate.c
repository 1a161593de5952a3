/* validate.c - see validate.h. */
#include "testhost/validate.h"

#include "base/memory.h"
#include "plugin/plugin_file.h"
#include "testhost/validate_lane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct {
    const char *word, *summary;
} checks[CHECK_COUNT] = {
    [CHECK_LOAD] = {"load", "it is loaded, and opens and closes with its settings"},
    [CHECK_CONTRACT] = {"contract", "every call keeps to what is its own, and says the same when asked again"},
    [CHECK_BATCHES] = {"batches", "single events or batches, one worker or three: the same features"},
    [CHECK_THREADS] = {"threads", "four threads: the same features"},
    [CHECK_ORDER] = {"order", "events in any order of arrival: the same features"},
    [CHECK_COMBINE] = {"combine", "records combined, never combined, or in other groups: the same features"},
    [CHECK_COPIED] = {"copied", "records copied by the names of their fields: the same features"},
    [CHECK_RESTART] = {"restart", "a restart in the middle, through the journal: the same features"},
    [CHECK_BROKEN] = {"broken", "messages that are broken do no harm"},
    [CHECK_VALUES] = {"values", "values that no lane would publish do no harm"},
    [CHECK_VARIABLES] = {"variables", "it has no state of its own between calls"},
    [CHECK_PURE] = {"pure", "it asks neither the clock nor chance"},
    [CHECK_CLOCK] = {"clock", "between two ages that it names, it says the same at any time"},
    [CHECK_MEMORY] = {"memory", "it lives on when there is no memory, or refuses with a reason"},
    [CHECK_LEAKS] = {"leaks", "it frees what it allocates"},
    [CHECK_SANITIZER] = {"sanitizer", "what it was built with (-fsanitize=...) reports nothing"},
    [CHECK_REACHED] = {"reached", "the events that were made up led to records"},
};

const char *validate_check_word(enum validate_check check) { return checks[check].word; }
const char *validate_check_summary(enum validate_check check) { return checks[check].summary; }

/* ---- what a job comes to ---- */

static bool sanitizer_spoke(const char *evidence)
{
    return strstr(evidence, "runtime error:") != NULL || strstr(evidence, "ERROR: AddressSanitizer") != NULL ||
           strstr(evidence, "WARNING: ThreadSanitizer") != NULL || strstr(evidence, "ERROR: LeakSanitizer") != NULL;
}

/* The line that says what it is. */
static void spoken(const char *evidence, char out[512])
{
    static const char *const marks[] = {"runtime error:", "ERROR: AddressSanitizer", "WARNING: ThreadSanitizer",
                                        "ERROR: LeakSanitizer"};
    out[0] = '\0';
    for (size_t i = 0; i < sizeof marks / sizeof *marks && out[0] == '\0'; i++) {
        const char *at = strstr(evidence, marks[i]), *line = at;
        while (line != NULL && line > evidence && line[-1] != '\n')
            line--;
        if (line != NULL)
            (void)snprintf(out, 512, "%.*s", (int)strcspn(line, "\n"), line);
    }
}

/* All that a job brought up, as one list. */
static size_t gather(const struct job_report *report, const struct outcome *outcome, struct job_finding out[JOB_FINDINGS + 2])
{
    size_t count = 0;
    for (size_t i = 0; i < report->finding_count; i++)
        out[count++] = report->findings[i];
    if (sanitizer_spoke(outcome->evidence)) {
        struct job_finding *finding = &out[count++];
        *finding = (struct job_finding){
            .check = CHECK_SANITIZER, .id = "sanitizer", .what = "the sanitizer that it was built with reports an error"};
        spoken(outcome->evidence, finding->found);
    } else if (validation_died(report, outcome, &out[count])) {
        count++;
    }
    return count;
}

static bool has(const struct job_finding *findings, size_t count, const struct job_finding *wanted)
{
    for (size_t i = 0; i < count; i++)
        if (findings[i].check == wanted->check && strcmp(findings[i].id, wanted->id) == 0)
            return true;
    return false;
}

/* ---- a smaller stream ---- */

#define ATTEMPTS         150
#define ATTEMPTS_HANGING 12 /* each takes as long as a job may */
#define SMALLER_FINDINGS 6  /* for as many: those that come after are mostly of the same cause */

static bool still_there(const struct validation *validation, const struct job *job, const bool *without,
                        const struct job_finding *wanted)
{
    struct job smaller = *job;
    struct outcome outcome;
    struct job_finding findings[JOB_FINDINGS + 2];
    smaller.without = without;
    if (!validation_run(validation, &smaller, &outcome))
        return false;
    size_t count = gather(validation->report, &outcome, findings);
    free(outcome.evidence);
    return has(findings, count, wanted);
}

/* Which events can go: halves first, then smaller pieces, at last one by one. */
static void make_smaller(const struct validation *validation, const struct job *job, const struct job_finding *wanted,
                         bool *without)
{
    size_t attempts = 0, most = strcmp(wanted->id, "hangs") == 0 ? ATTEMPTS_HANGING : ATTEMPTS;
    for (size_t piece = job->events / 2; piece > 0 && attempts < most; piece /= 2) {
        for (size_t from = 0; from < job->events && attempts < most; from += piece) {
            bool *trial = memory_new(job->events * sizeof *trial);
            size_t gone = 0;
            memcpy(trial, without, job->events * sizeof *trial);
            for (size_t i = from; i < from + piece && i < job->events; i++) {
                gone += !trial[i];
                trial[i] = true;
            }
            attempts += gone > 0;
            if (gone > 0 && still_there(validation, job, trial, wanted))
                memcpy(without, trial, job->events * sizeof *trial);
            free(trial);
            if (validation->settings->progress != NULL)
                validation->settings->progress(validation->settings->context, "looking for a smaller stream", attempts, most);
        }
    }
}

/* ---- findings ---- */

static bool by_stream(enum job_kind kind)
{
    return kind == JOB_ROUND || kind == JOB_THREADS || kind == JOB_BROKEN || kind == JOB_HUNGRY;
}

static char *where(const struct job_report *report)
{
    if (report->place.plugin[0] == '\0')
        return NULL;
    return memory_format("in %s of %s", report->place.function, report->place.plugin);
}

/* The report is that of the job's last run. */
static void take_story(const struct validation *validation, const struct job *job, struct validate_finding *finding)
{
    const struct validate_settings *settings = validation->settings;
    bool *without = memory_new((job->events + 1) * sizeof *without);
    struct job last = *job;
    struct outcome outcome;
    if (settings->smaller && validation->result->finding_count <= SMALLER_FINDINGS)
        make_smaller(validation, job, &finding->finding, without);
    last.without = without;
    last.keep = validation->result->finding_count == 1 ? settings->keep : NULL;
    if (validation_run(validation, &last, &outcome)) {
        struct job_finding findings[JOB_FINDINGS + 2];
        size_t count = gather(validation->report, &outcome, findings);
        for (size_t i = 0; i < count; i++)
            if (has(&findings[i], 1, &finding->finding))
                finding->finding = findings[i];
        finding->story = memory_text(validation->report->story);
        for (size_t i = 0; i < job->events; i++)
            finding->story_events += !without[i];
        free(outcome.evidence);
    }
    free(without);
}

static bool is_dead(const struct job_finding *found)
{
    return strcmp(found->id, "crash") == 0 || strcmp(found->id, "hangs") == 0 || strcmp(found->id, "slot") == 0;
}

/* It has been said, or follows from what has: a crash is one wherever it shows, and needs nothing broken; and who says other
 * things of the same events in other batches says other things each time. */
static bool follows(const struct job_finding *found, const struct job_finding *from)
{
    if (strcmp(found->id, from->id) != 0 && !(is_dead(found) && is_dead(from)))
        return false;
    return found->check == from->check || found->check == CHECK_BROKEN || is_dead(found) ||
           (from->check == CHECK_BATCHES && strcmp(from->id, "differs") == 0);
}

static void add_finding(struct validation *validation, const struct job *job, const struct job_finding *found,
                        const char *evidence)
{
    struct validate_result *result = validation->result;
    result->checks[found->check] = CHECK_FAILED;
    for (size_t i = 0; i < result->finding_count; i++)
        if (follows(found, &result->findings[i].finding))
            return;
    result->findings = memory_resize(result->findings, (result->finding_count + 1) * sizeof *result->findings);
    struct validate_finding *finding = &result->findings[result->finding_count++];
    *finding = (struct validate_finding){.finding = *found, .seed = job->seed};
    if (is_dead(found) || found->check == CHECK_SANITIZER) {
        finding->place = where(validation->report);
        finding->evidence = *evidence == '\0' ? NULL : memory_text(evidence);
    }
    if (by_stream(job->kind))
        take_story(validation, job, finding);
}

static bool do_job(struct validation *validation, const struct job *job)
{
    struct outcome outcome;
    struct job_finding findings[JOB_FINDINGS + 2];
    struct validate_result *result = validation->result;
    if (!validation_run(validation, job, &outcome))
        return false;
    struct job_report report = *validation->report;
    size_t count = gather(&report, &outcome, findings);
    for (size_t i = 0; i < CHECK_COUNT; i++)
        if (report.skipped[i] && result->checks[i] == CHECK_PASSED)
            result->checks[i] = CHECK_SKIPPED;
    for (size_t i = 0; i < count; i++) {
        *validation->report = report;
        add_finding(validation, job, &findings[i], outcome.evidence);
    }
    *validation->report = report;
    free(outcome.evidence);
    return count == 0 || report.loaded;
}

/* ---- all of it ---- */

static void progress(const struct validation *validation, const char *what, size_t done, size_t all)
{
    if (validation->settings->progress != NULL)
        validation->settings->progress(validation->settings->context, what, done, all);
}

/* `open`, each of whose allocations fails once; and a stream for which none succeeds, if one for which all do is no trouble. */
static void try_memory(struct validation *validation, struct job job, uint64_t allocations)
{
    job.kind = JOB_STARVED;
    for (job.fail_from = 1; job.fail_from <= allocations && job.fail_from <= 64; job.fail_from++) {
        progress(validation, "memory", job.fail_from, allocations);
        (void)do_job(validation, &job);
    }
    for (size_t i = 0; i < validation->result->finding_count; i++)
        if (is_dead(&validation->result->findings[i].finding))
            return;
    job.kind = JOB_HUNGRY;
    job.fail_from = 0;
    (void)do_job(validation, &job);
}

/* What its inputs are asked for. What is wrong shows again in the streams that follow, which are told. */
static void learn(struct validation *validation, struct job *job)
{
    struct outcome outcome;
    job->kind = JOB_LEARN;
    if (validation_run(validation, job, &outcome))
        free(outcome.evidence);
    memcpy(validation->asked, validation->report->asked, sizeof validation->asked);
    job->asked = validation->asked;
}

static bool hangs(const struct validate_result *result)
{
    for (size_t i = 0; i < result->finding_count; i++)
        if (strcmp(result->findings[i].finding.id, "hangs") == 0)
            return true;
    return false;
}

static void try_rounds(struct validation *validation, struct job job)
{
    struct validate_result *result = validation->result;
    static const enum job_kind kinds[] = {JOB_ROUND, JOB_THREADS, JOB_BROKEN};
    for (size_t i = 0; i < validation->settings->rounds && !hangs(result); i++, job.seed++) {
        progress(validation, "streams of events", i, validation->settings->rounds);
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            job.kind = kinds[k];
            if (k == 1 && i % 4 != 0) /* threads are slow to start, under a sanitizer */
                continue;
            (void)do_job(validation, &job);
            if (job.kind != JOB_ROUND)
                continue;
            result->events += validation->report->events;
            result->records += validation->report->records;
            result->folds += validation->report->folds;
            if (i == 0)
                memcpy(result->unread, validation->report->unread, sizeof result->unread);
            else if (validation->report->unread[0] == '\0' && validation->report->complete)
                result->unread[0] = '\0';
        }
    }
}

static void try_speed(struct validation *validation, struct job job)
{
    struct validate_result *result = validation->result;
    job.kind = JOB_SPEED;
    job.events = 20000;
    progress(validation, "what it costs", 0, 1);
    (void)do_job(validation, &job);
    result->extract_ns = validation->report->extract_ns;
    result->add_ns = validation->report->add_ns;
    result->publish_ns = validation->report->publish_ns;
    result->compute_ns = validation->report->compute_ns;
}

static void try_all(struct validation *validation)
{
    const struct validate_settings *settings = validation->settings;
    struct validate_result *result = validation->result;
    size_t events = settings->events;
    if (result->recorded != NULL && events > result->recorded->count)
        events = result->recorded->count;
    struct job job = {.kind = JOB_OPEN,
                      .plugin = &result->plugin,
                      .seed = settings->seed,
                      .events = events,
                      .folder = validation->folder};
    bool begun = do_job(validation, &job);
    memcpy(result->has, validation->report->has, sizeof result->has);
    memcpy(result->untaken, validation->report->untaken, sizeof result->untaken);
    if (!begun || result->checks[CHECK_LOAD] == CHECK_FAILED) {
        for (size_t i = 0; i < CHECK_COUNT; i++)
            if (result->checks[i] == CHECK_PASSED)
                result->checks[i] = CHECK_SKIPPED;
        return;
    }
    if (result->plugin.kind == PLUGIN_LANE) {
        memcpy(result->spelling, validation->report->spelling, sizeof result->spelling);
        result->checks[CHECK_VALUES] = CHECK_SKIPPED;
    }
    if (!result->plugin.instrumented)
        result->checks[CHECK_SANITIZER] = CHECK_SKIPPED;
    uint64_t allocations = validation->report->allocations;
    learn(validation, &job);
    try_rounds(validation, job);
    try_memory(validation, job, allocations);
    if (result->plugin.kind == PLUGIN_METRIC) {
        job.kind = JOB_VALUES;
        job.events = 2000;
        (void)do_job(validation, &job);
    }
    if (result->finding_count == 0)
        try_speed(validation, job);
    if (result->records > 0 || result->finding_count > 0)
        return;
    struct job_finding finding = {
        .check = CHECK_REACHED, .id = "reached", .what = "no event led to a record: nothing of it was really tried"};
    (void)snprintf(finding.found, sizeof finding.found, "%llu events", (unsigned long long)result->events);
    (void)snprintf(finding.advice, sizeof finding.advice, "%s",
                   result->recorded != NULL ? "record events whose names it lists, or leave --events FILE out"
                                            : "write golden cases with events that it keeps (sdk/CASES.md)");
    job.kind = JOB_OPEN;
    add_finding(validation, &job, &finding, "");
}

/* ---- what is looked at ---- */

/* .../lanes/sale.so: kind, name, and the folder above both. */
static bool take_path(const struct validate_settings *settings, struct validate_result *result, struct error *error)
{
    char *path = realpath(settings->path, NULL), *base = path == NULL ? NULL : strrchr(path, '/');
    if (base == NULL) {
        error_what(error, "there is no plugin at %s: %s", settings->path, strerror(errno));
        error_advice(error, "name the file that was built: build/plugins/lanes/NAME.so");
        free(path);
        return false;
    }
    *base++ = '\0';
    char *folder = strrchr(path, '/');
    size_t size = strlen(base);
    enum plugin_kind kind = folder == NULL ? PLUGIN_KINDS : plugin_kind_of_folder(folder + 1);
    bool good = kind != PLUGIN_KINDS && size > 3 && strcmp(base + size - 3, ".so") == 0 && size - 3 < sizeof result->plugin.name;
    if (good) {
        *folder = '\0';
        result->plugin.kind = settings->part == PLUGIN_KINDS ? kind : settings->part;
        (void)snprintf(result->plugin.name, sizeof result->plugin.name, "%.*s", (int)(size - 3), base);
        result->folders = memory_format("%s%s%s", path, *settings->folders == '\0' ? "" : ":", settings->folders);
    } else {
        error_what(error, "whether it is a lane or a metric parser is told by its folder");
        error_found(error, "%s/%s", path, base);
        error_advice(error,
                     "lay it where the host looks for it: lanes/NAME.so or metrics/NAME.so, as shoplane_add_plugin() does");
    }
    free(path);
    return good && (plugin_name_valid(result->plugin.name) ||
                    (error_what(error, "\"%s\" is no plugin's name", result->plugin.name), false));
}

bool validate(const struct validate_settings *settings, struct validate_result *result, struct error *error)
{
    struct validation validation = {.settings = settings, .result = result};
    struct plugin_elf elf = {0};
    struct findings findings = {0};
    size_t size;
    const char *temporary = getenv("TMPDIR");
    *result = (struct validate_result){.plugin = {.path = settings->path,
                                                  .params = settings->params,
                                                  .lane_params = settings->lane_params,
                                                  .params_shared = settings->params_shared}};
    if (!take_path(settings, result, error))
        return false;
    if (settings->recorded != NULL) {
        result->plugin.recorded = result->recorded = recorded_events_read(settings->recorded, error);
        if (result->recorded == NULL)
            return false;
    }
    result->plugin.folders = result->folders;
    free(plugin_file_check(settings->path, &size, &elf, &findings));
    result->plugin.instrumented = elf.instrumented;
    const struct finding *refusal = findings_refusal(&findings);
    if (refusal != NULL)
        *error = refusal->error;
    findings_free(&findings);
    if (refusal != NULL)
        return false;
    if ((size_t)snprintf(validation.folder, sizeof validation.folder, "%s/shoplane-validate-XXXXXX",
                         temporary != NULL && strlen(temporary) < 30 ? temporary : "/tmp") >= sizeof validation.folder ||
        mkdtemp(validation.folder) == NULL) {
        error_what(error, "no temporary folder can be made: %s", strerror(errno));
        return false;
    }
    validation.report = mmap(NULL, sizeof *validation.report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool good = validation.report != MAP_FAILED && (result->plugin.kind == PLUGIN_LANE || validation_find_lane(&validation, error));
    if (good)
        try_all(&validation);
    if (validation.report != MAP_FAILED)
        (void)munmap(validation.report, sizeof *validation.report);
    validation_empty_folder(validation.folder);
    (void)rmdir(validation.folder);
    return good;
}

void validate_result_free(struct validate_result *result)
{
    for (size_t i = 0; i < result->finding_count; i++) {
        free(result->findings[i].place);
        free(result->findings[i].evidence);
        free(result->findings[i].story);
    }
    free(result->findings);
    recorded_events_free(result->recorded);
    free(result->folders);
    free(result->lane);
}
