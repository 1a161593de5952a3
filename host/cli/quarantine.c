/* quarantine.c - see quarantine.h. */
#include "cli/quarantine.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"
#include "cli/crash.h"
#include "config/config_memory.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *lane_called(const struct lane_settings *lane) { return lane->as != NULL ? lane->as : lane->name; }
static const char *metric_called(const struct metric_settings *metric)
{
    return metric->as != NULL ? metric->as : metric->name;
}

static void read_notes(struct quarantine *quarantine, const char *path)
{
    int folder = path == NULL ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    crash_notes_read(folder, &quarantine->notes);
    if (quarantine->noting)
        crash_note_in(folder);
    (void)close(folder);
}

/* Does this plugin stand in quarantine? Then it is listed. `metric`: NULL for the lane itself. */
static bool stands(struct quarantine *quarantine, const char *folders, const char *lane, const char *metric,
                   const char *file)
{
    const struct crash_note *last = NULL;
    enum plugin_kind folder;
    size_t size;
    uint64_t build;
    bool noted = false;
    for (size_t i = 0; i < quarantine->notes.count && !noted; i++)
        noted = strcmp(quarantine->notes.items[i].lane, lane) == 0; /* else there is no need to read its file */
    for (size_t number = 0; noted && last == NULL; number++) {
        char *bytes = plugin_file_peek(folders, metric == NULL ? PLUGIN_LANE : PLUGIN_METRIC, file, number, &folder,
                                       &size, &build);
        if (bytes == NULL)
            break;
        free(bytes);
        last = crash_notes_quarantine(&quarantine->notes, lane, metric, build);
    }
    if (last == NULL)
        return false;
    quarantine->items = memory_resize(quarantine->items, (quarantine->count + 1) * sizeof *quarantine->items);
    quarantine->items[quarantine->count++] = (struct quarantined){
        .name = metric == NULL ? memory_format("lane %s", lane)
                               : memory_format("metric parser %s of lane %s", metric, lane),
        .key = metric == NULL ? memory_text(lane) : memory_format("%s:%s", lane, metric),
        .why = memory_format("%s in %s", crash_cause_text(last->cause), last->function),
        .since_s = last->time_s,
    };
    return true;
}

/* What is installed stays the same, whatever of it is not called. */
static void keep_file(struct quarantine *quarantine, const char *folders, enum plugin_kind kind, const char *name)
{
    struct kept_file kept = {.folder = kind};
    uint64_t build;
    kept.bytes = name == NULL ? NULL : plugin_file_peek(folders, kind, name, 0, &kept.folder, &kept.size, &build);
    if (kept.bytes == NULL)
        return;
    kept.name = memory_text(name);
    quarantine->files = memory_resize(quarantine->files, (quarantine->file_count + 1) * sizeof *quarantine->files);
    quarantine->files[quarantine->file_count++] = kept;
}

static void keep_lane(struct quarantine *quarantine, struct config *config, const char *folders,
                      const struct lane_settings *lane)
{
    config->left_out[config->left_out_count++] = lane_called(lane);
    if (lane->name != NULL && lane_called(lane) != lane->name)
        config->left_out[config->left_out_count++] = lane->name;
    keep_file(quarantine, folders, PLUGIN_LANE, lane->name);
    for (size_t m = 0; m < lane->metric_count; m++)
        keep_file(quarantine, folders, PLUGIN_METRIC, lane->metrics[m].name);
}

static bool names_all(const struct lane_settings *lane)
{
    bool all = lane_called(lane) != NULL && plugin_name_valid(lane->name);
    for (size_t m = 0; m < lane->metric_count; m++)
        all = all && metric_called(&lane->metrics[m]) != NULL && plugin_name_valid(lane->metrics[m].name);
    return all;
}

