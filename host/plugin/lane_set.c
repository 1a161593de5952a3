/* lane_set.c - see lane_set.h. */
#include "plugin/lane_set.h"

#include "base/memory.h"
#include "plugin/bind_needs.h"
#include "plugin/plugin_file.h"
#include "plugin/plugin_table.h"
#include "plugin/settings.h"
#include "plugin/shadow_pairs.h"
#include "snowplow/event_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_place(struct error *error, const struct config_place *place)
{
    char before[sizeof error->found];
    memcpy(before, error->found, sizeof before);
    error_found(error, "%s:%d%s%.*s", place->file, place->line, before[0] == '\0' ? "" : ": ",
                (int)(sizeof before - 100), before);
}

/* Settings, then the plugin's own `open`. */
static bool open_plugin(const sl_param *params, size_t settings_size, const struct param_settings *given,
                        bool (*open)(void *, sl_refusal *), const struct plugin_id *id, const char *of,
                        const struct config_place *place, void **self, struct error_list *errors)
{
    size_t before = errors->count;
    *self = settings_fill(params, settings_size, given, of, errors);
    if (errors->count != before)
        return false;
    sl_refusal refusal = {0};
    plugin_call_begin(PLUGIN_OPEN, id);
    bool agreed = open == NULL || open(*self, &refusal);
    plugin_call_end();
    if (agreed)
        return true;
    struct error *error = error_list_add(errors);
    refusal.what[sizeof refusal.what - 1] = '\0';
    refusal.advice[sizeof refusal.advice - 1] = '\0';
    error_what(error, "%s refuses its settings: %s", of, refusal.what);
    error_advice(error, "%s", refusal.advice);
    add_place(error, place);
    return false;
}

/* The lane's value of the need's name; *fits: it is of its type too, or is a sum that is narrowed to it. */
static const sl_field *value_for(const sl_lane *lane, const sl_field *need, bool *fits, bool *narrowed)
{
    const sl_field *value = lane->values;
    while (value->name != NULL && strcmp(value->name, need->name) != 0)
        value++;
    *narrowed = value->name != NULL && value->type == SL_SUM && need->type == SL_MONEY;
    *fits = value->name != NULL && (value->type == need->type || *narrowed);
    return value->name == NULL ? NULL : value;
}

/* `value`: of another type, or NULL. */
static void refuse_need(const sl_lane *lane, const sl_metric *metric, const sl_field *need, const sl_field *value,
                        struct error *error)
{
    char list[400] = "";
    for (const sl_field *has = lane->values; has->name != NULL; has++) {
        size_t used = strlen(list);
        (void)snprintf(list + used, sizeof list - used, "%s%s: %s", used == 0 ? "" : ", ", has->name,
                       plugin_type_word(has->type));
    }
    if (value != NULL)
        error_what(error, "metric parser \"%s\" needs a value \"%s: %s\" that lane \"%s\" publishes as %s",
                   metric->name, need->name, plugin_type_word(need->type), lane->name, plugin_type_word(value->type));
    else
        error_what(error, "metric parser \"%s\" needs a value \"%s: %s\" that lane \"%s\" does not publish",
                   metric->name, need->name, plugin_type_word(need->type), lane->name);
    error_advice(error, "lane \"%s\" publishes %s", lane->name, list);
}

bool lane_publishes(const sl_lane *lane, const sl_metric *metric, size_t *has, struct error *error)
{
    bool all = true;
    *has = 0;
    for (const sl_field *need = metric->needs; need->name != NULL; need++) {
        bool fits, narrowed;
        const sl_field *value = value_for(lane, need, &fits, &narrowed);
        *has += fits ? 2 : value != NULL ? 1 : 0;
        if (all && !fits)
            refuse_need(lane, metric, need, value, error);
        all = all && fits;
    }
    return all;
}

