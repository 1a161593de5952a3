/* case_run.c - see case_run.h. */
#include "testhost/case_run.h"

#include "base/memory.h"
#include "config/near_miss.h"
#include "plugin/plugin_file.h"
#include "plugin/spelling.h"
#include "snowplow/json.h"
#include "testhost/drive.h"
#include "testhost/loaded.h"
#include "testhost/strict.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHOWN_MAX 20 /* keys that are named where nothing else was expected */

struct moment {
    const struct case_file *file;
    const struct lane_set *set;
    const struct case_expect *expect;
    const struct drive *drive;
    struct case_progress *progress;
    struct buffer *out;
    char **named; /* keys that a check of this moment has spoken of */
    size_t named_count;
    size_t differences;
};

/* ---- what there is ---- */

/* Does a lane of the case make features with such a key, whatever the id in it? If not, the nearest feature in *near, or NULL. */
static bool is_made(const struct moment *moment, const char *key, const char **near)
{
    const struct lane_set *set = moment->set;
    size_t size = strlen(key), count = 0, most = 0;
    for (size_t i = 0; i < set->lane_count; i++)
        most += set->lanes[i].feature_count * set->lanes[i].window_count;
    const char **known = memory_new((most + 1) * sizeof *known);
    bool made = false;
    for (const struct set_lane *lane = set->lanes; lane < set->lanes + set->lane_count; lane++)
        for (size_t w = 0; w < lane->window_count; w++)
            for (size_t f = 0; f < lane->feature_count; f++) {
                const struct bound_metric *metric = lane_metric_of(lane, f);
                sl_view suffix = lane->windows[w].suffixes[f];
                made = made || (size > metric->key_prefix_size + suffix.size &&
                                strncmp(key, metric->key_prefix, metric->key_prefix_size) == 0 &&
                                memcmp(key + size - suffix.size, suffix.data, suffix.size) == 0);
                known[count++] = suffix.data + 1;
            }
    const char *colon = strrchr(key, ':');
    *near = near_miss(colon == NULL ? key : colon + 1, known);
    free(known);
    return made;
}

/* A key that no lane can ever write is a mistake of the case: `absent` would hold whatever the plugins do. */
static void tell_unmade(struct moment *moment, int line, const char *key)
{
    const char *near;
    if (is_made(moment, key, &near))
        return;
    moment->differences++;
    buffer_printf(moment->out, "%s:%d: %s: no lane of this case makes such a feature\n", moment->file->path, line, key);
    if (near != NULL)
        buffer_printf(moment->out, "    nearest   %s\n", near);
}

/* Its value; NULL: it is not there. *feature: its history, where it has one. */
static const char *value_of(struct moment *moment, int line, const char *key, const struct kept_feature **feature, int64_t *ttl_s)
{
    tell_unmade(moment, line, key);
    moment->named = memory_resize(moment->named, (moment->named_count + 1) * sizeof *moment->named);
    moment->named[moment->named_count++] = memory_text(key);
    *feature = kept_features_find(drive_features(moment->drive), key);
    *ttl_s = 0;
    if (*feature == NULL || !kept_feature_there(*feature, drive_clock_ms(moment->drive), !moment->expect->live, ttl_s))
        return NULL;
    return (*feature)->value;
}

static bool was_named(const struct moment *moment, const char *key)
{
    for (size_t i = 0; i < moment->named_count; i++)
        if (strcmp(moment->named[i], key) == 0)
            return true;
    return false;
}

/* ---- what differs ---- */

static void put_value(struct buffer *out, const char *label, const char *value)
{
    buffer_printf(out, "    %-9s %s\n", label, value == NULL ? "absent" : value);
}

/* The last event that had come when the feature became what it is. */
static void put_cause(struct moment *moment, const struct kept_feature *feature)
{
    char at[CASE_TIME_MAX];
    if (feature == NULL)
        return;
    const struct case_file *file = moment->file;
    bool by_event = feature->step != KEPT_NO_STEP;
    size_t last = by_event ? feature->step : moment->expect->events - 1;
    put_value(moment->out, "before", feature->before);
    if (moment->expect->events > 0)
        buffer_printf(moment->out, "    %-9s %s%s %d: %s\n", "since", by_event ? "" : case_time_text(feature->changed_ms, at),
                      by_event ? "line" : ", when the clock moved on behind line", file->events[last].line,
                      file->events[last].text);
}

