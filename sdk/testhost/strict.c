/* strict.c - the plugins' tables as the host sees them under strict.h. The host's as plugins see them are watched_host.c's. */
#include "testhost/watched.h"

#include "base/memory.h"
#include "base/text_handle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watched_metric {
    struct watched watched; /* first: `self` of its table */
    const sl_metric *metric;
    sl_metric table;
    size_t features;
};

struct watched_lane {
    struct watched watched; /* first */
    const sl_lane *lane;
    sl_lane table;
    char *zero;                     /* the aggregate's, with the guard behind it */
    struct watched_event events[2]; /* by turns: what is kept of one is dead while the other lives */
    struct watched_records records[2];
    unsigned turn;
    struct watched_metric metrics[METRICS_MAX];
};

struct strict {
    struct lane_set *set;
    struct strict_settings settings;
    struct findings *findings;
    struct strict_place own_place, *place;
    struct watched_lane *lanes;
    struct watched_scratch scratch;
    uint64_t asked; /* how often `combine` was */
    struct breach {
        const struct watched *watched;
        size_t finding, step;
    } * breaches;
    size_t breach_count;
};

/* ---- what is found ---- */

void watched_breach(struct watched *watched, const char *id, const char *advice, const char *format, ...)
{
    struct strict *strict = watched->strict;
    for (size_t i = 0; i < strict->breach_count; i++)
        if (strict->breaches[i].watched == watched && strcmp(strict->findings->items[strict->breaches[i].finding].id, id) == 0)
            return;
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct error *error = &findings_add(strict->findings, FINDING_REFUSES, id)->error;
    error_what(error, "%s \"%s\": %s", watched->kind, watched->name, text);
    error_advice(error, "%s", advice);
    strict->breaches = memory_resize(strict->breaches, (strict->breach_count + 1) * sizeof *strict->breaches);
    strict->breaches[strict->breach_count++] =
        (struct breach){.watched = watched, .finding = strict->findings->count - 1, .step = strict->place->step};
}

size_t strict_step_of(const struct strict *strict, size_t finding)
{
    for (size_t i = 0; i < strict->breach_count; i++)
        if (strict->breaches[i].finding == finding)
            return strict->breaches[i].step;
    return SIZE_MAX;
}

void strict_step(struct strict *strict, size_t step) { strict->place->step = step; }

void strict_slot(struct strict *strict) { strict->place->slot = true; }

void strict_asked(struct strict *strict, uint32_t input, unsigned asked)
{
    if (strict->settings.asked != NULL)
        strict->settings.asked[input] |= (uint8_t)asked;
}

/* ---- a call ---- */

static void enter(struct watched *watched, const char *function)
{
    struct strict_place *place = watched->strict->place;
    watched->function = function;
    (void)snprintf(place->plugin, sizeof place->plugin, "%s %s", watched->kind, watched->name);
    (void)snprintf(place->function, sizeof place->function, "%s", function);
}

static void leave(struct watched *watched)
{
    watched->strict->place->plugin[0] = '\0';
    if (watched->settings != NULL && memcmp(watched->settings, watched->self, watched->settings_size) != 0) {
        watched_breach(watched, "settings", "what `open` left in `self` is constant: state is in records and aggregates alone",
                       "%s changes its settings", watched->function);
        memcpy(watched->settings, watched->self, watched->settings_size);
    }
}

static const char *first_difference(const sl_field *fields, const char *one, const char *two)
{
    for (; fields->name != NULL; fields++) {
        sl_text text;
        if (memcmp(one + fields->offset, two + fields->offset, fields->size) == 0 || fields->type == SL_COUNTS ||
            fields->type == SL_LIST)
            continue;
        if (fields->type == SL_TEXT) {
            memcpy(&text, one + fields->offset, sizeof text);
            if (text_is_long(text)) /* a handle is another one each time */
                continue;
        }
        return fields->name;
    }
    return NULL;
}

/* Only what is declared stays: the stamp is the host's anyway. */
static void keep_declared(const sl_lane *lane, char *record)
{
    _Alignas(8) char kept[LANE_RECORD_MAX] = {0};
    memcpy(kept, record, sizeof(sl_stamp));
    for (const sl_field *field = lane->record; field->name != NULL; field++)
        memcpy(kept + field->offset, record + field->offset, field->size);
    memcpy(record, kept, lane->record_size);
}

/* ---- lanes ---- */

static struct watched_lane *lane_of(const void *self) { return (struct watched_lane *)(uintptr_t)self; }

