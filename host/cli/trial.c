/* trial.c - see trial.h. */
#include "cli/trial.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "cli/watchdog.h"
#include "config/whole_text.h"
#include "plugin/plugin_file.h"
#include "state/crash_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROVED_MS       10000
#define UNPROVED_MS     60000
#define STANDS_MS       1000
#define READ_AGAIN      5 /* times, where the configuration is changed while it is read */

/* ---- what is loaded ---- */

/* Its file, to where it would be found again. */
static bool add_plugin(struct plugin_set *set, const char *name, const void *table)
{
    size_t size;
    const struct plugin_origin *origin = plugin_file_origin(table);
    char *bytes = plugin_file_bytes(table, &size);
    if (bytes == NULL)
        return false;
    char *file = memory_format("plugins/%s/%s.so", plugin_kind_folder(origin->folder), name);
    plugin_set_add(set, file, bytes, size);
    free(file);
    return true;
}

static bool add_plugins(struct plugin_set *set, const struct lane_set *lanes)
{
    bool good = true;
    for (size_t i = 0; i < lanes->lane_count; i++) {
        const struct set_lane *lane = &lanes->lanes[i];
        good = good && add_plugin(set, lane->table->name, lane->table);
        for (size_t m = 0; m < lane->metric_count; m++)
            good = good && add_plugin(set, lane->metrics[m].table->name, lane->metrics[m].table);
    }
    return good;
}

static void forget_text(char *text, size_t size)
{
    if (text != NULL)
        explicit_bzero(text, size);
    free(text);
}

/* They are part of what is installed, as much as the others. */
static void add_quarantined(struct plugin_set *set, struct quarantine *quarantine)
{
    for (size_t i = 0; i < quarantine->file_count; i++) {
        struct kept_file *kept = &quarantine->files[i];
        char *file = memory_format("plugins/%s/%s.so", plugin_kind_folder(kept->folder), kept->name);
        plugin_set_add(set, file, kept->bytes, kept->size);
        kept->bytes = NULL;
        free(file);
    }
}

bool loaded_read(struct loaded *loaded, const char *path, const char *plugins, bool noting)
{
    struct error error;
    *loaded = (struct loaded){.quarantine = {.noting = noting}};
    for (int again = 0;; again++) {
        size_t before_size = 0, after_size = 0;
        char *before = whole_text_read(path, &before_size, &error);
        if (!setup_read_with(path, plugins, &loaded->quarantine, &loaded->config, &loaded->lanes)) {
            forget_text(before, before_size);
            return false;
        }
        char *after = whole_text_read(path, &after_size, &error);
        bool same = before != NULL && after != NULL && before_size == after_size && memcmp(before, after, after_size) == 0;
        forget_text(before, before_size);
        if (same && add_plugins(&loaded->set, loaded->lanes)) {
            plugin_set_add(&loaded->set, SET_CONFIG, after, after_size);
            add_quarantined(&loaded->set, &loaded->quarantine);
            plugin_set_name(&loaded->set);
            return true;
        }
        forget_text(after, after_size);
        loaded_free(loaded);
        if (again == READ_AGAIN) {
            error_what(&error, "the configuration changes while it is read");
            error_found(&error, "%s", path);
            error_advice(&error, "try again when whoever writes it is done");
            report_error(&error);
            return false;
        }
    }
}

void loaded_free(struct loaded *loaded)
{
    lane_set_free(loaded->lanes);
    config_free(loaded->config);
    plugin_set_free(&loaded->set);
    quarantine_free(&loaded->quarantine);
    *loaded = (struct loaded){.quarantine = {.noting = loaded->quarantine.noting}};
}

/* ---- marks ---- */

static void store_marks(struct trial *trial)
{
    struct error error;
    if (!set_marks_store(trial->folder->folder, &trial->marks, trial->sync, &error)) {
        error_found(&error, "%s", trial->folder->path);
        log_problem(LOG_LEVEL_ERROR, &error);
    }
}

