/* audit_sample.c - see audit_sample.h. */
#include "engine/audit_sample.h"

#include "base/memory.h"
#include "engine/emission.h"
#include "engine/needs.h"

#include <stdlib.h>
#include <string.h>

void audit_sample_free(struct audit_sample *sample)
{
    buffer_free(&sample->text);
    buffer_free(&sample->id);
    free(sample->features);
    *sample = (struct audit_sample){0};
}

static size_t put_text(struct audit_sample *sample, const char *data, size_t size)
{
    size_t at = sample->text.size;
    buffer_put(&sample->text, data, size);
    buffer_byte(&sample->text, '\0');
    return at;
}

static size_t put_key(struct audit_sample *sample, const struct set_lane *lane, size_t window, size_t metric, size_t feature,
                      sl_view id)
{
    size_t at = sample->text.size;
    sl_view suffix = lane->windows[window].suffixes[feature];
    buffer_put(&sample->text, lane->metrics[metric].key_prefix, lane->metrics[metric].key_prefix_size);
    buffer_put(&sample->text, id.data, id.size);
    (void)put_text(sample, suffix.data, suffix.size);
    return at;
}

static void put_feature(struct audit_sample *sample, const struct shard *shard, const struct audit_feature *of, size_t feature,
                        sl_view id)
{
    const struct folded_feature *folded = &shard->folder.features[feature];
    if (sample->count == sample->capacity) {
        sample->capacity = sample->capacity == 0 ? 16 : sample->capacity * 2;
        sample->features = memory_resize(sample->features, sample->capacity * sizeof *sample->features);
    }
    struct audit_feature *to = &sample->features[sample->count++];
    *to = *of;
    to->key = put_key(sample, &shard->set->lanes[of->lane], of->window, of->metric, feature, id);
    to->key_size = sample->text.size - to->key - 1;
    to->present = folded->present;
    to->value = put_text(sample, shard->folder.text.data + folded->offset, folded->present ? folded->size : 0);
    to->value_size = folded->present ? folded->size : 0;
}

static void put_doubt(struct audit_sample *sample, const struct log *log, const struct set_lane *lane, size_t window, size_t metric,
                      const struct fold_finding *finding)
{
    if (finding->fault == FOLD_IMPURE)
        sample->impure++;
    else
        sample->stale++;
    if (sample->doubt_count == AUDIT_DOUBTS_MAX)
        return;
    sample->doubts[sample->doubt_count++] =
        (struct audit_doubt){.finding = *finding,
                             .key = put_key(sample, lane, window, metric, finding->feature, text_view(&log->key)),
                             .lane = log->lane,
                             .metric = metric};
}

/* Are the parser's features in Redis, as far as we know, for some time yet? */
static bool stands(const struct shard *shard, const struct lane_window *window, const struct sent *sent)
{
    return sent->hash != 0 && sent_when_ms(sent) != SENT_UNKNOWN_MS &&
           sent_when_ms(sent) + window->settings.ttl_s * 900 > shard->send_ms;
}

/* Is it as it was last written, acknowledged, and kept alive? Of the whole log; of one of its windows. */
static bool at_rest(const struct shard *shard, const struct log *log)
{
    const struct shard_lane *state = &shard->lanes[log->lane];
    return shard->clock_ms != SHARD_BEGINNING_MS && !shard->muted && !state->quiet && !state->filling && log->pins == 0 && log->queue == QUEUE_NONE;
}

static bool view_at_rest(const struct view *view) { return view->live && !view->dirty && !view->owed && !view->unsure; }

