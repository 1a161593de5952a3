/* explanation.c - see explanation.h. */
#include "engine/explanation.h"

#include "base/time.h"
#include "engine/ages.h"
#include "engine/emission.h"
#include "engine/key_hash.h"
#include "engine/needs.h"
#include "engine/render.h"
#include "engine/shard_logs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VALUE_SHOWN 100 /* bytes of a value in a line */
#define AGES_SHOWN  10  /* changes that come of ages, of a feature that is asked for alone */

struct telling {
    struct shard *shard;
    const struct explanation_question *question;
    struct buffer *out;
    struct folder folder;
    size_t features; /* that were told */
};

/* ---- names ---- */

static bool is_kind(const struct set_lane *lane, const char *kind) { return strcmp(lane_key_word(lane->table), kind) == 0; }

bool explanation_kind(const struct lane_set *set, const char *kind, sl_key *key, struct error *error)
{
    char list[200] = "";
    for (size_t i = 0; i < set->lane_count; i++) {
        if (is_kind(&set->lanes[i], kind)) {
            *key = set->lanes[i].table->key;
            return true;
        }
        size_t used = strlen(list);
        char prefix[SL_KEY_NAME_MAX + 2];
        (void)snprintf(prefix, sizeof prefix, "%s:", lane_key_word(set->lanes[i].table));
        if (strstr(list, prefix) == NULL)
            (void)snprintf(list + used, sizeof list - used, "%s%s", used == 0 ? "" : " ", prefix);
    }
    error_what(error, "no lane has keys of the kind \"%s\"", kind);
    error_advice(error, "keys begin with %s", list);
    return false;
}

/* The feature's name and its window, as the key has it: product_view_count_5m. */
static const char *full_name(const struct set_lane *lane, size_t window, size_t feature)
{
    return lane->windows[window].suffixes[feature].data + 1;
}

static const char *bare_name(const struct set_lane *lane, size_t feature)
{
    size_t m = 0;
    for (; feature >= lane->metrics[m].feature_count; m++)
        feature -= lane->metrics[m].feature_count;
    return lane->metrics[m].table->features[feature].name;
}

static bool is_asked(const struct telling *telling, const struct set_lane *lane, size_t window, size_t feature)
{
    const char *name = telling->question->feature;
    return name == NULL || strcmp(name, full_name(lane, window, feature)) == 0 || strcmp(name, bare_name(lane, feature)) == 0;
}

static const struct bound_metric *parser_of(const struct set_lane *lane, size_t feature, size_t *index)
{
    *index = 0;
    for (; feature >= lane->metrics[*index].feature_count; ++*index)
        feature -= lane->metrics[*index].feature_count;
    return &lane->metrics[*index];
}

/* ---- values ---- */

static sl_view value_of(const struct folder *folder, size_t feature, bool *present)
{
    const struct folded_feature *folded = &folder->features[feature];
    *present = folded->present;
    return (sl_view){folded->present ? folder->text.data + folded->offset : "", folded->present ? folded->size : 0};
}

/* The plugin that is not called for this key, since it crashed there twice; NULL: all are. */
static const struct plugin_id *left_out(const struct set_lane *lane, size_t feature, sl_view id)
{
    size_t m;
    const struct bound_metric *parser = parser_of(lane, feature, &m);
    return key_barred(&lane->bars, id) ? &lane->id : key_barred(&parser->bars, id) ? &parser->id : NULL;
}

static void put_left_out(struct telling *telling, const struct plugin_id *plugin)
{
    const char *name = plugin->metric == NULL ? plugin->lane : plugin->metric;
    if (telling->question->json)
        buffer_printf(telling->out, ",\"left_out\":\"%s\"", name);
    else
        buffer_printf(telling->out, "left out: %s %s crashed here twice (see OPERATIONS.md, Plugins that crash)",
                      plugin->metric == NULL ? "lane" : "metric parser", name);
}