static void differs(struct moment *moment, int line, const char *what, const char *expected, const char *found,
                    const struct kept_feature *feature)
{
    char at[CASE_TIME_MAX];
    moment->differences++;
    buffer_printf(moment->out, "%s:%d: %s at %s\n", moment->file->path, line, what,
                  moment->expect->end ? "the end" : case_time_text(moment->expect->time_ms, at));
    put_value(moment->out, "expected", expected);
    put_value(moment->out, "found", found);
    put_cause(moment, feature);
}

static void compare(struct moment *moment, int line, const char *what, const char *expected, const char *found,
                    const struct kept_feature *feature)
{
    if (expected == NULL ? found != NULL : found == NULL || strcmp(expected, found) != 0)
        differs(moment, line, what, expected, found, feature);
}

/* ---- checks ---- */

/* The number of entries of a JSON map or list, or the text of one entry of a map; free it. NULL: there is none. */
static char *json_part(const char *value, const char *entry)
{
    struct json json = {0};
    struct json_parser *parser = json_parser_new();
    char *text = memory_format("{\"is\":%s}", value), *part = NULL;
    if (json_read(parser, (sl_view){text, strlen(text)}, &json) == NULL) {
        uint32_t node = json_find(&json, 0, "is", 2), found = entry == NULL ? 0 : json_find(&json, node, entry, strlen(entry));
        size_t count = 0;
        for (uint32_t at = node + 1; at < json.nodes[node].next; at = json.nodes[at].next)
            count++;
        sl_view raw = json_raw(&json, found);
        if (entry == NULL)
            part = memory_format("%zu", count);
        else if (found != 0)
            part = memory_format("%.*s", (int)raw.size, raw.data);
    }
    json_free(&json);
    json_parser_free(parser);
    free(text);
    return part;
}

/* KEY "NAME" */
static bool split_entry(const char *text, char **key, char **name)
{
    const char *space = strstr(text, " \"");
    size_t size = strlen(text);
    if (space == NULL || text[size - 1] != '"' || space + 2 > text + size - 1)
        return false;
    *key = memory_format("%.*s", (int)(space - text), text);
    *name = memory_format("%.*s", (int)(text + size - 1 - (space + 2)), space + 2);
    return true;
}

static void check_entry(struct moment *moment, int line, const char *text, const char *expected)
{
    const struct kept_feature *feature;
    char *key, *name;
    int64_t ttl_s;
    if (!split_entry(text, &key, &name)) {
        differs(moment, line, text, "entry KEY \"NAME\" = N", "this line", NULL);
        return;
    }
    const char *value = value_of(moment, line, key, &feature, &ttl_s);
    char *part = value == NULL ? NULL : json_part(value, name);
    compare(moment, line, text, expected, part, feature);
    free(part);
    free(key);
    free(name);
}

static void check_nothing(struct moment *moment, int line)
{
    const struct kept_features *kept = drive_features(moment->drive);
    size_t shown = 0;
    for (size_t i = 0; i < kept->count; i++) {
        const struct kept_feature *feature = &kept->items[i];
        int64_t ttl_s;
        if (!kept_feature_there(feature, drive_clock_ms(moment->drive), !moment->expect->live, &ttl_s) ||
            was_named(moment, feature->key) || shown++ >= SHOWN_MAX)
            continue;
        differs(moment, line, feature->key, NULL, feature->value, feature);
    }
    if (shown > SHOWN_MAX)
        buffer_printf(moment->out, "    ... and %zu keys more\n", shown - SHOWN_MAX);
}