static bool extract_once(struct watched_lane *lane, const sl_event *host, char *room)
{
    struct watched_event *event = &lane->events[lane->turn++ % 2];
    watched_event_begin(event, &lane->watched, host);
    guard_set(room + lane->lane->record_size);
    enter(&lane->watched, "extract");
    bool kept = lane->lane->extract(lane->watched.self, &event->event, room);
    leave(&lane->watched);
    watched_event_end(event);
    if (guard_broken(room + lane->lane->record_size))
        watched_breach(&lane->watched, "record", "a record has record_size bytes",
                       "extract writes behind the end of its record");
    return kept;
}

static bool extract(const void *self, const sl_event *host, void *record)
{
    struct watched_lane *lane = lane_of(self);
    size_t size = lane->lane->record_size;
    _Alignas(8) char first[LANE_RECORD_MAX + GUARD_BYTES], second[LANE_RECORD_MAX + GUARD_BYTES];
    memcpy(first, record, size);
    memcpy(second, record, size);
    bool kept = extract_once(lane, host, first), again = extract_once(lane, host, second);
    const char *differs = kept && again ? first_difference(lane->lane->record, first, second) : NULL;
    if (kept != again || differs != NULL)
        watched_breach(&lane->watched, "again", "what it says depends on the event and `self` alone",
                       "extract says something else when it is asked again for the same event: %s",
                       differs != NULL ? differs : "whether there is a record");
    if (lane->watched.strict->settings.declared_only)
        keep_declared(lane->lane, first);
    memcpy(record, first, size);
    return kept;
}

static void filled(struct watched *watched, void *record)
{
    if (watched->strict->settings.declared_only)
        keep_declared(lane_of(watched)->lane, record);
}

static void extract_many(const void *self, const sl_event *host, sl_records *host_records)
{
    struct watched_lane *lane = lane_of(self);
    struct watched_event *event = &lane->events[lane->turn % 2];
    struct watched_records *records = &lane->records[lane->turn++ % 2];
    watched_event_begin(event, &lane->watched, host);
    watched_records_begin(records, &lane->watched, host_records, lane->lane->record_size, filled);
    enter(&lane->watched, "extract_many");
    lane->lane->extract_many(lane->watched.self, &event->event, &records->records);
    leave(&lane->watched);
    watched_records_end(records);
    watched_event_end(event);
}

/* A record that is only to be read. */
static void unchanged(struct watched_lane *lane, const void *record, const char *before)
{
    if (memcmp(record, before, lane->lane->record_size) == 0)
        return;
    watched_breach(&lane->watched, "constant",
                   "a record is folded again and again: what is to change belongs into the aggregate",
                   "%s writes to the record that it is given", lane->watched.function);
    memcpy((void *)(uintptr_t)record, before, lane->lane->record_size);
}

static void add(const void *self, sl_scratch *host, void *aggregate, const void *record)
{
    struct watched_lane *lane = lane_of(self);
    char *guard = (char *)aggregate + lane->lane->aggregate_size, before[LANE_RECORD_MAX];
    sl_scratch *scratch = watched_scratch_for(&lane->watched.strict->scratch, &lane->watched, host);
    memcpy(before, record, lane->lane->record_size);
    enter(&lane->watched, "add");
    lane->lane->add(lane->watched.self, scratch, aggregate, record);
    leave(&lane->watched);
    unchanged(lane, record, before);
    if (guard_broken(guard)) {
        watched_breach(&lane->watched, "aggregate",
                       "an aggregate has aggregate_size bytes; what grows is a collection of scratch.h",
                       "add writes behind the end of its aggregate");
        guard_set(guard);
    }
}

/* The moment that a fold sees. */
static sl_window moment(const struct strict *strict, const sl_window *window)
{
    sl_window seen = *window;
    if (strict->settings.still)
        seen.now_ms = window->newest_ms;
    return seen;
}

static void publish(const void *self, sl_scratch *host, const sl_window *window, const void *aggregate, void *values)
{
    struct watched_lane *lane = lane_of(self);
    char *guard = (char *)values + lane->lane->values_size, before[LANE_AGGREGATE_MAX];
    sl_scratch *scratch = watched_scratch_for(&lane->watched.strict->scratch, &lane->watched, host);
    sl_window seen = moment(lane->watched.strict, window);
    guard_set(guard);
    memcpy(before, aggregate, lane->lane->aggregate_size);
    enter(&lane->watched, "publish");
    lane->lane->publish(lane->watched.self, scratch, &seen, aggregate, values);
    leave(&lane->watched);
    if (guard_broken(guard))
        watched_breach(&lane->watched, "values", "values have values_size bytes",
                       "publish writes behind the end of its values");
    if (memcmp(before, aggregate, lane->lane->aggregate_size) != 0)
        watched_breach(&lane->watched, "constant", "publish only reads it", "publish writes to the aggregate");
    watched_scratch_forget(&lane->watched.strict->scratch);
}

