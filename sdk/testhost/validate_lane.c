/* validate_lane.c - see validate_lane.h. */
#include "testhost/validate_lane.h"

#include "base/memory.h"
#include "plugin/plugin_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where it is looked for: a lane of the parser's own name first, then those of its own folder, which are of one project, then
 * others. NULL-terminated; one allocation, which `names` lives longer than. */
static const char **lanes_in_turn(const struct validate_result *result, char **own, char **names, size_t *own_count)
{
    size_t count = 0, all = 0, own_all = 0;
    while (names[all] != NULL)
        all++;
    while (own[own_all] != NULL)
        own_all++;
    const char **turn = memory_new((all + own_all + 1) * sizeof *turn);
    for (int first = 1; first >= 0; first--)
        for (char **at = own; *at != NULL; at++)
            if ((strcmp(*at, result->plugin.name) == 0) == first)
                turn[count++] = *at;
    *own_count = count;
    for (char **at = names; *at != NULL; at++) {
        bool there = false;
        for (char **before = own; *before != NULL && !there; before++)
            there = strcmp(*before, *at) == 0;
        if (!there)
            turn[count++] = *at;
    }
    turn[count] = NULL;
    return turn;
}

/* What became of the parser on a lane that it does not stand on. */
struct tried {
    bool own;     /* the lane is of the parser's folder */
    bool refused; /* for no want of a value: the lane can't be loaded */
    size_t has;   /* as in job_report */
    struct error error;
};

/* Is the first lane nearer to what the parser is meant for? */
static bool nearer(const struct tried *one, const struct tried *other)
{
    if (other->error.what[0] == '\0')
        return true;
    if (one->own != other->own)
        return one->own;
    return one->has > other->has || (one->has == other->has && one->refused && !other->refused);
}

/* Does a lane end the process that opens it, without any parser? */
static bool lane_dies(const struct validation *validation, const char *lane)
{
    struct outcome outcome;
    struct validate_plugin alone = validation->result->plugin;
    alone.kind = PLUGIN_LANE;
    (void)snprintf(alone.name, sizeof alone.name, "%s", lane);
    alone.params = alone.lane_params;
    const struct job job = {.kind = JOB_OPEN, .plugin = &alone, .folder = validation->folder};
    bool dies = validation_run(validation, &job, &outcome) && !validation->report->complete;
    free(outcome.evidence);
    return dies;
}

/* Put the parser on it, in a process of its own, since a lane runs code when it is loaded. True: it stands there, or falls by itself. */
static bool try_lane(const struct validation *validation, const char *lane, struct tried *tried, bool *hopeless)
{
    struct outcome outcome;
    struct job_finding died_of;
    struct validate_plugin plugin = validation->result->plugin;
    plugin.lane = lane;
    const struct job job = {.kind = JOB_OPEN, .plugin = &plugin, .events = 0, .folder = validation->folder};
    const struct job_report *report = validation->report;
    if (!validation_run(validation, &job, &outcome)) {
        error_what(&tried->error, "no process can be started: %s", strerror(errno));
        *hopeless = true;
        return false;
    }
    if (report->loaded) {
        free(outcome.evidence);
        return true;
    }
    bool dead = validation_died(report, &outcome, &died_of), stands = false;
    bool fits = report->lane_fits;
    tried->refused = fits || report->lane_unknown;
    tried->has = report->lane_has;
    if (!dead && report->finding_count > 0) {
        const struct job_finding *finding = &report->findings[0];
        *hopeless = strcmp(finding->id, JOB_REFUSED) == 0; /* whatever the lane */
        error_what(&tried->error, "%.500s", finding->what);
        error_advice(&tried->error, "%.500s", finding->advice);
    }
    if (dead) {
        stands = fits && !lane_dies(validation, lane);
        error_what(&tried->error, "lane \"%s\" can't be loaded: %.400s", lane, died_of.what);
        error_advice(&tried->error, "shoplane plugin validate of that lane says more");
    }
    free(outcome.evidence);
    return stands;
}

static void tell_no_lane(const struct validation *validation, const struct tried *nearest, struct error *error)
{
    const struct validate_result *result = validation->result;
    const char *named = validation->settings->lane;
    if (nearest->own && nearest->refused) {
        error_what(error, "metric parser \"%s\" has no lane to stand on: that of its folder can't be loaded",
                   result->plugin.name);
        error_found(error, "%s", nearest->error.what);
        error_advice(error, "%s", nearest->error.advice[0] != '\0' ? nearest->error.advice : "mend that lane first");
        return;
    }
    error_what(error, "metric parser \"%s\" finds no lane to stand on", result->plugin.name);
    if (nearest->error.what[0] == '\0' && named != NULL)
        error_found(error, "there is no lane \"%s\" in the plugin folders", named);
    else
        error_found(error, "%s",
                    nearest->error.what[0] != '\0' ? nearest->error.what : "there are no lanes in the plugin folders");
    if (nearest->has > 0 || nearest->own)
        error_advice(error, "%.300s; or name another lane, --lane NAME, of another folder, --plugins FOLDER",
                     nearest->error.advice);
    else
        error_advice(
            error,
            "name the folder of a lane that publishes what it needs, --plugins FOLDER, or the lane, --lane NAME");
}

bool validation_find_lane(struct validation *validation, struct error *error)
{
    struct validate_result *result = validation->result;
    const char *named = validation->settings->lane;
    char *own_folder = memory_format("%.*s", (int)strcspn(result->folders, ":"), result->folders);
    char **own = plugin_file_list(own_folder, PLUGIN_LANE), **names = plugin_file_list(result->folders, PLUGIN_LANE);
    size_t own_count = 0;
    const char **turn = lanes_in_turn(result, own, names, &own_count);
    struct tried nearest = {0};
    bool hopeless = false;
    for (size_t i = 0; turn[i] != NULL && result->lane == NULL && !hopeless; i++) {
        struct tried tried = {.own = i < own_count};
        if (named != NULL && strcmp(named, turn[i]) != 0)
            continue;
        if (!tried.own && nearest.own && nearest.refused)
            break;
        if (try_lane(validation, turn[i], &tried, &hopeless))
            result->lane = memory_text(turn[i]);
        else if (hopeless || nearer(&tried, &nearest))
            nearest = tried;
    }
    free(turn);
    free(names);
    free(own);
    free(own_folder);
    result->plugin.lane = result->lane;
    if (result->lane != NULL)
        return true;
    if (!hopeless) {
        tell_no_lane(validation, &nearest, error);
        return false;
    }
    *error = nearest.error;
    error_found(error, "%s", result->plugin.path);
    return false;
}