static void put_value(struct telling *telling, size_t feature)
{
    bool present;
    sl_view value = value_of(&telling->folder, feature, &present);
    if (telling->question->json && present)
        buffer_json_text(telling->out, value.data, value.size);
    else if (telling->question->json)
        buffer_literal(telling->out, "null");
    else if (!present)
        buffer_literal(telling->out, "absent");
    else
        buffer_printf(telling->out, "%.*s%s", (int)(value.size > VALUE_SHOWN ? VALUE_SHOWN : value.size), value.data,
                      value.size > VALUE_SHOWN ? "..." : "");
}

/* A member of a record as text, by its declared type. */
static void put_field(struct telling *telling, const sl_field *field, const char *record)
{
    const char *at = record + field->offset;
    sl_cell cell = sl_cell_absent();
    sl_text text;
    switch (field->type) {
    case SL_BOOL: cell = sl_cell_bool(*(const bool *)(const void *)at); break;
    case SL_U8: cell = sl_cell_i64(*(const uint8_t *)(const void *)at); break;
    case SL_I32: cell = sl_cell_i64(*(const int32_t *)(const void *)at); break;
    case SL_I64: cell = sl_cell_i64(*(const int64_t *)(const void *)at); break;
    case SL_F64: cell = sl_cell_f64(*(const double *)(const void *)at); break;
    case SL_MONEY: cell = sl_cell_money(*(const int64_t *)(const void *)at); break;
    case SL_TEXT:
        memcpy(&text, at, sizeof text);
        cell = sl_cell_text(text);
        break;
    default: break;
    }
    struct buffer value = {0};
    bool present = render_cell(&cell, &telling->folder.scratch.arena, &value);
    bool quoted = field->type == SL_TEXT;
    if (telling->question->json && present && quoted)
        buffer_json_text(telling->out, value.data, value.size);
    else if (present)
        buffer_printf(telling->out, "%.*s", (int)(value.size > VALUE_SHOWN && !telling->question->json ? VALUE_SHOWN : value.size),
                      value.data);
    else
        buffer_put(telling->out, telling->question->json ? "null" : "-", telling->question->json ? 4 : 1);
    buffer_free(&value);
}

/* ---- one feature, with its records ---- */

static int64_t leaves_ms(const struct set_lane *lane, size_t window, const struct log *log, size_t record)
{
    const struct window_settings *settings = &lane->windows[window].settings;
    return lane->session ? session_end(lane, log) + 1 : log_time(log, lane, record) + settings->length_ms + 1;
}

static void put_record(struct telling *telling, const struct set_lane *lane, const struct log *log, size_t index)
{
    const char *record = log_record(log, lane, index);
    const sl_stamp *stamp = (const void *)record;
    char time[TIME_TEXT_MAX];
    (void)time_text(stamp->time_ms, time);
    if (telling->question->json)
        buffer_printf(telling->out, "{\"time\":\"%s\",\"id\":\"%016" PRIx64 "\",\"fields\":{", time, stamp->id);
    else
        buffer_printf(telling->out, "    %s ", time);
    bool first = true;
    for (const sl_field *field = lane->table->record; field->name != NULL; field++, first = false) {
        if (telling->question->json)
            buffer_printf(telling->out, "%s\"%s\":", first ? "" : ",", field->name);
        else
            buffer_printf(telling->out, " %s=", field->name);
        put_field(telling, field, record);
    }
}

