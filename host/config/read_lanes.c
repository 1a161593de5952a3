/* read_lanes.c - the list `lanes`: each with its params, its windows and its metric parsers. What lanes, parsers and
 * params there are is the plugins' business; here their names are only told apart. */
#include "config/duration.h"
#include "config/groups.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   INT64_C(3600000)
#define DAY_MS    INT64_C(86400000)

#define LENGTH_MAX_MS (400 * DAY_MS) /* a year, and the month it is compared with */
#define TTL_MAX_MS    (800 * DAY_MS)
#define BURST_DEFAULT 5
#define BURST_MAX     1000
#define TTL_BEYOND_MS (600 * SECOND_MS) /* the default TTL outlasts the window by this much */

static const char params_example[] = "params = { name = value; };";

/* --- params --- */

static struct param_setting read_param(struct reading *reading, const config_setting_t *setting)
{
    struct param_setting param = {.name = config_memory_text(reading->memory, config_setting_name(setting)),
                                  .type = PARAM_OTHER,
                                  .place = setting_place(reading, setting)};
    char written[VALUE_MAX];
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_BOOL:
        param.type = PARAM_BOOL;
        param.flag = config_setting_get_bool(setting) != 0;
        break;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        (void)integer_is_whole(reading, setting);
        param.type = PARAM_INT;
        param.integer = config_setting_get_int64(setting);
        param.number = (double)param.integer;
        break;
    case CONFIG_TYPE_FLOAT:
        param.type = PARAM_FLOAT;
        param.number = config_setting_get_float(setting);
        float_text(reading, setting, written);
        param.text = config_memory_text(reading->memory, written);
        if (!(param.number >= -1e300 && param.number <= 1e300))
            error_advice(mistake_at(reading, setting, "is beyond what a number can be"), "a number up to 1e300");
        break;
    case CONFIG_TYPE_STRING:
        param.type = PARAM_TEXT;
        param.text = config_memory_text(reading->memory, config_setting_get_string(setting));
        break;
    default: break;
    }
    return param;
}

static void read_params(struct reading *reading, const config_setting_t *group, struct param_settings *params)
{
    params->place = setting_place(reading, group);
    const config_setting_t *setting = group_find(reading, group, "params", params_example);
    if (setting == NULL)
        return;
    params->place = setting_place(reading, setting);
    params->count = (size_t)config_setting_length(setting);
    params->items = config_memory_take(reading->memory, params->count * sizeof *params->items);
    for (size_t i = 0; i < params->count; i++)
        params->items[i] = read_param(reading, config_setting_get_elem(setting, (unsigned)i));
}

/* --- windows --- */

/* Lateness and the longest session are a session's only. */
static void refuse_in_rolling(struct reading *reading, const config_setting_t *group, const char *name)
{
    const config_setting_t *setting = setting_find(group, name);
    if (setting != NULL)
        error_advice(mistake_at(reading, setting, "goes with sessions only, and this window has a length"),
                     "leave it out, or make it a session: gap = \"30m\"; in place of length");
}