/* Find each needed value in the lane by name and type. */
static bool bind(const sl_lane *lane, struct bound_metric *metric, const struct config_place *place,
                 struct error_list *errors)
{
    size_t count = 0;
    while (metric->table->needs[count].name != NULL)
        count++;
    metric->bindings = memory_new((count + 1) * sizeof *metric->bindings);
    metric->binding_count = count;
    bool good = true;
    for (size_t i = 0; i < count; i++) {
        bool fits, narrowed;
        const sl_field *need = &metric->table->needs[i], *value = value_for(lane, need, &fits, &narrowed);
        if (fits) {
            metric->bindings[i] = (struct binding){value->offset, need->offset, need->size, narrowed};
            continue;
        }
        struct error *error = error_list_add(errors);
        refuse_need(lane, metric->table, need, value, error);
        add_place(error, place);
        good = false;
    }
    return good;
}

static void load_metrics(const struct lane_set *set, struct set_lane *lane, const struct lane_settings *settings,
                         struct error_list *errors)
{
    for (size_t i = 0; i < settings->metric_count; i++) {
        const struct metric_settings *given = &settings->metrics[i];
        struct error refusal;
        if (!plugin_name_valid(given->name))
            continue; /* said by whoever read the configuration */
        if (lane->metric_count == METRICS_MAX) {
            struct error *error = error_list_add(errors);
            error_what(error, "lane \"%s\" has too many metric parsers", settings->name);
            error_advice(error, "at most %d", METRICS_MAX);
            add_place(error, &given->place);
            return;
        }
        const sl_plugin *plugin = plugin_file_load(set->folder, PLUGIN_METRIC, given->name, &refusal);
        if (plugin == NULL) {
            add_place(&refusal, &given->place);
            *error_list_add(errors) = refusal;
            continue;
        }
        struct bound_metric *metric = &lane->metrics[lane->metric_count++];
        metric->table = plugin->metric;
        metric->name = given->as != NULL ? given->as : given->name;
        metric->id = (struct plugin_id){lane->name, metric->name, plugin_file_build(metric->table)};
        char of[128];
        (void)snprintf(of, sizeof of, "metric parser \"%s\"", given->name);
        metric->opened = open_plugin(metric->table->params, metric->table->settings_size, &given->params,
                                     metric->table->open, &metric->id, of, &given->place, &metric->self, errors);
        (void)bind(lane->table, metric, &given->place, errors);
        while (metric->table->features[metric->feature_count].name != NULL)
            metric->feature_count++;
        lane->feature_count += metric->feature_count;
    }
}

static void take_windows(struct set_lane *lane, const struct lane_settings *settings, struct error_list *errors)
{
    if (settings->window_count > WINDOWS_MAX) {
        struct error *error = error_list_add(errors);
        error_what(error, "lane \"%s\" has %zu windows", settings->name, settings->window_count);
        error_advice(error, "at most %d", WINDOWS_MAX);
        add_place(error, &settings->place);
        return;
    }
    for (size_t i = 0; i < settings->window_count; i++) {
        if (settings->windows[i].name == NULL)
            continue; /* said by whoever read the configuration */
        struct lane_window *window = &lane->windows[lane->window_count++];
        window->settings = settings->windows[i];
        if (window->settings.session && settings->window_count > 1) {
            struct error *error = error_list_add(errors);
            error_what(error, "lane \"%s\" has a session window beside others", settings->name);
            error_advice(error, "a lane has either one session window or rolling windows");
            add_place(error, &window->settings.place);
        }
        if (window->settings.session && lane->table->combine != NULL) {
            struct error *error = error_list_add(errors);
            error_what(error, "lane \"%s\" counts in buckets, and sessions are exact", settings->name);
            error_advice(error, "rolling windows, length = ...; in place of gap");
            add_place(error, &window->settings.place);
        }
        lane->session = window->settings.session;
        if (!lane->session && window->settings.length_ms > lane->longest_ms)
            lane->longest_ms = window->settings.length_ms;
        window->suffixes = memory_new((lane->feature_count + 1) * sizeof *window->suffixes);
        size_t feature = 0;
        for (size_t m = 0; m < lane->metric_count; m++)
            for (size_t f = 0; f < lane->metrics[m].feature_count; f++) {
                const char *name = lane->metrics[m].table->features[f].name;
                char *suffix = lane->session ? memory_format(":%s", name)
                                             : memory_format(":%s_%s", name, window->settings.name);
                window->suffixes[feature++] = (sl_view){suffix, strlen(suffix)};
            }
    }
}

