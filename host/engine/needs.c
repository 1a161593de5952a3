/* needs.c - see needs.h. */
#include "engine/needs.h"

#include "engine/emission.h"
#include "engine/key_hash.h"
#include "engine/shard_logs.h"

static struct log *log_of(struct shard *shard, size_t lane, sl_view id)
{
    return key_table_find(&shard->tables[lane], key_hash(id, shard->set->lanes[lane].table->key), id);
}

/* The records of a window of a lane, as of the clock. Of a session that is over the values stay until no late event may change them. */
static struct fold_source find(void *context, size_t number, size_t window)
{
    const struct needs_view *seeing = context;
    const struct set_lane *lane = &seeing->shard->set->lanes[number];
    const struct window_settings *settings = &lane->windows[window].settings;
    struct fold_source source = {.log = lane == seeing->lane ? seeing->log : log_of(seeing->shard, number, seeing->id),
                                 .now_ms = seeing->at_ms};
    if (source.log == NULL || source.log->count == 0)
        return (struct fold_source){.now_ms = source.now_ms};
    if (!lane->session) {
        source.first = log_from(source.log, lane, seeing->at_ms - settings->length_ms);
        return source;
    }
    int64_t end_ms = session_end(lane, source.log);
    if (end_ms + settings->lateness_ms < seeing->at_ms)
        return (struct fold_source){.now_ms = source.now_ms};
    source.first = log_newest_run(source.log, lane);
    if (end_ms < seeing->at_ms)
        source.now_ms = end_ms;
    return source;
}

struct fold_others needs_others(struct needs_view *view, struct shard *shard, const struct set_lane *lane, sl_view id,
                                const struct log *log, int64_t at_ms)
{
    *view = (struct needs_view){shard, lane, log, id, at_ms};
    return (struct fold_others){shard->set, find, view};
}

void needs_fold(struct shard *shard, struct folder *folder, const struct set_lane *lane, sl_view id,
                const struct log *log, size_t window, size_t first, int64_t now_ms, int64_t at_ms)
{
    struct needs_view view;
    struct fold_others others = needs_others(&view, shard, lane, id, log, at_ms);
    folder_fold(folder, lane, log, window, first, now_ms, &others);
}

/* Of a lane that is not awake yet: what it shows when it wakes is owed. */
static void owe(const struct shard *shard, const struct set_lane *lane, struct log *log)
{
    for (size_t w = 0; w < lane->window_count; w++) {
        bool any = lane->session
                       ? log->count > 0 && session_end(lane, log) >= shard->clock_ms
                       : log_from(log, lane, shard->clock_ms - lane->windows[w].settings.length_ms) < log->count;
        struct view *view = log_view(log, lane, w);
        view->owed = view->owed || any;
    }
}

/* Does a parser need one of these windows of the lane for what it makes of its own window `w`? */
static bool stands_on(const struct set_lane *lane, size_t w, size_t from, uint32_t windows)
{
    for (size_t m = 0; m < lane->metric_count; m++)
        for (size_t i = 0; i < lane->metrics[m].other_count; i++) {
            const struct other_need *need = &lane->metrics[m].others[i];
            if (need->lane == from && (windows >> need->windows[w] & 1u) != 0)
                return true;
        }
    return false;
}

void needs_touch(struct shard *shard, struct log *log, uint32_t windows)
{
    const struct set_lane *from = &shard->set->lanes[log->lane];
    for (uint64_t left = from->dependents; left != 0; left &= left - 1) {
        size_t number = (size_t)__builtin_ctzll(left);
        const struct set_lane *lane = &shard->set->lanes[number];
        struct log *other = number == log->lane ? log : log_of(shard, number, text_view(&log->key));
        if (other == NULL)
            continue;
        if (shard->lanes[number].quiet) {
            owe(shard, lane, other);
            continue;
        }
        bool any = false;
        for (size_t w = 0; w < lane->window_count; w++) {
            struct view *view = log_view(other, lane, w);
            if (!view->live || view->dirty || !stands_on(lane, w, log->lane, windows))
                continue;
            view->dirty = any = true;
        }
        if (any)
            emission_look_when_whole(shard, other);
    }
}

bool needs_ready(const struct shard *shard, const struct bound_metric *metric)
{
    for (size_t i = 0; i < metric->other_count; i++)
        if (shard->lanes[metric->others[i].lane].quiet)
            return false;
    return true;
}

void needs_whole(struct shard *shard)
{
    if (!shard->waiting || shard->clock_ms == SHARD_BEGINNING_MS)
        return;
    shard->waiting = false;
    emission_begin(shard);
}