/* Length or gap, whichever is there: its milliseconds, or 0 if that is wrong. */
static int64_t read_extent(struct reading *reading, const config_setting_t *group, struct window_settings *window)
{
    const config_setting_t *length = setting_find(group, "length"), *gap = setting_find(group, "gap");
    window->session = gap != NULL;
    if (length != NULL && gap != NULL) {
        error_advice(mistake_at(reading, gap, "contradicts length: a window is rolling or a session"),
                     "either length = ...; for the last minutes or hours, or gap = ...; for a session");
        return 0;
    }
    if (length == NULL && gap == NULL) {
        error_advice(mistake_missing(reading, group, "length"),
                     "length = \"5m\"; for a rolling window, or gap = \"30m\"; for a session");
        return 0;
    }
    if (length != NULL) {
        refuse_in_rolling(reading, group, "max");
        refuse_in_rolling(reading, group, "lateness");
        (void)duration_read(reading, group, "length", SECOND_MS, LENGTH_MAX_MS, &window->length_ms);
        return window->length_ms;
    }
    enum outcome max = duration_read(reading, group, "max", SECOND_MS, LENGTH_MAX_MS, &window->max_ms);
    (void)duration_read(reading, group, "lateness", 0, LENGTH_MAX_MS, &window->lateness_ms);
    if (duration_read(reading, group, "gap", SECOND_MS, LENGTH_MAX_MS, &window->gap_ms) == GOOD && max != BAD &&
        window->max_ms < window->gap_ms) {
        char gap_text[DURATION_TEXT_MAX], max_text[DURATION_TEXT_MAX];
        const config_setting_t *at = max == GOOD ? setting_find(group, "max") : gap;
        error_advice(mistake_at(reading, at, "is %s: a session of at most %s can't have a gap of %s",
                                max == GOOD ? "too short" : "too long", duration_text(window->max_ms, max_text),
                                duration_text(window->gap_ms, gap_text)),
                     max == GOOD ? "max of at least \"%s\", the gap" : "add max = \"%s\"; or more", gap_text);
    }
    return window->gap_ms;
}

static void read_ttl(struct reading *reading, const config_setting_t *group, int64_t extent, bool emit_good,
                     struct window_settings *window)
{
    int64_t ttl_ms = (extent + SECOND_MS - 1) / SECOND_MS * SECOND_MS + TTL_BEYOND_MS;
    enum outcome outcome = duration_read(reading, group, "ttl", SECOND_MS, TTL_MAX_MS, &ttl_ms);
    window->ttl_s = ttl_ms / SECOND_MS;
    if (outcome != GOOD)
        return; /* the default is longer than the window, and so than emit */
    const config_setting_t *setting = setting_find(group, "ttl");
    if (ttl_ms % SECOND_MS != 0) {
        error_advice(mistake_at(reading, setting, "is no number of whole seconds: Redis counts them"),
                     "\"%" PRId64 "s\"", window->ttl_s + 1);
    } else if (emit_good && ttl_ms <= window->emit_ms) {
        char emit[DURATION_TEXT_MAX];
        error_advice(mistake_at(reading, setting, "is not longer than emit: features would be gone between two writes"),
                     "longer than \"%s\", better twice that or more", duration_text(window->emit_ms, emit));
    }
}

/* How many changes go out at once: of a window, else what its lane says, else what the file says. */
static int64_t read_burst(struct reading *reading, const config_setting_t *group, int64_t burst)
{
    (void)integer_read(reading, group, "burst", 1, BURST_MAX, &burst);
    return burst;
}

static void read_window(struct reading *reading, const config_setting_t *group, int64_t burst, struct window_settings *window)
{
    static const struct known_setting known[] = {{"name", NULL},  {"length", NULL}, {"emit", NULL}, {"burst", NULL},
                                                 {"ttl", NULL},   {"gap", NULL},    {"max", NULL},  {"lateness", NULL},
                                                 {NULL, NULL}};
    static const char example[] = "{ name = \"5m\"; length = \"5m\"; }";
    *window = (struct window_settings){.max_ms = 12 * HOUR_MS,
                                       .lateness_ms = 300 * SECOND_MS,
                                       .emit_ms = SECOND_MS,
                                       .burst = burst,
                                       .place = setting_place(reading, group)};
    if (!is_group(reading, group, example))
        return;
    group_check(reading, group, known, NULL);
    enum outcome name = text_read(reading, group, "name", "5m", &window->name);
    if (name == ABSENT)
        error_advice(mistake_missing(reading, group, "name"), "a name, which ends the features' names: name = \"5m\";");
    else if (name == GOOD)
        (void)name_check(reading, setting_find(group, "name"), window->name);
    int64_t extent = read_extent(reading, group, window);
    enum outcome emit = duration_read(reading, group, "emit", 0, LENGTH_MAX_MS, &window->emit_ms);
    if (emit == GOOD && extent > 0 && window->emit_ms > extent) {
        char text[DURATION_TEXT_MAX];
        error_advice(mistake_at(reading, setting_find(group, "emit"), "is longer than the window's %s",
                                window->session ? "gap" : "length"),
                     "from \"0s\" (at once) to \"%s\"", duration_text(extent, text));
    }
    window->burst = read_burst(reading, group, burst);
    read_ttl(reading, group, extent, emit != BAD, window);
}