/* Records that leave together leave at once: the last of them says what is there then. */
static void put_leaving(struct telling *telling, const struct set_lane *lane, const struct log *log, size_t window, size_t index,
                        size_t feature)
{
    bool json = telling->question->json;
    int64_t at_ms = leaves_ms(lane, window, log, index);
    char time[TIME_TEXT_MAX];
    (void)time_text(at_ms, time);
    buffer_printf(telling->out, json ? "},\"leaves\":\"%s\"" : "\n        leaves %s", time);
    if (index + 1 < log->count && leaves_ms(lane, window, log, index + 1) == at_ms) {
        buffer_put(telling->out, "}", json ? 1 : 0);
        return;
    }
    needs_fold(telling->shard, &telling->folder, lane, text_view(&log->key), log, window, index + 1, at_ms, at_ms);
    buffer_printf(telling->out, json ? ",\"then\":" : ", then it is ");
    put_value(telling, feature);
    buffer_put(telling->out, "}", json ? 1 : 0);
}

/* Each step folds what is left: the worker has other things to do. */
static size_t steps_of(size_t records)
{
    size_t steps = EXPLANATION_ADDS_MAX / (records + 1);
    return steps < 1 ? 1 : steps > EXPLANATION_STEPS_MAX ? EXPLANATION_STEPS_MAX : steps;
}

/* Fold it as it will be at this time if nothing more comes. */
static void fold_at(struct telling *telling, const struct set_lane *lane, const struct log *log, size_t window, int64_t at_ms)
{
    size_t first = lane->session ? log_newest_run(log, lane) : log_from(log, lane, at_ms - lane->windows[window].settings.length_ms);
    needs_fold(telling->shard, &telling->folder, lane, text_view(&log->key), log, window, first, at_ms, at_ms);
}

/* Is the feature another one at this time than a moment before? It is folded as of then. */
static bool changes_at(struct telling *telling, const struct set_lane *lane, const struct log *log, size_t window, size_t feature,
                       int64_t at_ms)
{
    struct buffer before = {0};
    bool was, is;
    fold_at(telling, lane, log, window, at_ms - 1);
    sl_view value = value_of(&telling->folder, feature, &was);
    buffer_put(&before, value.data, value.size);
    fold_at(telling, lane, log, window, at_ms);
    value = value_of(&telling->folder, feature, &is);
    bool changes = was != is || before.size != value.size || (value.size > 0 && memcmp(before.data, value.data, value.size) != 0);
    buffer_free(&before);
    return changes;
}

/* What it will be, and when, since records reach an age: at most so many changes of it. */
static void put_ages(struct telling *telling, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                     size_t feature, size_t most)
{
    bool json = telling->question->json, in_line = telling->question->feature == NULL;
    size_t said = 0;
    int64_t at_ms = telling->shard->clock_ms;
    if (json)
        buffer_literal(telling->out, ",\"will_be\":[");
    for (size_t steps = steps_of(2 * (log->count - first)); steps > 0 && said < most; steps--) {
        at_ms = ages_next(lane, log, first, at_ms);
        if (at_ms == WHEEL_NEVER || (lane->session && at_ms > session_end(lane, log)))
            break;
        if (!changes_at(telling, lane, log, window, feature, at_ms))
            continue;
        char time[TIME_TEXT_MAX], written[TIME_TEXT_MAX];
        (void)time_text(at_ms, time);
        (void)time_text(at_ms + telling->question->disorder_ms, written);
        buffer_printf(telling->out, json ? "%s{\"at\":\"%s\",\"value\":" : in_line ? ", will be " : "  will be ", said > 0 ? "," : "", time);
        put_value(telling, feature);
        if (json && telling->question->live)
            buffer_printf(telling->out, ",\"in_redis\":\"%s\"}", written);
        else if (json)
            buffer_byte(telling->out, '}');
        else
            buffer_printf(telling->out, " at %s", time);
        if (!json && telling->question->live)
            buffer_printf(telling->out, ", in Redis at about %s", written);
        if (!json && !in_line)
            buffer_literal(telling->out, ", when a record reaches an age that the lane names\n");
        said++;
    }
    if (json)
        buffer_byte(telling->out, ']');
}