static void take_out_metrics(struct quarantine *quarantine, struct lane_settings *lane, const char *folders)
{
    size_t kept = 0;
    for (size_t m = 0; m < lane->metric_count; m++)
        if (stands(quarantine, folders, lane_called(lane), metric_called(&lane->metrics[m]), lane->metrics[m].name))
            keep_file(quarantine, folders, PLUGIN_METRIC, lane->metrics[m].name);
        else
            lane->metrics[kept++] = lane->metrics[m];
    if (kept == lane->metric_count)
        return;
    lane->metric_count = kept;
    kept = 0;
    for (size_t m = 0; m < lane->metric_count; m++) { /* whose other is gone */
        const char *of = lane->metrics[m].shadow.of;
        bool there = of == NULL;
        for (size_t i = 0; i < lane->metric_count; i++)
            there = there || strcmp(metric_called(&lane->metrics[i]), of) == 0;
        if (there) {
            lane->metrics[kept++] = lane->metrics[m];
            continue;
        }
        keep_file(quarantine, folders, PLUGIN_METRIC, lane->metrics[m].name);
        log_warn("metric parser %s of lane %s is off: what it stands beside is in quarantine",
                 metric_called(&lane->metrics[m]), lane_called(lane));
    }
    lane->metric_count = kept;
}

static void take_out_shadows(struct quarantine *quarantine, struct config *config, const char *folders)
{
    size_t kept = 0, count = config->lane_count;
    for (size_t i = 0; i < count; i++) {
        const char *of = config->lanes[i].shadow.of;
        bool there = of == NULL;
        for (size_t l = 0; l < count && !there; l++)
            there = lane_called(&config->lanes[l]) != NULL && strcmp(lane_called(&config->lanes[l]), of) == 0;
        if (!there) {
            log_warn("lane %s is off: what it stands beside is in quarantine", lane_called(&config->lanes[i]));
            keep_lane(quarantine, config, folders, &config->lanes[i]);
        } else if (kept++ != i) {
            config->lanes[kept - 1] = config->lanes[i];
        }
    }
    config->lane_count = kept;
}

/* The name that `shoplane plugin release` takes. */
static const char *released_as(const struct quarantined *plugin)
{
    const char *colon = strrchr(plugin->key, ':');
    return colon == NULL ? plugin->key : colon + 1;
}

static void tell_askers(struct quarantine *quarantine)
{
    struct buffer told = {0};
    char since[TIME_TEXT_MAX];
    for (size_t i = 0; i < quarantine->count; i++) {
        (void)time_text(quarantine->items[i].since_s * 1000, since);
        buffer_printf(&told, "%s%s stands in quarantine since %s (%s): it has no features; do this: shoplane plugin release %s",
                      i == 0 ? "" : "\n", quarantine->items[i].name, since, quarantine->items[i].why,
                      released_as(&quarantine->items[i]));
    }
    if (told.size > 0) {
        buffer_byte(&told, '\0');
        quarantine->told = memory_text(told.data);
    }
    buffer_free(&told);
}

void quarantine_apply(struct quarantine *quarantine, struct config *config)
{
    read_notes(quarantine, config->state.folder);
    if (quarantine->notes.count == 0)
        return;
    char *folders = config->plugins == NULL ? plugin_folder_default() : memory_text(config->plugins);
    size_t kept = 0, count = config->lane_count;
    config->left_out = config_memory_take(config->memory, (2 * count + 1) * sizeof *config->left_out);
    for (size_t i = 0; i < count; i++) {
        struct lane_settings lane = config->lanes[i];
        bool whole = names_all(&lane); /* else a mistake of it was noted, and nothing will run */
        if (whole && stands(quarantine, folders, lane_called(&lane), NULL, lane.name)) {
            keep_lane(quarantine, config, folders, &lane);
            continue;
        }
        if (whole)
            take_out_metrics(quarantine, &lane, folders);
        config->lanes[kept++] = lane;
    }
    config->lane_count = kept;
    if (kept < count)
        take_out_shadows(quarantine, config, folders);
    tell_askers(quarantine);
    free(folders);
}

