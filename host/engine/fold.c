/* fold.c - see fold.h. */
#include "engine/fold.h"

#include "base/hash.h"
#include "base/log.h"
#include "engine/render.h"

#include <string.h>

void folder_init(struct folder *folder, struct texts *texts)
{
    memset(folder, 0, sizeof *folder);
    scratch_init(&folder->scratch, texts);
}

void folder_free(struct folder *folder)
{
    scratch_free(&folder->scratch);
    buffer_free(&folder->text);
}

static void tell_not_finite(struct folder *folder, const struct bound_metric *metric, size_t feature)
{
    const char *name = metric->table->features[feature].name;
    size_t told = 0;
    folder->not_finite++;
    while (told < NOT_FINITE_TOLD_MAX && folder->not_finite_told[told] != NULL && folder->not_finite_told[told] != name)
        told++;
    if (told == NOT_FINITE_TOLD_MAX || folder->not_finite_told[told] == name)
        return;
    folder->not_finite_told[told] = name;
    log_warn("metric parser \"%s\": feature %s is not a finite number, so it is absent; do this: look for a division by 0 in its "
             "compute(); further ones are counted (not_finite)", metric->name, name);
}

static void narrow(char *to, const char *from)
{
    sl_sum sum;
    memcpy(&sum, from, sizeof sum);
    int64_t micros = sl_sum_money(&sum);
    memcpy(to, &micros, sizeof micros);
}

static void bind_value(const struct binding *binding, char *to, const char *lane_values)
{
    if (binding->narrowed)
        narrow(to + binding->to, lane_values + binding->from);
    else
        memcpy(to + binding->to, lane_values + binding->from, binding->size);
}

/* Run one parser on the lane's values, and those of others; its features go to `out`. `left_out`: it is not called, and all are
 * absent. */
static uint64_t parse(struct folder *folder, const struct bound_metric *metric, bool left_out, const sl_window *window,
                      const char *lane_values, const char *const *others, struct folded_feature *out, struct call_cost *cost)
{
    char *values = arena_take(&folder->scratch.arena, metric->table->values_size);
    for (size_t i = 0; i < metric->binding_count; i++)
        bind_value(&metric->bindings[i], values, lane_values);
    for (size_t i = 0; i < metric->other_count && !left_out; i++)
        bind_value(&metric->others[i].binding, values, others[i]);
    sl_cell *cells = arena_take(&folder->scratch.arena, metric->feature_count * sizeof *cells);
    int64_t began_ns = cost != NULL ? cost_clock() : 0;
    plugin_call_begin(PLUGIN_COMPUTE, &metric->id);
    if (!left_out)
        metric->table->compute(metric->self, &folder->scratch.base, window, values, cells);
    if (cost != NULL)
        cost_sample(cost, began_ns, 1);
    size_t begin = folder->text.size;
    for (size_t i = 0; i < metric->feature_count; i++) {
        size_t before = folder->text.size;
        bool present = render_cell(&cells[i], &folder->scratch.arena, &folder->text);
        if (!present && render_not_finite(&cells[i]))
            tell_not_finite(folder, metric, i);
        out[i] = (struct folded_feature){(uint32_t)before, (uint32_t)(folder->text.size - before), present};
        /* Sizes and presence are hashed too, or "1","2" would be as "12","". They stay in the buffer, between texts. */
        uint64_t mark = (uint64_t)(folder->text.size - before) << 1 | (present ? 1u : 0u);
        buffer_put(&folder->text, &mark, sizeof mark);
    }
    uint64_t hash = hash_place(folder->text.data + begin, folder->text.size - begin); /* a secret one: no change can be made that has the same */
    return hash == 0 ? 1 : hash;
}

/* Count the calls of a fold. Where they are to be measured: in what; else NULL. */
static struct lane_cost *count_fold(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t first)
{
    if (folder->costs == NULL)
        return NULL;
    struct lane_cost *cost = &folder->costs[log->lane];
    bool sampled = cost->publish.calls++ % COST_FOLDS == 0;
    cost->add.calls += log->count - first;
    for (size_t m = 0; m < lane->metric_count; m++)
        cost->compute[m].calls++;
    return sampled ? cost : NULL;
}

/* The records of a window, added up and published: the lane's values. `log` NULL: there are none. `left_out`: the lane is not called,
 * and its values are zero. */