static void put_records(struct telling *telling, const struct set_lane *lane, const struct log *log, size_t window, size_t first,
                        size_t feature)
{
    bool json = telling->question->json;
    size_t shown = 0, most = steps_of(log->count - first);
    if (json)
        buffer_literal(telling->out, ",\"behind\":[");
    for (size_t i = first; i < log->count && shown < most; i++, shown++) {
        if (json)
            buffer_put(telling->out, ",", shown > 0 ? 1 : 0);
        put_record(telling, lane, log, i);
        if (!lane->session)
            put_leaving(telling, lane, log, window, i, feature);
        else if (json)
            buffer_literal(telling->out, "}}");
        if (!json)
            buffer_byte(telling->out, '\n');
    }
    if (json)
        buffer_literal(telling->out, "]");
    else if (log->count - first > shown)
        buffer_printf(telling->out, "    ... and %zu newer records\n", log->count - first - shown);
}

static const char *ago(int64_t ms, char out[40])
{
    if (ms < 0)
        (void)snprintf(out, 40, "-");
    else if (ms < 120000)
        (void)snprintf(out, 40, "%.1f s ago", (double)ms / 1000);
    else
        (void)snprintf(out, 40, "%.0f min ago", (double)ms / 60000);
    return out;
}

/* What is known of its being in Redis. */
static void put_written(struct telling *telling, const struct set_lane *lane, struct log *log, size_t window, size_t feature)
{
    size_t m;
    const struct shard *shard = telling->shard;
    const struct view *view = log_view(log, lane, window);
    (void)parser_of(lane, feature, &m);
    const struct sent *sent = &view->sent[m];
    bool known = sent->hash != 0 && sent_when_ms(sent) != SENT_UNKNOWN_MS;
    if (lane->metrics[m].silent) {
        buffer_printf(telling->out, telling->question->json ? ",\"shadow\":true" : "nowhere");
        return;
    }
    bool waits = view->dirty || view->owed || view->unsure || log->pins > 0;
    int64_t left_s = known ? (sent_when_ms(sent) + lane->windows[window].settings.ttl_s * 1000 - shard->send_ms) / 1000 : -1;
    char when[40];
    if (telling->question->json)
        buffer_printf(telling->out, ",\"written_ms_ago\":%" PRId64 ",\"ttl\":%" PRId64 ",\"waiting\":%s",
                      known ? shard->send_ms - sent_when_ms(sent) : -1, left_s, waits ? "true" : "false");
    else
        buffer_printf(telling->out, "%s%s", known ? ago(shard->send_ms - sent_when_ms(sent), when) : "not by this host",
                      waits ? ", a change waits" : "");
}

static const char *shadow_words(const struct set_lane *lane, const struct bound_metric *parser)
{
    return lane->shadow || parser->shadow ? "a shadow's, " : "";
}

/* Did records go that would still count here, since the key has as many as it may? */
static bool is_truncated(const struct telling *telling, const struct set_lane *lane, const struct log *log, size_t window)
{
    int64_t cut_ms = log_cut_ms(log, lane);
    const struct window_settings *settings = &lane->windows[window].settings;
    if (cut_ms == LOG_UNCUT)
        return false;
    if (!lane->session)
        return cut_ms >= telling->shard->clock_ms - settings->length_ms;
    return log->count > 0 && log_newest_run(log, lane) == 0 && log_time(log, lane, 0) - cut_ms <= settings->gap_ms;
}