static void check_equal(struct moment *moment, int line, const char *what, const char *expected)
{
    const struct kept_feature *feature = NULL;
    char number[24];
    int64_t ttl_s;
    if (strcmp(what, "dead_letters") == 0) {
        struct drive_counters counters;
        drive_count(moment->drive, &counters);
        (void)snprintf(number, sizeof number, "%llu", (unsigned long long)counters.dead_letters);
        compare(moment, line, what, expected, number, NULL);
    } else if (strncmp(what, "ttl ", 4) == 0) {
        const char *value = value_of(moment, line, what + 4, &feature, &ttl_s);
        (void)snprintf(number, sizeof number, "%lld", (long long)ttl_s);
        compare(moment, line, what, expected, value == NULL ? NULL : number, feature);
    } else if (strncmp(what, "entries ", 8) == 0) {
        const char *value = value_of(moment, line, what + 8, &feature, &ttl_s);
        char *count = value == NULL ? NULL : json_part(value, NULL);
        compare(moment, line, what, expected, count, feature);
        free(count);
    } else if (strncmp(what, "entry ", 6) == 0) {
        check_entry(moment, line, what + 6, expected);
    } else {
        const char *value = value_of(moment, line, what, &feature, &ttl_s);
        compare(moment, line, what, expected, value, feature);
    }
}

static void check(struct moment *moment, const struct case_check *check)
{
    const struct kept_feature *feature;
    const char *equals = strstr(check->text, " = ");
    int64_t ttl_s;
    if (strcmp(check->text, "nothing") == 0 || strcmp(check->text, "nothing else") == 0) {
        check_nothing(moment, check->line);
    } else if (strncmp(check->text, "absent entry ", 13) == 0) {
        check_entry(moment, check->line, check->text + 13, NULL);
    } else if (strncmp(check->text, "absent ", 7) == 0) {
        const char *value = value_of(moment, check->line, check->text + 7, &feature, &ttl_s);
        compare(moment, check->line, check->text + 7, NULL, value, feature);
    } else if (equals == NULL || equals[3] == '\0') {
        differs(moment, check->line, check->text, "KEY = VALUE, absent KEY or nothing else", "this line", NULL);
    } else {
        char *what = memory_format("%.*s", (int)(equals - check->text), check->text);
        check_equal(moment, check->line, what, equals + 3);
        free(what);
    }
}

/* ---- a moment ---- */

/* An event that went to the dead letters where the case does not speak of any: else it only shows in what is not there later. */
static void note_letter(struct moment *moment, const struct case_event *event, sl_view letter)
{
    struct json json = {0};
    struct json_parser *parser = json_parser_new();
    buffer_printf(moment->out, "%s:%d: note: this event went to the dead letters", moment->file->path, event->line);
    if (json_read(parser, letter, &json) == NULL) {
        uint32_t errors = json_follow(&json, 0, "data.failure.errors");
        sl_view raw = {NULL, 0};
        if (errors != 0 && json.nodes[errors].next > errors + 1)
            raw = json_raw(&json, json_find(&json, errors + 1, "message", 7));
        char *text = memory_new(raw.size + 1);
        if (raw.size > 0)
            buffer_printf(moment->out, ": %.*s", (int)json_unescape(raw, text), text);
        free(text);
    }
    buffer_printf(moment->out, "\n    %-9s %s\n", "at", event->text);
    json_free(&json);
    json_parser_free(parser);
}

static bool expects_letters(const struct case_file *file)
{
    for (size_t i = 0; i < file->expect_count; i++)
        for (size_t k = 0; k < file->expects[i].check_count; k++)
            if (strncmp(file->expects[i].checks[k].text, "dead_letters = ", 15) == 0)
                return true;
    return false;
}

static void step(struct moment *moment, size_t number)
{
    moment->progress->place.step = number;
    atomic_fetch_add(&moment->progress->steps, 1);
}