/* The longest that a record may be looked at: in its rolling window, or in a session that goes on. */
static int64_t oldest_record_ms(const struct set_lane *lane)
{
    const struct window_settings *window = &lane->windows[0].settings;
    return lane->session ? window->max_ms + window->gap_ms : lane->longest_ms;
}

/* What is wrong with an age; false: nothing. */
static bool age_refused(const struct set_lane *lane, int64_t age_ms, struct error *error)
{
    int64_t most_ms = oldest_record_ms(lane);
    if (age_ms >= 1 && age_ms <= most_ms)
        return false;
    *error = (struct error){0};
    error_what(error, "lane \"%s\" names an age of %lld ms, which no record of its windows reaches", lane->name, (long long)age_ms);
    if (age_ms < 1)
        error_advice(error, "`ages` of the plugin fills in 1 or more milliseconds each; 0 ends the list");
    else if (lane->session)
        error_advice(error, "a session's records are at most %lld ms old, its max and its gap: lengthen these, or shorten the age",
                     (long long)most_ms);
    else
        error_advice(error, "its longest window has %lld ms: take a longer one, or shorten the age", (long long)most_ms);
    return true;
}

static void take_ages(struct set_lane *lane, const struct config_place *place, struct error_list *errors)
{
    int64_t named_ms[4 * SL_AGES_MAX] = {0}; /* a plugin that names too many is refused, and does no harm before */
    struct error error;
    if (!lane->opened || lane->table->ages == NULL || lane->window_count == 0)
        return;
    plugin_call_begin(PLUGIN_AGES, &lane->id);
    lane->table->ages(lane->self, named_ms);
    plugin_call_end();
    for (; lane->age_count < SL_AGES_MAX && named_ms[lane->age_count] != 0; lane->age_count++) {
        lane->ages_ms[lane->age_count] = named_ms[lane->age_count];
        if (!age_refused(lane, named_ms[lane->age_count], &error))
            continue;
        add_place(&error, place);
        *error_list_add(errors) = error;
    }
    for (size_t i = SL_AGES_MAX; i < 4 * SL_AGES_MAX; i++) {
        if (named_ms[i] == 0)
            continue;
        struct error *refusal = error_list_add(errors);
        error_what(refusal, "lane \"%s\" names more than %d ages", lane->name, SL_AGES_MAX);
        error_advice(refusal, "`ages` of the plugin fills in at most %d: each at which a record counts differently", SL_AGES_MAX);
        add_place(refusal, place);
        return;
    }
}

/* Before SDK 1.3 an event's vendor was not looked at, but of the action and the built-in kinds there is one of each name. */
static char **events_of(const sl_plugin *plugin)
{
    size_t count = 0;
    while (plugin->lane->events[count] != NULL)
        count++;
    char **events = memory_new((count + 1) * sizeof *events);
    for (size_t i = 0; i < count; i++) {
        const char *listed = plugin->lane->events[i];
        const sl_view name = {listed, strlen(listed)};
        bool whole = plugin->sdk_minor >= 3 || event_is_action(name) || event_is_built_in(name);
        events[i] = whole ? memory_text(listed) : memory_format("*/%s", listed);
    }
    return events;
}

/* The plan's number of each event the lane wants, and where the record's texts are. */
static void resolve(struct lane_set *set, struct set_lane *lane, const struct config_place *place,
                    struct error_list *errors)
{
    struct error refusal;
    lane->inputs = plan_add_inputs(set->plan, lane->table->inputs, &refusal);
    if (lane->inputs < 0) {
        add_place(&refusal, place);
        *error_list_add(errors) = refusal;
    }
    for (const sl_field *field = lane->table->record; field->name != NULL; field++)
        if (field->type == SL_TEXT)
            lane->text_offsets[lane->text_count++] = field->offset;
    for (size_t i = 0; lane->events[i] != NULL; i++) {
        uint32_t number = plan_add_event(set->plan, lane->events[i]);
        if (number >= set->event_count)
            set->event_count = number + 1;
    }
}