static bool asks(struct strict *strict)
{
    if (strict->settings.combine != COMBINE_SOMETIMES)
        return strict->settings.combine == COMBINE_AS_ASKED;
    uint64_t mixed = (strict->settings.seed + ++strict->asked) * UINT64_C(0x9e3779b97f4a7c15);
    return (mixed >> 63) != 0;
}

/* Stamp and texts of what stays are as they were. */
static bool stays(const sl_lane *lane, const char *before, const char *after)
{
    if (memcmp(before, after, sizeof(sl_stamp)) != 0)
        return false;
    for (const sl_field *field = lane->record; field->name != NULL; field++)
        if (field->type == SL_TEXT && memcmp(before + field->offset, after + field->offset, field->size) != 0)
            return false;
    return true;
}

static bool combine(const void *self, void *into, const void *from)
{
    struct watched_lane *lane = lane_of(self);
    size_t size = lane->lane->record_size;
    _Alignas(8) char room[LANE_RECORD_MAX + GUARD_BYTES];
    char before[LANE_RECORD_MAX];
    if (!asks(lane->watched.strict))
        return false;
    memcpy(room, into, size);
    memcpy(before, from, size);
    guard_set(room + size);
    enter(&lane->watched, "combine");
    bool done = lane->lane->combine(lane->watched.self, room, from);
    leave(&lane->watched);
    unchanged(lane, from, before);
    if (guard_broken(room + size))
        watched_breach(&lane->watched, "record", "a record has record_size bytes", "combine writes behind the end of a record");
    if (!done && memcmp(room, into, size) != 0)
        watched_breach(&lane->watched, "combine", "false means that nothing was changed",
                       "combine returns false and changes the record");
    if (done && !stays(lane->lane, into, room))
        watched_breach(&lane->watched, "combine",
                       "stamp and texts stay as they are: records of different texts are not combined",
                       "combine changes stamp or texts of the record that stays");
    if (done)
        memcpy(into, room, size);
    return done;
}

/* ---- metric parsers ---- */

static const char not_finite[] = "not a finite number";

static const char *cell_fault(const sl_cell *cell, sl_type declared)
{
    if (cell->type == SL_NONE)
        return NULL;
    if (cell->type != declared)
        return plugin_type_word(cell->type);
    if (cell->type == SL_SUM && cell->as.sum == NULL)
        return "a sum that is none";
    if (cell->joined && cell->type != SL_TEXT)
        return "joined, and no text";
    if (cell->type == SL_F64 && !(cell->as.f64 - cell->as.f64 == 0.0))
        return not_finite;
    return NULL;
}

static const char *same_cells(const sl_metric *metric, const sl_cell *one, const sl_cell *two, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool same = one[i].type == two[i].type && one[i].joined == two[i].joined;
        bool plain = one[i].type == SL_BOOL || one[i].type == SL_I64 || one[i].type == SL_F64 || one[i].type == SL_MONEY;
        if (same && one[i].type == SL_BOOL)
            same = one[i].as.flag == two[i].as.flag;
        else if (same && one[i].type == SL_SUM)
            same = one[i].as.sum->low == two[i].as.sum->low && one[i].as.sum->high == two[i].as.sum->high;
        else if (same && plain)
            same = one[i].as.i64 == two[i].as.i64;
        if (!same)
            return metric->features[i].name;
    }
    return NULL;
}

static void compute_once(struct watched_metric *metric, sl_scratch *scratch, const sl_window *window, const char *values,
                         sl_cell *cells)
{
    size_t size = metric->metric->values_size;
    char given[LANE_AGGREGATE_MAX + GUARD_BYTES];
    memcpy(given, values, size);
    guard_set(given + size);
    guard_set(cells + metric->features);
    enter(&metric->watched, "compute");
    metric->metric->compute(metric->watched.self, scratch, window, given, cells);
    leave(&metric->watched);
    if (memcmp(given, values, size) != 0 || guard_broken(given + size))
        watched_breach(&metric->watched, "constant", "compute only reads the values",
                       "compute writes to the values that it is given");
    if (guard_broken(cells + metric->features))
        watched_breach(&metric->watched, "cells", "one cell a feature, in the order of `features`",
                       "compute writes more cells than it has features, %zu", metric->features);
}