void trial_tell(struct trial *trial)
{
    struct error error;
    if (trial->folder != NULL && !notice_store(trial->folder->folder, &trial->notice, &error))
        log_problem(LOG_LEVEL_WARN, &error);
}

static void begin_notice(struct trial *trial, const struct restart_note *note)
{
    struct notice former;
    struct timespec now = {0};
    bool same = notice_read(trial->folder->folder, &former) && former.pid == (int64_t)getpid();
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    trial->notice = (struct notice){.pid = (int64_t)getpid(),
                                    .start = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
                                    .trial = trial->pending,
                                    .stood_ms = -1,
                                    .refusals = same ? former.refusals : 0};
    memcpy(trial->notice.set, trial->set->id, sizeof trial->notice.set);
    if (restart_is_back(note->reason))
        memcpy(trial->notice.back, trial->marks.reason, sizeof trial->notice.back);
    trial_tell(trial);
}

/* We are what was gone back to: why is kept with the marks, and said. */
static void note_failure(struct trial *trial, const struct restart_note *note)
{
    if (note->reason == RESTART_CRASH)
        (void)snprintf(trial->marks.reason, sizeof trial->marks.reason, "it crashed while it was being tried: %s",
                       crash_cause_text(note->cause));
    else
        (void)snprintf(trial->marks.reason, sizeof trial->marks.reason, "%s", note->why == NULL ? "" : note->why);
    if (trial->marks.trying[0] != '\0')
        memcpy(trial->marks.failed, trial->marks.trying, sizeof trial->marks.failed);
    trial->marks.trying[0] = '\0';
    log_error("back to the last good set of configuration and plugins, %s; the installed one%s%s does not run: %s; do this: "
              "mend it, then `shoplane reload`", trial->set->id, trial->marks.failed[0] == '\0' ? "" : ", ",
              trial->marks.failed, trial->marks.reason);
}

/* Is there a whole copy of the good set to go back to? A damaged one is said. */
static bool good_copy(const struct trial *trial)
{
    struct error error;
    if (trial->marks.good[0] == '\0')
        return false;
    bool whole = plugin_set_verify(trial->folder->folder, trial->marks.good, &error);
    if (!whole && error.what[0] != '\0')
        log_problem(LOG_LEVEL_ERROR, &error);
    return whole;
}

/* False: this set is not to run. */
static bool may_run(const struct trial *trial, const struct restart_note *note, struct restart_note *back)
{
    const struct set_marks *marks = &trial->marks;
    bool died = note->reason == RESTART_NOT && strcmp(marks->trying, trial->set->id) == 0;
    bool failed = note->reason != RESTART_RELOAD && strcmp(marks->failed, trial->set->id) == 0;
    if ((!died && !failed) || !good_copy(trial))
        return true;
    *back = (struct restart_note){.reason = RESTART_BACK, .since_ms = note->since_ms, .folder = trial->folder->path,
                                  .lock = trial->folder->lock};
    memcpy(back->set, marks->good, sizeof back->set);
    back->why = memory_text(died ? "its process ended while it was being tried" : marks->reason);
    return false;
}