static void take_limits(struct set_lane *lane, const struct lane_settings *settings, const struct limit_settings *limits,
                        struct error_list *errors)
{
    lane->records_max = (uint32_t)(settings->key_records != 0 ? settings->key_records : limits->key_records);
    lane->rest_ms = settings->rest_ms != 0 ? settings->rest_ms : LANE_REST_MS;
    if (settings->rest_ms == 0 || lane->table->combine != NULL)
        return;
    struct error *error = error_list_add(errors);
    error_what(error, "lane \"%s\" has a rest, but its plugin does not combine records", settings->name);
    error_advice(error, "leave rest out: only buckets of records that combine() makes one of come to rest");
    add_place(error, &settings->place);
}

static void load_lane(struct lane_set *set, const struct lane_settings *settings, const struct limit_settings *limits,
                      struct error_list *errors)
{
    struct error refusal;
    if (!plugin_name_valid(settings->name))
        return; /* said by whoever read the configuration */
    const sl_plugin *plugin = plugin_file_load(set->folder, PLUGIN_LANE, settings->name, &refusal);
    if (plugin == NULL) {
        add_place(&refusal, &settings->place);
        *error_list_add(errors) = refusal;
        return;
    }
    struct set_lane *lane = &set->lanes[set->lane_count++];
    lane->table = plugin->lane;
    lane->name = settings->as != NULL ? settings->as : settings->name;
    lane->id = (struct plugin_id){lane->name, NULL, plugin_file_build(lane->table)};
    char of[128];
    (void)snprintf(of, sizeof of, "lane \"%s\"", settings->name);
    lane->opened = open_plugin(lane->table->params, lane->table->settings_size, &settings->params, lane->table->open, &lane->id,
                               of, &settings->place, &lane->self, errors);
    lane->events = events_of(plugin);
    resolve(set, lane, &settings->place, errors);
    load_metrics(set, lane, settings, errors);
    take_windows(lane, settings, errors);
    take_ages(lane, &settings->place, errors);
    take_limits(lane, settings, limits, errors);
}

/* Two parsers must not write the same key. */
static void refuse_collisions(const struct lane_set *set, const struct config *config, struct error_list *errors)
{
    struct writer {
        const struct set_lane *lane;
        const struct bound_metric *metric;
        sl_view suffix;
    } *writers = NULL;
    size_t count = 0, capacity = 0;
    for (const struct set_lane *lane = set->lanes; lane < set->lanes + set->lane_count; lane++)
        for (size_t w = 0; w < lane->window_count; w++)
            for (size_t f = 0; f < lane->feature_count; f++) {
                const struct bound_metric *metric = lane_metric_of(lane, f);
                sl_view suffix = lane->windows[w].suffixes[f];
                for (size_t i = 0; i < count && !metric->silent; i++) {
                    if (strcmp(writers[i].metric->key_prefix, metric->key_prefix) != 0 || writers[i].suffix.size != suffix.size ||
                        memcmp(writers[i].suffix.data, suffix.data, suffix.size) != 0)
                        continue;
                    bool twins = writers[i].lane == lane ? strcmp(writers[i].metric->name, metric->name) == 0
                                                         : strcmp(writers[i].lane->name, lane->name) == 0;
                    if (twins) /* said by whoever read the configuration */
                        continue;
                    struct error *error = error_list_add(errors);
                    error_what(error, "two metric parsers write the same feature %s{id}%.*s", metric->key_prefix,
                               (int)suffix.size, suffix.data);
                    error_found(error, "%s: lane \"%s\" and lane \"%s\"", config->file, writers[i].lane->name, lane->name);
                    error_advice(error, "take one of them out, give their windows different names, or let one stand beside the other: "
                                        "shadow_of = \"%s\";", writers[i].lane == lane ? writers[i].metric->name : writers[i].lane->name);
                }
                if (metric->silent)
                    continue;
                if (count == capacity) {
                    capacity = capacity == 0 ? 64 : capacity * 2;
                    writers = memory_resize(writers, capacity * sizeof *writers);
                }
                writers[count++] = (struct writer){lane, metric, suffix};
            }
    free(writers);
}