static void compute(const void *self, sl_scratch *host, const sl_window *window, const void *values, sl_cell *out)
{
    struct watched_metric *metric = (struct watched_metric *)(uintptr_t)self;
    sl_cell cells[2][METRIC_FEATURES_MAX + 1 + GUARD_BYTES / sizeof(sl_cell)];
    sl_scratch *scratch = watched_scratch_for(&metric->watched.strict->scratch, &metric->watched, host);
    sl_window seen = moment(metric->watched.strict, window);
    memset(cells, 0, sizeof cells);
    for (int i = 0; i < 2; i++)
        compute_once(metric, scratch, &seen, values, cells[i]);
    const char *differs = same_cells(metric->metric, cells[0], cells[1], metric->features);
    if (differs != NULL)
        watched_breach(&metric->watched, "again", "what it says depends on the values, the window and `self` alone",
                       "compute says something else when it is asked again for the same values: %s", differs);
    for (size_t i = 0; i < metric->features; i++) {
        const sl_feature *feature = &metric->metric->features[i];
        const char *fault = cell_fault(&cells[0][i], feature->type);
        if (fault != NULL)
            watched_breach(
                &metric->watched, "cells",
                fault == not_finite
                    ? "look for a division by 0 in its compute(): sl_cell_absent() is for what there is no number of"
                    : "make it by sl_cell_...() of the declared type, or leave it absent",
                "compute fills feature %s, declared %s, with what is %s", feature->name,
                plugin_type_word(feature->type), fault);
    }
    memcpy(out, cells[0], metric->features * sizeof *out);
}

/* ---- on and off ---- */

static void watch(struct strict *strict, struct watched *watched, const char *kind, const char *name, void *self,
                  size_t settings_size)
{
    *watched = (struct watched){.strict = strict, .kind = kind, .name = name, .self = self, .settings_size = settings_size};
    if (self == NULL || settings_size == 0)
        return;
    watched->settings = memory_new(settings_size);
    memcpy(watched->settings, self, settings_size);
}

static void put_on_metric(struct strict *strict, struct watched_metric *metric, struct bound_metric *bound)
{
    metric->metric = bound->table;
    metric->features = bound->feature_count;
    watch(strict, &metric->watched, plugin_kind_word(PLUGIN_METRIC), bound->table->name, bound->self,
          bound->table->settings_size);
    metric->table = *bound->table;
    metric->table.compute = compute;
    bound->table = &metric->table;
    bound->self = metric;
}

static void put_on_lane(struct strict *strict, struct watched_lane *lane, struct set_lane *bound)
{
    const sl_lane *own = lane->lane = bound->table;
    watch(strict, &lane->watched, plugin_kind_word(PLUGIN_LANE), own->name, bound->self, own->settings_size);
    while (own->inputs != NULL && own->inputs[lane->watched.inputs].path != NULL)
        lane->watched.inputs++;
    lane->zero = memory_new(own->aggregate_size + GUARD_BYTES);
    if (own->zero != NULL)
        memcpy(lane->zero, own->zero, own->aggregate_size);
    guard_set(lane->zero + own->aggregate_size);
    lane->table = *own;
    lane->table.zero = lane->zero;
    lane->table.aggregate_size = own->aggregate_size + GUARD_BYTES;
    lane->table.values_size = own->values_size + GUARD_BYTES;
    lane->table.extract = own->extract != NULL ? extract : NULL;
    lane->table.extract_many = own->extract_many != NULL ? extract_many : NULL;
    lane->table.combine = own->combine != NULL ? combine : NULL;
    lane->table.add = add;
    lane->table.publish = publish;
    bound->table = &lane->table;
    bound->self = lane;
    for (size_t m = 0; m < bound->metric_count; m++)
        put_on_metric(strict, &lane->metrics[m], &bound->metrics[m]);
}

struct strict *strict_put_on(struct lane_set *set, const struct strict_settings *settings, struct findings *findings)
{
    struct strict *strict = memory_new(sizeof *strict);
    strict->set = set;
    strict->settings = *settings;
    strict->findings = findings;
    strict->place = settings->place != NULL ? settings->place : &strict->own_place;
    strict->lanes = memory_new((set->lane_count + 1) * sizeof *strict->lanes);
    for (size_t i = 0; i < set->lane_count; i++)
        put_on_lane(strict, &strict->lanes[i], &set->lanes[i]);
    return strict;
}

void strict_take_off(struct strict *strict)
{
    for (size_t i = 0; i < strict->set->lane_count; i++) {
        struct watched_lane *lane = &strict->lanes[i];
        struct set_lane *bound = &strict->set->lanes[i];
        for (size_t m = 0; m < bound->metric_count; m++) {
            bound->metrics[m].table = lane->metrics[m].metric;
            bound->metrics[m].self = lane->metrics[m].watched.self;
            free(lane->metrics[m].watched.settings);
        }
        bound->table = lane->lane;
        bound->self = lane->watched.self;
        free(lane->watched.settings);
        free(lane->zero);
    }
    free(strict->lanes);
    free(strict->breaches);
    free(strict);
}