/* `letters`: what went to the dead letters is noted. */
static struct drive *driven(struct moment *moment, const struct config *config, int workers, size_t batch, bool letters)
{
    const struct case_file *file = moment->file;
    const struct case_expect *expect = moment->expect;
    int noted = 0; /* one line may make many events */
    struct drive *drive = drive_new(&(struct drive_settings){
        .set = moment->set, .config = config, .workers = workers, .batch = batch, .keep_letters = letters});
    for (size_t i = 0; i < expect->events; i++) {
        size_t before = drive_letters(drive).size;
        step(moment, i);
        drive_event(drive, (sl_view){file->events[i].message, strlen(file->events[i].message)}, i);
        sl_view after = drive_letters(drive);
        if (after.size > before && noted != file->events[i].line) {
            noted = file->events[i].line;
            note_letter(moment, &file->events[i], (sl_view){after.data + before, after.size - before - 1});
        }
    }
    step(moment, KEPT_NO_STEP);
    drive_end(drive, expect->end ? INT64_MIN : expect->time_ms);
    return drive;
}

/* What a plugin did that its contract forbids; with the line of the event that had come by then. */
static void tell_breaches(struct moment *moment, const struct strict *strict, const struct findings *findings)
{
    const struct case_file *file = moment->file;
    for (size_t i = 0; i < findings->count; i++) {
        size_t step = strict_step_of(strict, i);
        bool by_event = step < moment->expect->events;
        moment->differences++;
        buffer_printf(moment->out, "%s:%d: %s\n", file->path, by_event ? file->events[step].line : moment->expect->line,
                      findings->items[i].error.what);
        put_value(moment->out, "do this", findings->items[i].error.advice);
        if (by_event)
            put_value(moment->out, "at", file->events[step].text);
    }
}

/* By one worker, an event a batch, and watched. */
static struct drive *driven_strictly(struct moment *moment, const struct config *config, struct lane_set *set, bool tell)
{
    struct findings findings = {0};
    struct strict *strict = strict_put_on(set, &(struct strict_settings){.place = &moment->progress->place}, &findings);
    struct drive *drive = driven(moment, config, 1, 1, tell && !expects_letters(moment->file));
    if (tell)
        tell_breaches(moment, strict, &findings);
    strict_take_off(strict);
    findings_free(&findings);
    return drive;
}

/* The plugins of a set, all of whose allocations fail from here on; in a process that ends soon. */
static void starve(const struct lane_set *set)
{
    struct loaded_calls *calls = NULL;
    for (size_t i = 0; i < set->lane_count; i++) {
        calls = loaded_take_over(plugin_file_origin(set->lanes[i].table)->address);
        for (size_t m = 0; m < set->lanes[i].metric_count; m++)
            calls = loaded_take_over(plugin_file_origin(set->lanes[i].metrics[m].table)->address);
    }
    if (calls == NULL)
        return;
    calls->fail_from = 1;
    calls->fail_all = true;
}

/* All events once more, in a process of their own, while no allocation of a plugin succeeds: it may say anything, and lives on. */
static void drive_starving(struct moment *moment, const struct config *config, struct lane_set *set)
{
    struct findings findings = {0};
    struct strict_place *place = &moment->progress->place;
    int status = 0;
    moment->progress->starving = true;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        starve(set);
        (void)strict_put_on(set, &(struct strict_settings){.place = place}, &findings);
        drive_free(driven(moment, config, 1, 1, false));
        _exit(0);
    }
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    moment->progress->starving = false;
    if (child > 0 && status != 0) {
        moment->differences++;
        buffer_printf(moment->out, "%s:%d: %s ends the host in %s when its allocations fail\n", moment->file->path,
                      moment->expect->line, place->plugin[0] == '\0' ? "a plugin" : place->plugin,
                      place->plugin[0] == '\0' ? "a call" : place->function);
        put_value(moment->out, "do this", "look at what malloc() returns; scratch.h has memory for a fold that never fails");
    }
    place->plugin[0] = '\0';
    place->slot = false;
}

