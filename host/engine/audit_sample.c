/* audit_sample.c - see audit_sample.h. */
#include "engine/audit_sample.h"

#include "base/memory.h"
#include "engine/emission.h"

#include <stdlib.h>
#include <string.h>

#define OTHER_CLOCK_MS 3600000 /* a value that is the same an hour later does not depend on the clock */

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

static void put_feature(struct audit_sample *sample, const struct shard *shard, const struct audit_feature *of, size_t feature,
                        sl_view id)
{
    const struct set_lane *lane = &shard->set->lanes[of->lane];
    const struct folded_feature *folded = &shard->folder.features[feature];
    sl_view suffix = lane->windows[of->window].suffixes[feature];
    if (sample->count == sample->capacity) {
        sample->capacity = sample->capacity == 0 ? 16 : sample->capacity * 2;
        sample->features = memory_resize(sample->features, sample->capacity * sizeof *sample->features);
    }
    struct audit_feature *to = &sample->features[sample->count++];
    *to = *of;
    to->key = sample->text.size;
    const struct bound_metric *metric = &lane->metrics[of->metric];
    buffer_put(&sample->text, metric->key_prefix, metric->key_prefix_size);
    buffer_put(&sample->text, id.data, id.size);
    (void)put_text(sample, suffix.data, suffix.size);
    to->key_size = sample->text.size - to->key - 1;
    to->present = folded->present;
    to->value = put_text(sample, shard->folder.text.data + folded->offset, folded->present ? folded->size : 0);
    to->value_size = folded->present ? folded->size : 0;
}

/* Are the parser's features in Redis, as far as we know, for some time yet? */
static bool stands(const struct shard *shard, const struct lane_window *window, const struct sent *sent)
{
    return sent->hash != 0 && sent_when_ms(sent) != SENT_UNKNOWN_MS &&
           sent_when_ms(sent) + window->settings.ttl_s * 900 > shard->send_ms;
}

static void look_at_window(struct audit_sample *sample, struct shard *shard, struct log *log, size_t w)
{
    const struct set_lane *lane = &shard->set->lanes[log->lane];
    const struct view *view = log_view(log, lane, w);
    bool live;
    size_t first = emission_first_record(shard, lane, log, w, &live);
    if (!live || !view->live || view->dirty || view->owed || view->unsure || log->count - first > EMISSION_CROWD) {
        sample->passed_over++;
        return;
    }
    uint64_t later[METRICS_MAX];
    folder_fold(&shard->folder, lane, log, w, first, shard->clock_ms + OTHER_CLOCK_MS);
    memcpy(later, shard->folder.hashes, sizeof later);
    folder_fold(&shard->folder, lane, log, w, first, shard->clock_ms);
    size_t feature = 0;
    for (size_t m = 0; m < lane->metric_count; feature += lane->metrics[m++].feature_count) {
        if (lane->metrics[m].silent || !stands(shard, &lane->windows[w], &view->sent[m]))
            continue;
        if (later[m] != shard->folder.hashes[m]) {
            sample->by_clock++;
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
    const struct shard_lane *state = &shard->lanes[log->lane];
    sl_view id = text_view(&log->key);
    sample->lane = log->lane;
    sample->hash = (uint64_t)log->tag << 48 | log->hash;
    buffer_reset(&sample->id);
    buffer_put(&sample->id, id.data, id.size);
    if (shard->muted || state->quiet || state->filling || log->pins > 0 || log->queue != QUEUE_NONE) {
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
    sample->passed_over = sample->by_clock = 0;
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