/* --- metric parsers --- */

static void read_metric(struct reading *reading, const config_setting_t *setting, struct metric_settings *metric)
{
    static const struct known_setting known[] = {{"metric", NULL},    {"params", NULL}, {"as", NULL},
                                                 {"shadow_of", NULL}, {"role", NULL},   {"prefix", NULL}, {NULL, NULL}};
    metric->place = metric->params.place = setting_place(reading, setting);
    if (config_setting_type(setting) == CONFIG_TYPE_STRING) {
        metric->name = metric->as = config_memory_text(reading->memory, config_setting_get_string(setting));
        (void)name_check(reading, setting, metric->name);
        return;
    }
    if (!is_group(reading, setting, "{ metric = \"product_views\"; }, or just \"product_views\""))
        return;
    group_check(reading, setting, known, NULL);
    enum outcome name = text_read(reading, setting, "metric", "product_views", &metric->name);
    if (name == ABSENT)
        error_advice(mistake_missing(reading, setting, "metric"),
                     "the name of a metric parser, as in metric = \"product_views\";");
    else if (name == GOOD)
        (void)name_check(reading, setting_find(setting, "metric"), metric->name);
    read_shadow(reading, setting, metric->name, &metric->as, &metric->shadow);
    read_params(reading, setting, &metric->params);
}

/* --- lanes --- */

/* The element of `list` that has the same name earlier, if any, is refused: "is here twice". `names` are those before. */
static void refuse_twin(struct reading *reading, const config_setting_t *list, int index, const char *member,
                        const char *name, const char *const *names, const char *what)
{
    if (name == NULL)
        return;
    for (int i = 0; i < index; i++) {
        if (names[i] == NULL || strcmp(names[i], name) != 0)
            continue;
        const config_setting_t *setting = config_setting_get_elem(list, (unsigned)index);
        const config_setting_t *inner = config_setting_is_group(setting) ? setting_find(setting, member) : NULL;
        struct config_place first = setting_place(reading, config_setting_get_elem(list, (unsigned)i));
        error_advice(
            mistake_at(reading, inner == NULL ? setting : inner, "is there already: no %s can be there twice", what),
            "keep one of the two, or give it another name%s; the first is in line %d",
            strcmp(member, "name") == 0 ? "" : " (as = \"NAME\";)", first.line);
        return;
    }
}

/* The list called `name`, which must hold something. */
static const config_setting_t *filled_list(struct reading *reading, const config_setting_t *group, const char *name,
                                           const char *example)
{
    if (setting_find(group, name) == NULL)
        error_advice(mistake_missing(reading, group, name), "at least one, as in %s", example);
    const config_setting_t *list = list_find(reading, group, name, example);
    if (list != NULL && config_setting_length(list) == 0)
        error_advice(mistake_at(reading, list, "is empty"), "at least one, as in %s", example);
    return list;
}

static void read_windows(struct reading *reading, const config_setting_t *group, int64_t burst, struct lane_settings *lane)
{
    const config_setting_t *list =
        filled_list(reading, group, "windows", "windows = ( { name = \"5m\"; length = \"5m\"; } );");
    int count = list == NULL ? 0 : config_setting_length(list);
    const char **names = config_memory_take(reading->memory, (size_t)count * sizeof *names);
    lane->window_count = (size_t)count;
    lane->windows = config_memory_take(reading->memory, lane->window_count * sizeof *lane->windows);
    for (int i = 0; i < count; i++) {
        read_window(reading, config_setting_get_elem(list, (unsigned)i), burst, &lane->windows[i]);
        names[i] = lane->windows[i].name;
        refuse_twin(reading, list, i, "name", names[i], names, "window of a lane");
    }
}