static void look_at_window(struct audit_sample *sample, struct shard *shard, struct log *log, size_t w)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    const struct view *view = log_view(log, lane, w);
    bool live;
    size_t first = emission_first_record(shard, lane, log, w, &live);
    if (!live || !view_at_rest(view) || log->count - first > AUDIT_CROWD) {
        sample->passed_over++;
        return;
    }
    struct fold_finding findings[METRICS_MAX];
    struct needs_view seen;
    struct fold_others others = needs_others(&seen, shard, lane, text_view(&log->key), log, shard->clock_ms);
    fold_check(&shard->folder, lane, log, w, first, emission_fold_ms(shard, lane, log), &others, findings);
    size_t feature = 0;
    for (size_t m = 0; m < lane->metric_count; feature += lane->metrics[m++].feature_count) {
        if (lane->metrics[m].silent || !needs_ready(shard, &lane->metrics[m]) || !stands(shard, &lane->windows[w], &view->sent[m]))
            continue;
        if (findings[m].fault != FOLD_SOUND) {
            put_doubt(sample, log, lane, w, m, &findings[m]);
            continue;
        }
        struct audit_feature of = {.otherwise = view->sent[m].hash != shard->folder.hashes[m],
                                   .lane = log->lane,
                                   .window = w,
                                   .metric = m,
                                   .records = log->count - first,
                                   .written = view->sent[m].when_present,
                                   .clock_ms = shard->clock_ms};
        for (size_t f = 0; f < lane->metrics[m].feature_count; f++)
            put_feature(sample, shard, &of, feature + f, text_view(&log->key));
    }
}

static void look_at(struct audit_sample *sample, struct shard *shard, struct log *log)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    sl_view id = text_view(&log->key);
    sample->lane = log->lane;
    sample->hash = (uint64_t)log->tag << 48 | log->hash;
    buffer_reset(&sample->id);
    buffer_put(&sample->id, id.data, id.size);
    if (!at_rest(shard, log)) {
        sample->passed_over += lane->window_count;
        return;
    }
    for (size_t w = 0; w < lane->window_count; w++)
        look_at_window(sample, shard, log, w);
}

static void begin(struct audit_sample *sample)
{
    buffer_reset(&sample->text);
    sample->count = 0;
    sample->empty = false;
    sample->doubt_count = 0;
    sample->passed_over = sample->impure = sample->stale = 0;
}

void audit_sample_take(struct audit_sample *sample, struct shard *shard, uint64_t random)
{
    begin(sample);
    size_t keys = shard_keys(shard);
    sample->empty = keys == 0;
    if (keys == 0)
        return;
    size_t left = random % keys, lane = 0;
    while (left >= shard->tables[lane].count)
        left -= shard->tables[lane++].count;
    /* Not the key of that number, which would be counted up to, but the one behind a place by chance. */
    const struct key_table *table = &shard->tables[lane];
    size_t at = (size_t)((random >> 32 ^ random * 0x9e3779b97f4a7c15u) % table->capacity), beginning = 0;
    struct log *log = key_table_next(table, &at);
    look_at(sample, shard, log != NULL ? log : key_table_next(table, &beginning));
}

void audit_sample_again(struct audit_sample *sample, struct shard *shard, size_t lane, sl_view id, uint64_t hash)
{
    begin(sample);
    struct log *log = key_table_find(&shard->tables[lane], hash, id);
    if (log != NULL)
        look_at(sample, shard, log);
}

/* Of the sample's parsers in this window, as they were written then. */
static bool unwritten_since(const struct audit_sample *sample, const struct view *view, size_t window)
{
    for (size_t i = 0; i < sample->count; i++)
        if (sample->features[i].window == window &&
            sample->features[i].written != view->sent[sample->features[i].metric].when_present)
            return false;
    return true;
}

uint32_t audit_sample_repair(const struct audit_sample *sample, struct shard *shard, uint32_t windows)
{
    const struct set_lane *lane = &shard->set->lanes[sample->lane];
    struct log *log = key_table_find(&shard->tables[sample->lane], sample->hash, (sl_view){sample->id.data, sample->id.size});
    uint32_t repaired = 0;
    if (log == NULL || !at_rest(shard, log))
        return 0;
    for (size_t w = 0; w < lane->window_count; w++)
        if ((windows >> w & 1u) != 0 && view_at_rest(log_view(log, lane, w)) &&
            unwritten_since(sample, log_view(log, lane, w), w))
            repaired |= 1u << w;
    if (repaired != 0)
        emission_write_windows_again(shard, log, repaired);
    return repaired;
}