static void tell_feature(struct telling *telling, const struct set_lane *lane, struct log *log, size_t window, size_t first,
                         size_t feature)
{
    const struct lane_window *settings = &lane->windows[window];
    size_t m;
    const struct bound_metric *parser = parser_of(lane, feature, &m);
    bool json = telling->question->json, behind = telling->question->feature != NULL;
    sl_view id = text_view(&log->key);
    const struct plugin_id *barred = left_out(lane, feature, id);
    if (json) {
        buffer_printf(telling->out, "%s{\"key\":", telling->features > 0 ? "," : "");
        struct buffer key = {0};
        buffer_printf(&key, "%s%.*s:%s", parser->key_prefix, (int)id.size, id.data, full_name(lane, window, feature));
        buffer_json_text(telling->out, key.data, key.size);
        buffer_free(&key);
        buffer_printf(telling->out, ",\"lane\":\"%s\",\"parser\":\"%s\",\"window\":\"%s\",\"records\":%zu,\"value\":",
                      lane->name, parser->name, settings->settings.name, log->count - first);
        put_value(telling, feature);
        if (barred != NULL)
            put_left_out(telling, barred);
        put_written(telling, lane, log, window, feature);
        if (is_truncated(telling, lane, log, window))
            buffer_literal(telling->out, ",\"truncated\":true");
        if (lane->age_count > 0)
            put_ages(telling, lane, log, window, first, feature, behind ? AGES_SHOWN : 1);
    } else if (behind) {
        buffer_printf(telling->out, "%s%.*s:%s is ", parser->key_prefix, (int)id.size, id.data, full_name(lane, window, feature));
        if (barred != NULL)
            put_left_out(telling, barred);
        else
            put_value(telling, feature);
        buffer_printf(telling->out, "\n  by parser %s of lane %s, window %s: %zu record%s, %swritten ", parser->name, lane->name,
                      settings->settings.name, log->count - first, log->count - first == 1 ? "" : "s", shadow_words(lane, parser));
        put_written(telling, lane, log, window, feature);
        buffer_byte(telling->out, '\n');
        if (is_truncated(telling, lane, log, window))
            buffer_printf(telling->out, "    truncated: the key has had more records in this window; of lane %s it keeps the newest %u "
                                        "(key_records)\n", lane->name, lane->records_max);
        put_ages(telling, lane, log, window, first, feature, AGES_SHOWN);
    } else {
        buffer_printf(telling->out, "  %-36s ", full_name(lane, window, feature));
        if (barred != NULL)
            put_left_out(telling, barred);
        else
            put_value(telling, feature);
        buffer_literal(telling->out, "   (");
        buffer_printf(telling->out, "%zu record%s, %swritten ", log->count - first, log->count - first == 1 ? "" : "s",
                      shadow_words(lane, parser));
        put_written(telling, lane, log, window, feature);
        put_ages(telling, lane, log, window, first, feature, 1);
        buffer_printf(telling->out, "%s)\n", is_truncated(telling, lane, log, window) ? ", truncated" : "");
    }
    if (behind)
        put_records(telling, lane, log, window, first, feature);
    if (json)
        buffer_byte(telling->out, '}');
    telling->features++;
}

static void tell_window(struct telling *telling, const struct set_lane *lane, struct log *log, size_t window)
{
    bool live;
    size_t first = emission_first_record(telling->shard, lane, log, window, &live);
    char time[TIME_TEXT_MAX];
    bool folded = false;
    for (size_t f = 0; f < lane->feature_count; f++) {
        if (!is_asked(telling, lane, window, f))
            continue;
        if (!folded)
            needs_fold(telling->shard, &telling->folder, lane, text_view(&log->key), log, window, first,
                       emission_fold_ms(telling->shard, lane, log), telling->shard->clock_ms);
        folded = telling->question->feature == NULL && lane->age_count == 0; /* what is told of one's future folds others */
        tell_feature(telling, lane, log, window, first, f);
        if (lane->session && !telling->question->json && telling->question->feature != NULL && log->count > 0) {
            (void)time_text(session_end(lane, log), time);
            buffer_printf(telling->out, "    the session is over after %s if nothing more comes; the value stays until its TTL runs out\n",
                          time);
        }
    }
}

