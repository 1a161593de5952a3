/* fold.c - see fold.h. */
#include "engine/fold.h"

#include "base/hash.h"
#include "engine/render.h"

#include <string.h>

void folder_init(struct folder *folder)
{
    memset(folder, 0, sizeof *folder);
    scratch_init(&folder->scratch);
}

void folder_free(struct folder *folder)
{
    scratch_free(&folder->scratch);
    buffer_free(&folder->text);
}

/* Run one parser on the lane's values; its features go to `out`. */
static uint64_t parse(struct folder *folder, const struct bound_metric *metric, const sl_window *window,
                      const char *lane_values, struct folded_feature *out)
{
    char *values = arena_take(&folder->scratch.arena, metric->table->values_size);
    for (size_t i = 0; i < metric->binding_count; i++)
        memcpy(values + metric->bindings[i].to, lane_values + metric->bindings[i].from, metric->bindings[i].size);
    sl_cell *cells = arena_take(&folder->scratch.arena, metric->feature_count * sizeof *cells);
    metric->table->compute(metric->self, &folder->scratch.base, window, values, cells);
    size_t begin = folder->text.size;
    for (size_t i = 0; i < metric->feature_count; i++) {
        size_t before = folder->text.size;
        bool present = render_cell(&cells[i], &folder->scratch.arena, &folder->text);
        out[i] = (struct folded_feature){(uint32_t)before, (uint32_t)(folder->text.size - before), present};
        /* Sizes and presence are hashed too, or "1","2" would be as "12","". They stay in the buffer, between texts. */
        uint64_t mark = (uint64_t)(folder->text.size - before) << 1 | (present ? 1u : 0u);
        buffer_put(&folder->text, &mark, sizeof mark);
    }
    uint64_t hash = hash_bytes(folder->text.data + begin, folder->text.size - begin);
    return hash == 0 ? 1 : hash;
}

void folder_fold(struct folder *folder, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                 int64_t now_ms)
{
    const sl_lane *table = lane->table;
    const struct window_settings *settings = &lane->windows[window].settings;
    scratch_reset(&folder->scratch);
    buffer_reset(&folder->text);
    sl_scratch *scratch = &folder->scratch.base;
    char *aggregate = arena_take(&folder->scratch.arena, table->aggregate_size);
    if (table->zero != NULL)
        memcpy(aggregate, table->zero, table->aggregate_size);
    for (size_t i = first; i < log->count; i++)
        table->add(lane->self, scratch, aggregate, log_record(log, lane, i));
    bool any = first < log->count;
    sl_window seen = {
        .name = settings->name,
        .length_ms = settings->session ? settings->gap_ms : settings->length_ms,
        .now_ms = now_ms,
        .oldest_ms = any ? log_time(log, lane, first) : 0,
        .newest_ms = any ? log_time(log, lane, log->count - 1) : 0,
        .records = (int64_t)(log->count - first),
        .session = settings->session,
    };
    char *values = arena_take(&folder->scratch.arena, table->values_size);
    table->publish(lane->self, scratch, &seen, aggregate, values);
    struct folded_feature *feature = folder->features;
    for (size_t m = 0; m < lane->metric_count; m++) {
        folder->hashes[m] = parse(folder, &lane->metrics[m], &seen, values, feature);
        feature += lane->metrics[m].feature_count;
    }
}