/* For a person: what the plugin is not called for any more. */
static void add_place(struct quarantine *quarantine, const struct crash_note *note, const struct plugin_id *id)
{
    struct buffer where = {0};
    if (note->partition >= 0) {
        buffer_printf(&where, "for partition %" PRId32 ", offset %" PRId64 ": that event is a dead letter", note->partition, note->offset);
    } else {
        buffer_literal(&where, "for key ");
        for (size_t i = 0; i < note->key_size; i++)
            buffer_byte(&where, (unsigned char)note->key[i] < ' ' ? '?' : note->key[i]);
        buffer_literal(&where, ": that key has none of its features");
    }
    buffer_byte(&where, '\0');
    quarantine->places = memory_resize(quarantine->places, (quarantine->place_count + 1) * sizeof *quarantine->places);
    quarantine->places[quarantine->place_count++] =
        memory_format("%s %s is not called %s; it crashed there twice, in %s; do this: install a mended one and `shoplane reload`",
                      id->metric == NULL ? "lane" : "metric parser", id->metric == NULL ? id->lane : id->metric, where.data,
                      note->function);
    buffer_free(&where);
}

static void bar(struct quarantine *quarantine, struct lane_set *set, const struct crash_note *note, const struct plugin_id *id,
                struct key_bars *keys)
{
    if (note->partition >= 0)
        message_bars_add(&set->bars, (struct message_bar){note->partition, note->offset, id, note->cause});
    else if (note->key_size > 0)
        key_bars_add(keys, (sl_view){note->key, note->key_size});
    else
        return;
    add_place(quarantine, note, id);
}

void quarantine_bar(struct quarantine *quarantine, struct lane_set *set)
{
    for (size_t n = 0; n < quarantine->notes.count; n++) {
        const struct crash_note *note = &quarantine->notes.items[n];
        if (!crash_notes_bar(&quarantine->notes, n))
            continue;
        for (struct set_lane *lane = set->lanes; lane < set->lanes + set->lane_count; lane++) {
            if (strcmp(lane->name, note->lane) != 0)
                continue;
            if (note->metric[0] == '-' && lane->id.build == note->build)
                bar(quarantine, set, note, &lane->id, &lane->bars);
            for (size_t m = 0; m < lane->metric_count; m++)
                if (strcmp(lane->metrics[m].name, note->metric) == 0 && lane->metrics[m].id.build == note->build)
                    bar(quarantine, set, note, &lane->metrics[m].id, &lane->metrics[m].bars);
        }
    }
}

void quarantine_say(const struct quarantine *quarantine)
{
    for (size_t i = 0; i < quarantine->count; i++)
        log_error(
            "%s stands in quarantine: it ended the host %d times within a day, last by: %s; the others go on without it; do "
            "this: install a mended one and `shoplane reload`, or `shoplane plugin release %s`",
            quarantine->items[i].name, CRASH_QUARANTINE, quarantine->items[i].why, released_as(&quarantine->items[i]));
    for (size_t i = 0; i < quarantine->place_count; i++)
        log_warn("%s", quarantine->places[i]);
}

void quarantine_free(struct quarantine *quarantine)
{
    for (size_t i = 0; i < quarantine->count; i++) {
        free(quarantine->items[i].name);
        free(quarantine->items[i].key);
        free(quarantine->items[i].why);
    }
    for (size_t i = 0; i < quarantine->file_count; i++) {
        free(quarantine->files[i].name);
        free(quarantine->files[i].bytes);
    }
    for (size_t i = 0; i < quarantine->place_count; i++)
        free(quarantine->places[i]);
    free(quarantine->places);
    free(quarantine->told);
    free(quarantine->items);
    free(quarantine->files);
    crash_notes_free(&quarantine->notes);
    *quarantine = (struct quarantine){.noting = quarantine->noting};
}