/* What features of this kind of key there are, for who asked for another. */
static void list_features(const struct telling *telling, char *list, size_t size)
{
    const struct lane_set *set = telling->shard->set;
    for (size_t i = 0; i < set->lane_count; i++)
        for (size_t f = 0; is_kind(&set->lanes[i], telling->question->kind) && f < set->lanes[i].feature_count; f++) {
            size_t used = strlen(list);
            (void)snprintf(list + used, size - used, "%s%s", used == 0 ? "" : ", ", bare_name(&set->lanes[i], f));
        }
}

/* Its features are nowhere in the answer. */
static void put_quarantine(struct telling *telling)
{
    const char *plugins = telling->question->quarantine == NULL ? "" : telling->question->quarantine;
    bool json = telling->question->json;
    if (json)
        buffer_literal(telling->out, "],\"quarantine\":[");
    for (bool first = true; *plugins != '\0'; first = false) {
        size_t size = strcspn(plugins, "\n");
        if (json) {
            buffer_put(telling->out, ",", first ? 0 : 1);
            buffer_json_text(telling->out, plugins, size);
        } else if (telling->question->feature == NULL) {
            buffer_printf(telling->out, "  %.*s\n", (int)size, plugins);
        }
        plugins += size + (plugins[size] == '\n');
    }
    if (json)
        buffer_literal(telling->out, "]}\n");
}

void explanation_say_quarantine(const struct explanation_question *question, struct error *error)
{
    if (question->quarantine == NULL)
        return;
    struct error before = *error;
    size_t size = strcspn(question->quarantine, "\n"); /* found is short; `features` lists them all */
    error_found(error, "%s%s%.*s%s", before.found, before.found[0] == '\0' ? "" : "; ", (int)size, question->quarantine,
                question->quarantine[size] == '\0' || question->quarantine[size + 1] == '\0' ? "" : "; and others, see the log");
}

bool explanation_make(struct shard *shard, const struct explanation_question *question, const char *as_of, struct buffer *out,
                      struct error *error)
{
    struct telling telling = {.shard = shard, .question = question, .out = out};
    sl_view id = {question->id, strlen(question->id)};
    char time[TIME_TEXT_MAX];
    bool any = false;
    folder_init(&telling.folder, &shard->texts);
    if (shard->clock_ms == SHARD_BEGINNING_MS)
        (void)snprintf(time, sizeof time, "the beginning");
    else
        (void)time_text(shard->clock_ms, time);
    size_t begin = out->size;
    if (question->json)
        buffer_printf(out, "{\"from\":\"%s\",\"clock\":\"%s\",\"features\":[", as_of, time);
    else
        buffer_printf(out, "%s:%s, from %s, as of %s", question->kind, question->id, as_of, time);
    if (!question->json && question->live && question->disorder_ms > 0)
        buffer_printf(out, " (the clock is %.3g s behind: so much later is a change in Redis)", (double)question->disorder_ms / 1000);
    if (!question->json)
        buffer_byte(out, '\n');
    for (size_t i = 0; i < shard->set->lane_count; i++) {
        const struct set_lane *lane = &shard->set->lanes[i];
        struct log *log = !is_kind(lane, question->kind) ? NULL
                                                         : key_table_find(&shard->tables[i], key_hash(id, lane->table->key), id);
        any = any || log != NULL;
        for (size_t w = 0; log != NULL && w < lane->window_count; w++)
            tell_window(&telling, lane, log, w);
    }
    put_quarantine(&telling);
    folder_free(&telling.folder);
    if (telling.features > 0)
        return true;
    out->size = begin;
    if (!any) {
        error_what(error, "there is nothing of %s \"%s\" (any more)", question->kind, question->id);
        error_found(error, "%s, as of %s", as_of, time);
        error_advice(error, "look at the id: it is what stands in the feature's key, %s:ID:...", question->kind);
    } else {
        char list[400] = "";
        list_features(&telling, list, sizeof list);
        error_what(error, "%s \"%s\" has no feature \"%s\"", question->kind, question->id, question->feature);
        error_advice(error, "there are: %s", list);
    }
    explanation_say_quarantine(question, error);
    return false;
}