/* The records of a window, added up and published: the lane's values. `log` NULL: there are none. `left_out`: the lane is not called,
 * and its values are zero. */
static char *fold_values(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t first, bool left_out,
                         const sl_window *seen, struct lane_cost *sampled)
{
    const sl_lane *table = lane->table;
    sl_scratch *scratch = &folder->scratch.base;
    char *aggregate = arena_take(&folder->scratch.arena, table->aggregate_size);
    if (table->zero != NULL)
        memcpy(aggregate, table->zero, table->aggregate_size);
    int64_t began_ns = sampled != NULL ? cost_clock() : 0;
    plugin_call_begin(PLUGIN_ADD, &lane->id);
    for (size_t i = first; log != NULL && i < log->count && !left_out; i++)
        table->add(lane->self, scratch, aggregate, log_record(log, lane, i));
    if (sampled != NULL && seen->records > 0)
        cost_sample(&sampled->add, began_ns, (size_t)seen->records);
    char *values = arena_take(&folder->scratch.arena, table->values_size);
    began_ns = sampled != NULL ? cost_clock() : 0;
    plugin_call_begin(PLUGIN_PUBLISH, &lane->id);
    if (!left_out)
        table->publish(lane->self, scratch, seen, aggregate, values);
    if (sampled != NULL)
        cost_sample(&sampled->publish, began_ns, 1);
    return values;
}

static sl_window window_of(const struct set_lane *lane, size_t window, const struct log *log, size_t first, int64_t now_ms)
{
    const struct window_settings *settings = &lane->windows[window].settings;
    bool any = log != NULL && first < log->count;
    return (sl_window){
        .name = settings->name,
        .length_ms = settings->session ? settings->gap_ms : settings->length_ms,
        .now_ms = now_ms,
        .oldest_ms = any ? log_time(log, lane, first) : 0,
        .newest_ms = any ? log_time(log, lane, log->count - 1) : 0,
        .records = any ? (int64_t)(log->count - first) : 0,
        .session = settings->session,
    };
}

/* The values of other windows and lanes that a parser needs, each window folded once for all that stand in it. */
static const char **fold_others(struct folder *folder, const struct bound_metric *metric, size_t window,
                                const struct fold_others *others)
{
    const char **values = arena_take(&folder->scratch.arena, metric->other_count * sizeof *values);
    for (size_t i = 0; i < metric->other_count; i++) {
        const struct other_need *need = &metric->others[i];
        size_t same = other_need_first(metric, i, window);
        if (same < i) {
            values[i] = values[same];
            continue;
        }
        const struct set_lane *lane = &others->set->lanes[need->lane];
        struct fold_source source = others->find(others->context, need->lane, need->windows[window]);
        sl_window seen = window_of(lane, need->windows[window], source.log, source.first, source.now_ms);
        values[i] = fold_values(folder, lane, source.log, source.first, key_barred(&lane->bars, plugin_call.key), &seen, NULL);
    }
    return values;
}

void folder_fold_apart(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                       int64_t now_ms, int64_t parsers_ms, const struct fold_others *others)
{
    scratch_reset(&folder->scratch);
    buffer_reset(&folder->text);
    struct lane_cost *sampled = count_fold(folder, lane, log, first);
    plugin_call.key = text_view(&log->key);
    bool left_out = key_barred(&lane->bars, plugin_call.key);
    folder->barred += left_out;
    sl_window seen = window_of(lane, window, log, first, now_ms);
    char *values = fold_values(folder, lane, log, first, left_out, &seen, sampled);
    struct folded_feature *feature = folder->features;
    seen.now_ms = parsers_ms;
    for (size_t m = 0; m < lane->metric_count; m++) {
        const struct bound_metric *metric = &lane->metrics[m];
        bool none = left_out || metric->off || key_barred(&metric->bars, plugin_call.key);
        folder->barred += none && !left_out;
        const char **more = none || metric->other_count == 0 ? NULL : fold_others(folder, metric, window, others);
        folder->hashes[m] = parse(folder, metric, none, &seen, values, more, feature, sampled != NULL ? &sampled->compute[m] : NULL);
        feature += metric->feature_count;
    }
    plugin_call_end();
}

void folder_fold(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                 int64_t now_ms, const struct fold_others *others)
{
    folder_fold_apart(folder, lane, log, window, first, now_ms, now_ms, others);
}