static void read_metrics(struct reading *reading, const config_setting_t *group, struct lane_settings *lane)
{
    const config_setting_t *list = filled_list(reading, group, "metrics", "metrics = ( \"product_views\" );");
    int count = list == NULL ? 0 : config_setting_length(list);
    const char **names = config_memory_take(reading->memory, (size_t)count * sizeof *names);
    const struct shadow_settings **shadows = config_memory_take(reading->memory, (size_t)count * sizeof *shadows);
    lane->metric_count = (size_t)count;
    lane->metrics = config_memory_take(reading->memory, lane->metric_count * sizeof *lane->metrics);
    for (int i = 0; i < count; i++) {
        read_metric(reading, config_setting_get_elem(list, (unsigned)i), &lane->metrics[i]);
        names[i] = lane->metrics[i].as;
        shadows[i] = &lane->metrics[i].shadow;
        refuse_twin(reading, list, i, "metric", names[i], names, "metric parser of a lane");
    }
    check_shadows(reading, list, &(struct shadow_list){names, shadows, lane->metric_count, "metric parser of the same lane"});
}

static void read_lane(struct reading *reading, const config_setting_t *group, int64_t burst, struct lane_settings *lane)
{
    static const struct known_setting known[] = {
        {"lane", NULL}, {"params", NULL},    {"windows", NULL}, {"metrics", NULL}, {"as", NULL},
        {"role", NULL}, {"shadow_of", NULL}, {"prefix", NULL},  {"burst", NULL},   {"key_records", NULL}, {"rest", NULL}, {NULL, NULL}};
    lane->place = setting_place(reading, group);
    if (!is_group(reading, group, "{ lane = \"product\"; windows = ( ... ); metrics = ( ... ); }"))
        return;
    group_check(reading, group, known, NULL);
    enum outcome name = text_read(reading, group, "lane", "product", &lane->name);
    if (name == ABSENT)
        error_advice(mistake_missing(reading, group, "lane"), "the name of a lane, as in lane = \"product\";");
    else if (name == GOOD)
        (void)name_check(reading, setting_find(group, "lane"), lane->name);
    read_shadow(reading, group, lane->name, &lane->as, &lane->shadow);
    read_params(reading, group, &lane->params);
    (void)integer_read(reading, group, "key_records", KEY_RECORDS_LEAST, KEY_RECORDS_MOST, &lane->key_records);
    (void)duration_read(reading, group, "rest", SECOND_MS, LENGTH_MAX_MS, &lane->rest_ms);
    read_windows(reading, group, read_burst(reading, group, burst), lane);
    read_metrics(reading, group, lane);
}

void read_lanes(struct reading *reading, const config_setting_t *root, struct config *config)
{
    const config_setting_t *list = filled_list(
        reading, root, "lanes", "lanes = ( { lane = \"product\"; windows = ( ... ); metrics = ( ... ); } );");
    int64_t burst = read_burst(reading, root, BURST_DEFAULT);
    int count = list == NULL ? 0 : config_setting_length(list);
    const char **names = config_memory_take(reading->memory, (size_t)count * sizeof *names);
    const struct shadow_settings **shadows = config_memory_take(reading->memory, (size_t)count * sizeof *shadows);
    config->lane_count = (size_t)count;
    config->lanes = config_memory_take(reading->memory, config->lane_count * sizeof *config->lanes);
    for (int i = 0; i < count; i++) {
        read_lane(reading, config_setting_get_elem(list, (unsigned)i), burst, &config->lanes[i]);
        names[i] = config->lanes[i].as;
        shadows[i] = &config->lanes[i].shadow;
        refuse_twin(reading, list, i, "lane", names[i], names, "lane");
    }
    check_shadows(reading, list, &(struct shadow_list){names, shadows, config->lane_count, "lane"});
}