/* Neither the number of workers nor the size of batches may show. */
static void compare_drives(struct moment *moment, const struct drive *other)
{
    const struct kept_features *one = drive_features(moment->drive), *two = drive_features(other);
    for (size_t i = 0; i < one->count || i < two->count; i++) {
        const struct kept_feature *a = i < one->count ? &one->items[i] : NULL, *b = i < two->count ? &two->items[i] : NULL;
        if (a != NULL && b != NULL && strcmp(a->key, b->key) == 0 &&
            (a->value == NULL ? b->value == NULL : b->value != NULL && strcmp(a->value, b->value) == 0))
            continue;
        differs(moment, moment->expect->line, a != NULL ? a->key : b->key, a != NULL ? a->value : NULL,
                b != NULL ? b->value : NULL, a);
        buffer_literal(moment->out,
                       "    the first with one worker and single events, the second with three workers and batches of "
                       "seven: what a plugin says must depend on its records alone\n");
        return;
    }
}

/* Lanes that no event of the case came to: nothing that is expected of them tests them. */
static void note_unseen(struct moment *moment)
{
    const struct case_file *file = moment->file;
    struct lane_cost *costs = memory_new((moment->set->lane_count + 1) * sizeof *costs);
    drive_costs(moment->drive, costs);
    for (size_t i = 0; file->event_count > 0 && i < moment->set->lane_count; i++) {
        const struct set_lane *lane = &moment->set->lanes[i];
        if (costs[i].extract.calls > 0)
            continue;
        buffer_printf(moment->out, "%s:%d: note: lane \"%s\" saw 0 of %zu event%s", file->path, file->lanes[i].line,
                      lane->name, file->event_count, file->event_count == 1 ? "" : "s");
        if (costs[i].unkeyed > 0)
            buffer_printf(moment->out, "; %llu had no key for it", (unsigned long long)costs[i].unkeyed);
        buffer_literal(moment->out, "\n    it wants ");
        for (const char *const *event = lane->table->events; *event != NULL; event++)
            buffer_printf(moment->out, "%s%s", event == lane->table->events ? " " : ", ", *event);
        buffer_byte(moment->out, '\n');
        moment->progress->unseen = true;
    }
    free(costs);
}

static size_t look(const struct case_file *file, const struct case_expect *expect, const struct config *config,
                   struct lane_set *set, struct case_progress *progress, struct buffer *out)
{
    struct moment moment = {.file = file, .set = set, .expect = expect, .progress = progress, .out = out};
    bool last = expect == &file->expects[file->expect_count - 1]; /* by then every event has come */
    struct drive *drive = driven_strictly(&moment, config, set, last), *other = driven(&moment, config, 3, 7, false);
    moment.drive = drive;
    if (last) {
        note_unseen(&moment);
        drive_starving(&moment, config, set);
    }
    for (size_t i = 0; i < expect->check_count; i++)
        check(&moment, &expect->checks[i]);
    compare_drives(&moment, other);
    for (size_t i = 0; i < moment.named_count; i++)
        free(moment.named[i]);
    free(moment.named);
    drive_free(drive);
    drive_free(other);
    return moment.differences;
}

static void tell(int to, struct buffer *text)
{
    if (text->size > 0)
        (void)!write(to, text->data, text->size);
    buffer_reset(text);
}

bool case_run(const struct case_file *file, const char *plugins, struct case_progress *progress,
              const struct case_told *told, struct error_list *errors)
{
    struct buffer text = {0};
    case_file_config(file, plugins, "events.tsv", &text);
    buffer_byte(&text, '\0');
    struct config *config = config_read_text(text.data, file->path, errors);
    struct lane_set *set = config == NULL ? NULL : lane_set_load(config, errors);
    buffer_reset(&text);
    for (size_t i = 0; set != NULL && i < set->lane_count; i++) {
        size_t before = text.size;
        buffer_printf(&text, "lane \"%s\"\n", set->lanes[i].name);
        size_t head = text.size;
        lane_spelling(set->lanes[i].table, &text);
        text.size = text.size == head ? before : text.size;
        buffer_byte(&text, '\0');
    }
    tell(told->spelling, &text);
    for (size_t i = 0; set != NULL && i < file->expect_count; i++) {
        progress->moments++;
        progress->differ += look(file, &file->expects[i], config, set, progress, &text) > 0;
        tell(told->text, &text);
    }
    bool ran = set != NULL;
    lane_set_free(set);
    config_free(config);
    buffer_free(&text);
    return ran;
}