/* Of several that mean the event the last, but one with the whole name before one with "*". */
static uint32_t kind_of(const struct set_lane *lane, const char *name)
{
    uint32_t kind = UINT32_MAX;
    bool whole = false;
    for (uint32_t i = 0; lane->events[i] != NULL; i++) {
        bool same = strcmp(lane->events[i], name) == 0;
        if (same || (!whole && event_name_fits(lane->events[i], name)))
            kind = i;
        whole = whole || same;
    }
    return kind;
}

static void number_events(struct lane_set *set)
{
    for (struct set_lane *lane = set->lanes; lane < set->lanes + set->lane_count; lane++) {
        lane->kinds = memory_new((set->event_count + 1) * sizeof *lane->kinds);
        for (uint32_t number = 0; number < set->event_count; number++)
            lane->kinds[number] = kind_of(lane, plan_event_name(set->plan, number));
    }
}

struct lane_set *lane_set_load(const struct config *config, struct error_list *errors)
{
    size_t before = errors->count;
    struct lane_set *set = memory_new(sizeof *set);
    set->folder = config->plugins == NULL ? plugin_folder_default() : memory_text(config->plugins);
    set->plan = plan_new();
    if (config->limits.text_bytes > 0)
        plan_set_text_max(set->plan, (size_t)config->limits.text_bytes);
    plan_set_nobody(set->plan, config->source.nobody, config->source.nobody_count);
    set->lanes = memory_new((config->lane_count + 1) * sizeof *set->lanes);
    size_t from[LANES_MAX] = {0};
    for (size_t i = 0; i < config->lane_count; i++) {
        if (set->lane_count == LANES_MAX) {
            struct error *error = error_list_add(errors);
            error_what(error, "there are more than %d lanes", LANES_MAX);
            add_place(error, &config->lanes[i].place);
            break;
        }
        from[set->lane_count] = i;
        load_lane(set, &config->lanes[i], &config->limits, errors);
    }
    shadow_roles(set, config, from, errors);
    if (errors->count == before)
        bind_needs(set, config, from, errors);
    refuse_collisions(set, config, errors);
    if (errors->count == before)
        shadow_pairs_make(set, config, from, errors);
    number_events(set);
    plan_seal(set->plan);
    if (errors->count == before)
        return set;
    lane_set_free(set);
    return NULL;
}

void lane_set_free(struct lane_set *set)
{
    if (set == NULL)
        return;
    for (struct set_lane *lane = set->lanes; lane < set->lanes + set->lane_count; lane++) {
        for (size_t w = 0; w < lane->window_count; w++) {
            for (size_t f = 0; f < lane->feature_count; f++)
                free((void *)(uintptr_t)lane->windows[w].suffixes[f].data);
            free(lane->windows[w].suffixes);
        }
        for (size_t m = 0; m < lane->metric_count; m++) {
            plugin_call_begin(PLUGIN_CLOSE, &lane->metrics[m].id);
            if (lane->metrics[m].opened && lane->metrics[m].table->close != NULL)
                lane->metrics[m].table->close(lane->metrics[m].self);
            plugin_call_end();
            key_bars_free(&lane->metrics[m].bars);
            free(lane->metrics[m].self);
            free(lane->metrics[m].bindings);
            free(lane->metrics[m].others);
            free(lane->metrics[m].key_prefix);
        }
        plugin_call_begin(PLUGIN_CLOSE, &lane->id);
        if (lane->opened && lane->table->close != NULL)
            lane->table->close(lane->self);
        plugin_call_end();
        key_bars_free(&lane->bars);
        free(lane->self);
        for (size_t i = 0; lane->events != NULL && lane->events[i] != NULL; i++)
            free(lane->events[i]);
        free(lane->events);
        free(lane->kinds);
        free(lane->key_prefix);
    }
    message_bars_free(&set->bars);
    shadow_pairs_free(set);
    plan_free(set->plan);
    free(set->lanes);
    free(set->folder);
    free(set);
}
