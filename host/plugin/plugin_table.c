/* plugin_table.c - see plugin_table.h. */
#include "plugin/plugin_table.h"

#include "snowplow/event_name.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

static const struct {
    const char *word;
    size_t size;
} types[] = {
    [SL_NONE] = {"none", 0},
    [SL_BOOL] = {"bool", sizeof(bool)},
    [SL_U8] = {"u8", 1},
    [SL_I32] = {"i32", 4},
    [SL_I64] = {"i64", 8},
    [SL_F64] = {"f64", 8},
    [SL_MONEY] = {"money", 8},
    [SL_TEXT] = {"text", sizeof(sl_text)},
    [SL_COUNTS] = {"counts", sizeof(void *)},
    [SL_LIST] = {"list", sizeof(void *)},
    [SL_CHOICE] = {"choice", sizeof(int32_t)},
    [SL_SUM] = {"sum", sizeof(sl_sum)},
};

static bool type_known(sl_type type) { return (size_t)type < sizeof types / sizeof types[0] && type != SL_NONE; }

const char *plugin_type_word(sl_type type) { return type_known(type) ? types[type].word : "unknown"; }

bool plugin_name_valid(const char *name)
{
    if (name == NULL || *name < 'a' || *name > 'z' || strlen(name) > 63)
        return false;
    for (; *name != '\0'; name++)
        if (!(*name == '_' || (*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9')))
            return false;
    return true;
}

#define NAME_ADVICE "begin with a lower-case letter; then lower-case letters, digits and _; at most 63 of them"

static bool refuse(struct error *error, const char *what, const char *detail, const char *advice)
{
    error_what(error, "%s%s%s", what, *detail == '\0' ? "" : ": ", detail);
    error_advice(error, "%s", advice);
    return false;
}

/* Fields must lie inside their struct, have their type's size, and be of one of the allowed types. */
static bool fields_check(const sl_field *fields, size_t struct_size, size_t from, const char *of, bool collections,
                         struct error *error)
{
    if (fields == NULL) {
        error_what(error, "it declares no fields of its %s", of);
        error_advice(error, "list them with SL_FIELD(...)");
        return false;
    }
    for (const sl_field *field = fields; field->name != NULL; field++) {
        bool collection = field->type == SL_COUNTS || field->type == SL_LIST;
        if (!type_known(field->type) || field->type == SL_CHOICE || (collection && !collections)) {
            error_what(error, "field \"%s\" of its %s can't be %s", field->name, of, plugin_type_word(field->type));
            error_advice(error, "a record holds bool, u8, i32, i64, f64, money and text; values also counts and lists");
            return false;
        }
        if (field->size != types[field->type].size) {
            error_what(error, "field \"%s\" of its %s is declared %s (%zu bytes) but has %u", field->name, of,
                       plugin_type_word(field->type), types[field->type].size, field->size);
            error_advice(error, "declare it with the type it has");
            return false;
        }
        if (field->offset < from || field->offset + (size_t)field->size > struct_size)
            return refuse(error, "a declared field lies outside of its struct", field->name,
                          "declare it with SL_FIELD(struct ..., member, ...)");
        for (const sl_field *other = fields; other < field; other++)
            if (strcmp(other->name, field->name) == 0 ||
                (other->offset < field->offset + field->size && field->offset < other->offset + other->size))
                return refuse(error, "two declared fields share a name or bytes", field->name,
                              "one declaration a member");
    }
    return true;
}

static bool params_check(const sl_param *params, size_t settings_size, struct error *error)
{
    if (params == NULL)
        return true;
    for (const sl_param *param = params; param->name != NULL; param++) {
        if (!plugin_name_valid(param->name)) {
            error_what(error, "a parameter can't be named \"%s\"", param->name);
            error_advice(error, NAME_ADVICE);
            return false;
        }
        for (const sl_param *other = params; other < param; other++)
            if (strcmp(other->name, param->name) == 0)
                return refuse(error, "two of its parameters have one name", param->name, "one name a parameter");
        size_t size = param->type == SL_TEXT ? sizeof(char *) : type_known(param->type) ? types[param->type].size : 0;
        bool allowed = param->type == SL_BOOL || param->type == SL_I64 || param->type == SL_F64 ||
                       param->type == SL_MONEY || param->type == SL_TEXT ||
                       (param->type == SL_CHOICE && param->choices != NULL && param->default_text != NULL);
        if (!allowed || param->offset + size > settings_size)
            return refuse(error, "a parameter is not declared as the SDK asks", param->name,
                          "use SL_PARAM_BOOL, _I64, _F64, _TEXT or _CHOICE and set settings_size");
    }
    return true;
}

const char *lane_key_word(const sl_lane *lane)
{
    return lane->key == SL_KEY_USER ? "user" : lane->key == SL_KEY_SESSION ? "session" : lane->key_name;
}

/* Features begin with it, and other features begin with these. */
static bool key_name_check(const char *name, struct error *error)
{
    if (name == NULL || !plugin_name_valid(name) || strlen(name) > SL_KEY_NAME_MAX) {
        error_what(error, "its key is called \"%s\"", name == NULL ? "" : name);
        error_advice(error, "set .key_name: lower-case letters, digits, _, at most %d of them", SL_KEY_NAME_MAX);
        return false;
    }
    if (strcmp(name, "user") != 0 && strcmp(name, "session") != 0 && strcmp(name, "shoplane") != 0)
        return true;
    error_what(error, "its key is called \"%s\", and keys of that name are the host's own", name);
    error_advice(error, "take another .key_name, or SL_KEY_USER or SL_KEY_SESSION");
    return false;
}

static bool key_check(const sl_lane *lane, struct error *error)
{
    if (lane->key != SL_KEY_USER && lane->key != SL_KEY_SESSION && lane->key != SL_KEY_OWN)
        return refuse(error, "it does not say whose state it keeps", "", "set .key = SL_KEY_USER, SL_KEY_SESSION or SL_KEY_OWN");
    if (lane->key != SL_KEY_OWN)
        return lane->key_name == NULL || refuse(error, "it has a key_name, and a key that is not its own", lane->key_name,
                                                "set .key = SL_KEY_OWN, or leave .key_name out");
    if (!key_name_check(lane->key_name, error))
        return false;
    return lane->extract_many != NULL || refuse(error, "it has a key of its own and no extract_many to give it", "",
                                                "fill .extract_many, and call sl_records_add_for()");
}

static bool functions_check(const sl_lane *lane, struct error *error)
{
    if (lane->extract != NULL && lane->extract_many != NULL)
        return refuse(error, "it has both extract and extract_many", "", "fill one of the two");
    if ((lane->extract == NULL && lane->extract_many == NULL) || lane->add == NULL || lane->publish == NULL)
        return refuse(error, "it lacks one of extract, add, publish", "", "fill all three, or extract_many in place of extract");
    if ((lane->combine != NULL) != (lane->bucket_ms != 0))
        return refuse(error, "it has one of bucket_ms and combine", "", "set both, or none");
    if (lane->bucket_ms != 0 && (lane->bucket_ms < 1000 || lane->bucket_ms > DAY_MS || DAY_MS % lane->bucket_ms != 0)) {
        error_what(error, "its bucket_ms is %lld", (long long)lane->bucket_ms);
        error_advice(error, "1000 to 86400000, a divisor of a day: a second, a minute, 5 minutes, an hour, a day");
        return false;
    }
    return true;
}

static bool events_check(const sl_lane *lane, struct error *error)
{
    for (const char *const *listed = lane->events; *listed != NULL; listed++)
        if (!event_name_listable(*listed)) {
            error_what(error, "it wants events \"%s\", which none can be called", *listed);
            error_advice(error, "page_view, product_view, site_search, ...: Snowplow's own; com.acme/wishlist_change: the vendor and name of "
                                "another schema, without its version; */wishlist_change: of any vendor");
            return false;
        }
    return true;
}

static bool inputs_check(const sl_input *inputs, struct error *error)
{
    for (const sl_input *input = inputs; input != NULL && input->name != NULL; input++)
        for (const sl_input *other = inputs; other < input; other++)
            if (strcmp(other->name, input->name) == 0)
                return refuse(error, "two of its inputs have one name", input->name, "one name an input");
    return true;
}

bool lane_table_check(const void *table, const char *name, struct error *error)
{
    const sl_lane *lane = table;
    if (!plugin_name_valid(lane->name) || strcmp(lane->name, name) != 0) {
        error_what(error, "it calls itself \"%s\"", lane->name == NULL ? "" : lane->name);
        error_advice(error, "a plugin's name is that of its file: lower-case letters, digits, _");
        return false;
    }
    if (lane->version == NULL || lane->summary == NULL)
        return refuse(error, "its table has no version or no summary", "", "fill .version and .summary");
    if (!key_check(lane, error))
        return false;
    if (lane->events == NULL || lane->events[0] == NULL)
        return refuse(error, "it wants no events", "", "list their names in .events, ended by NULL");
    if (!functions_check(lane, error) || !inputs_check(lane->inputs, error))
        return false;
    if (lane->record_size < sizeof(sl_stamp) || lane->record_size > LANE_RECORD_MAX || lane->record_size % 8 != 0) {
        error_what(error, "its record has %zu bytes", lane->record_size);
        error_advice(error, "%zu to %d bytes, a multiple of 8, beginning with an sl_stamp", sizeof(sl_stamp),
                     LANE_RECORD_MAX);
        return false;
    }
    if (lane->aggregate_size == 0 || lane->aggregate_size > LANE_AGGREGATE_MAX || lane->values_size == 0 ||
        lane->values_size > LANE_AGGREGATE_MAX) {
        error_what(error, "its aggregate has %zu bytes and its values %zu", lane->aggregate_size, lane->values_size);
        error_advice(error, "1 to %d bytes each", LANE_AGGREGATE_MAX);
        return false;
    }
    return fields_check(lane->record, lane->record_size, sizeof(sl_stamp), "record", false, error) &&
           fields_check(lane->values, lane->values_size, 0, "values", true, error) &&
           params_check(lane->params, lane->settings_size, error);
}

static bool feature_check(const sl_feature *features, const sl_feature *feature, struct error *error)
{
    if (!plugin_name_valid(feature->name)) {
        error_what(error, "a feature can't be named \"%s\"", feature->name);
        error_advice(error, NAME_ADVICE);
        return false;
    }
    if (!type_known(feature->type) || feature->type == SL_CHOICE || feature->type == SL_U8 || feature->type == SL_I32) {
        error_what(error, "feature \"%s\" can't be %s", feature->name, plugin_type_word(feature->type));
        error_advice(error, "bool, i64, f64, money, text, counts or list");
        return false;
    }
    for (const sl_feature *other = features; other < feature; other++)
        if (strcmp(other->name, feature->name) == 0)
            return refuse(error, "two of its features have one name", feature->name, "one name a feature: each is a key of its own");
    return true;
}

static size_t needs_count(const sl_metric *metric)
{
    size_t count = 0;
    while (metric->more_needs != NULL && metric->more_needs[count].field.name != NULL)
        count++;
    return count;
}

/* All that the parser needs, of wherever, has its own bytes. The same value of two windows is not one. */
static bool needs_check(const sl_metric *metric, struct error *error)
{
    size_t own = 0, more = needs_count(metric);
    if (!fields_check(metric->needs, metric->values_size, 0, "needed values", true, error))
        return false;
    if (more == 0)
        return true;
    while (metric->needs[own].name != NULL)
        own++;
    if (more > METRIC_NEEDS_MAX || own > METRIC_NEEDS_MAX) {
        error_what(error, "it needs %zu values, and %zu of other windows and lanes", own, more);
        error_advice(error, "at most %d of either", METRIC_NEEDS_MAX);
        return false;
    }
    sl_field all[2 * METRIC_NEEDS_MAX + 1] = {0};
    char names[METRIC_NEEDS_MAX][160];
    memcpy(all, metric->needs, own * sizeof *all);
    for (size_t i = 0; i < more; i++) {
        const sl_need *need = &metric->more_needs[i];
        all[own + i] = need->field;
        all[own + i].name = names[i];
        (void)snprintf(names[i], sizeof names[i], "%s of lane %s, window %s", need->field.name, need->lane == NULL ? "-" : need->lane,
                       need->window == NULL ? "-" : need->window);
        if (need->lane == NULL && need->window == NULL)
            return refuse(error, "a need names neither lane nor window", need->field.name, "values of the parser's own window are in .needs");
    }
    return fields_check(all, metric->values_size, 0, "needed values", true, error);
}

bool metric_table_check(const void *table, const char *name, struct error *error)
{
    const sl_metric *metric = table;
    if (!plugin_name_valid(metric->name) || strcmp(metric->name, name) != 0) {
        error_what(error, "it calls itself \"%s\"", metric->name == NULL ? "" : metric->name);
        error_advice(error, "a plugin's name is that of its file: lower-case letters, digits, _");
        return false;
    }
    if (metric->version == NULL || metric->summary == NULL || metric->compute == NULL)
        return refuse(error, "its table lacks version, summary or compute", "", "fill all three");
    if (metric->values_size == 0 || metric->values_size > LANE_AGGREGATE_MAX)
        return refuse(error, "it needs no values", "", "set .values_size and .needs");
    size_t count = 0;
    for (const sl_feature *feature = metric->features; feature != NULL && feature->name != NULL; feature++, count++)
        if (!feature_check(metric->features, feature, error))
            return false;
    if (count == 0 || count > METRIC_FEATURES_MAX) {
        error_what(error, "it makes %zu features", count);
        error_advice(error, "1 to %d, listed in .features", METRIC_FEATURES_MAX);
        return false;
    }
    return needs_check(metric, error) && params_check(metric->params, metric->settings_size, error);
}

/* ---- tables made whole ---- */

/* Nothing behind the size that a table states is read. What its minor can't have had as a size is no table. */
static bool make_whole(void *whole, size_t size, const void *own, size_t least, const char *of, struct error *error)
{
    uint32_t states;
    memcpy(&states, own, sizeof states);
    memset(whole, 0, size);
    if (states >= least && states <= size && states % sizeof(void *) == 0) {
        memcpy(whole, own, states);
        return true;
    }
    error_what(error, "its %s table says that it has %u bytes", of, (unsigned)states);
    error_found(error, "tables of SDK %d.0 to %d.%d have %zu to %zu", SL_SDK_MAJOR, SL_SDK_MAJOR, SL_SDK_MINOR, least, size);
    error_advice(error, "begin its table with the SDK's macro, which sets .struct_size to its sizeof");
    return false;
}

/* The table of a kind, where the plugin has one, in the place of the plugin's own. */
static bool take_part(struct plugin_tables *tables, enum plugin_kind kind, const char *name, struct error *error)
{
    const struct plugin_kind_row *row = &plugin_kinds[kind];
    void *const wholes[] = {[PLUGIN_LANE] = &tables->lane, [PLUGIN_METRIC] = &tables->metric}, *whole = wholes[kind];
    const void *own = plugin_part(&tables->plugin, kind);
    if (own == NULL)
        return true;
    if (!make_whole(whole, row->size, own, row->least_size, row->keyword, error))
        return false;
    memcpy((char *)&tables->plugin + row->member, &whole, sizeof whole);
    return row->check(whole, name, error);
}

bool plugin_tables_take(struct plugin_tables *tables, const sl_plugin *own, enum plugin_kind kind, const char *name,
                        struct error *error)
{
    if (!make_whole(&tables->plugin, sizeof tables->plugin, own, PLUGIN_LEAST_SIZE, "plugin", error))
        return false;
    if (plugin_part(&tables->plugin, kind) == NULL) {
        error_what(error, "it is not a %s", plugin_kind_word(kind));
        error_advice(error, "lanes belong into lanes/, metric parsers into metrics/");
        return false;
    }
    for (enum plugin_kind part = 0; part < PLUGIN_KINDS; part++) {
        struct error reason;
        if (take_part(tables, part, name, &reason))
            continue;
        *error = reason;
        if (part != kind) { /* what else is in the file */
            error_what(error, "its %s: %.450s", plugin_kind_word(part), reason.what);
            error_found(error, "%s", reason.found);
            error_advice(error, "%s", reason.advice);
        }
        return false;
    }
    /* Plugins of before SDK 1.3 may list anything, as they could. */
    return tables->plugin.lane == NULL || tables->plugin.sdk_minor < 3 || events_check(tables->plugin.lane, error);
}