bool trial_begin(struct trial *trial, const struct state_folder *folder, bool sync, const struct plugin_set *set,
                 const struct restart_note *note, struct restart_note *back)
{
    struct error error;
    *trial = (struct trial){.folder = folder, .set = set, .sync = sync};
    struct set_marks *marks = &trial->marks;
    set_marks_read(folder->folder, marks, &error);
    if (error.what[0] != '\0')
        log_problem(LOG_LEVEL_ERROR, &error);
    struct set_marks before = *marks;
    if (restart_is_back(note->reason)) {
        note_failure(trial, note);
    } else if (strcmp(marks->good, set->id) != 0) {
        if (!may_run(trial, note, back))
            return false;
        if (strcmp(marks->failed, set->id) == 0)
            marks->failed[0] = marks->reason[0] = '\0';
        if (note->reason == RESTART_RELOAD) /* a start of its own that is killed soon was killed, no more is known */
            memcpy(marks->trying, set->id, sizeof marks->trying);
        else
            marks->trying[0] = '\0';
        trial->pending = true;
    } else {
        marks->trying[0] = '\0';
    }
    if (memcmp(&before, marks, sizeof before) != 0)
        store_marks(trial);
    if (trial->pending && good_copy(trial)) {
        struct restart_note crash = {.folder = folder->path, .lock = folder->lock};
        memcpy(crash.set, marks->good, sizeof crash.set);
        restart_on_crash(&crash);
        watchdog_trial(true);
    }
    begin_notice(trial, note);
    return true;
}

void trial_keep(struct trial *trial)
{
    struct error error;
    if (trial->folder == NULL)
        return;
    trial->kept = plugin_set_store(trial->folder->folder, trial->set, trial->sync, &error);
    if (!trial->kept)
        log_problem(LOG_LEVEL_WARN, &error);
}

/* Events have gone through all of it, and came out again. */
static bool proved(struct trial *trial, const struct engine_counters *counters, int64_t now_ms)
{
    if (counters->messages == 0)
        return false;
    if (trial->came_ms == 0)
        trial->came_ms = now_ms;
    bool long_ago = now_ms - trial->came_ms >= PROVED_MS; /* perhaps no lane wants any, or checkpoints are far between */
    if (!trial->seen && (counters->folds > 0 || long_ago)) {
        trial->seen = true;
        trial->checkpoints = counters->checkpoints;
    }
    return long_ago || (trial->seen && counters->checkpoints > trial->checkpoints);
}

/* There has been nothing to try it with for long. */
static bool unproved(struct trial *trial, const struct engine_counters *counters, int64_t now_ms)
{
    if (!counters->at_end || counters->messages > 0) {
        trial->idle_ms = 0;
        return false;
    }
    if (trial->idle_ms == 0)
        trial->idle_ms = now_ms;
    if (!trial->waits && now_ms - trial->idle_ms >= PROVED_MS) {
        trial->waits = true;
        log_info("set %s of configuration and plugins is being tried, and the topic has nothing to try it with: it is good if nothing "
                 "comes for another %d s", trial->set->id, (UNPROVED_MS - PROVED_MS) / 1000);
    }
    return now_ms - trial->idle_ms >= UNPROVED_MS;
}

void trial_look(struct trial *trial, const struct engine_counters *counters)
{
    if (!trial->pending || !counters->restored)
        return;
    int64_t now_ms = time_monotonic_ms();
    bool good = proved(trial, counters, now_ms), idle = unproved(trial, counters, now_ms);
    if (watchdog_longest_ms() >= STANDS_MS || (!good && !idle)) /* who stands in a call has not come through */
        return;
    trial->pending = false;
    restart_on_crash_no_more();
    watchdog_trial(false);
    if (!trial->kept) /* there would be no way back to it: the former one stays the one to go back to */
        memset(&trial->marks.trying, 0, sizeof trial->marks.trying);
    else
        trial->marks = (struct set_marks){0};
    if (trial->kept)
        memcpy(trial->marks.good, trial->set->id, sizeof trial->marks.good);
    store_marks(trial);
    if (trial->kept)
        plugin_set_forget_others(trial->folder->folder, trial->set->id, "");
    trial->notice.trial = false;
    trial_tell(trial);
    log_info("set %s of configuration and plugins is good", trial->set->id);
}

void trial_end(struct trial *trial)
{
    restart_on_crash_no_more();
    watchdog_trial(false);
    if (trial->folder == NULL || !trial->pending)
        return;
    trial->pending = false;
    trial->marks.trying[0] = '\0';
    store_marks(trial);
}
