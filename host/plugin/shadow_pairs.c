/* shadow_pairs.c - see shadow_pairs.h. */
#include "plugin/shadow_pairs.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* "next" has other keys than "product" */
static void wrong(struct error_list *errors, const struct shadow_settings *shadow, const char *name, const char *what,
                  const char *with, const char *advice)
{
    struct error *error = error_list_add(errors);
    error_what(error, "\"%s\" %s \"%s\"", name, what, with);
    error_found(error, "%s:%d", shadow->place.file, shadow->place.line);
    error_advice(error, "%s", advice);
}

/* ---- roles ---- */

/* Of those that stand beside `of`, itself among them, the one that writes. Names by index, as are their settings. */
static size_t writer_of(const struct shadow_settings *const *shadows, const char *const *names, size_t count, const char *of)
{
    size_t writer = count;
    for (size_t i = 0; i < count; i++) {
        if (shadows[i]->of != NULL && shadows[i]->live && strcmp(shadows[i]->of, of) == 0)
            return i;
        if (names[i] != NULL && strcmp(names[i], of) == 0)
            writer = i;
    }
    return writer;
}

/* What they all stand beside; NULL: nothing, and nothing beside it. */
static const char *middle_of(const struct shadow_settings *const *shadows, const char *const *names, size_t count,
                             size_t number)
{
    if (shadows[number]->of != NULL)
        return shadows[number]->of;
    for (size_t i = 0; i < count; i++)
        if (shadows[i]->of != NULL && names[number] != NULL && strcmp(shadows[i]->of, names[number]) == 0)
            return names[number];
    return NULL;
}

/* Who each is compared with: `count` where that is nobody. */
static void find_partners(const struct shadow_settings *const *shadows, const char *const *names, size_t count,
                          size_t *partners)
{
    for (size_t i = 0; i < count; i++) {
        const char *middle = middle_of(shadows, names, count, i);
        size_t writer = middle == NULL ? count : writer_of(shadows, names, count, middle);
        partners[i] = writer == i ? count : writer;
    }
}

static void refuse_prefix(const struct lane_set *set, const struct shadow_settings *shadow, struct error_list *errors)
{
    for (size_t i = 0; i < set->lane_count; i++) {
        if (set->lanes[i].table->key != SL_KEY_OWN || strcmp(lane_key_word(set->lanes[i].table), shadow->prefix) != 0)
            continue; /* the host's own words are refused where the configuration is read */
        wrong(errors, shadow, shadow->prefix, "is a prefix, and what the keys begin with of lane", set->lanes[i].name,
              "another word: prefix = \"next\";");
        return;
    }
}

static char *prefixed(const struct shadow_settings *shadow, const char *key_prefix)
{
    return shadow->prefix == NULL ? memory_text(key_prefix) : memory_format("%s:%s", shadow->prefix, key_prefix);
}

struct partners {
    size_t lanes[LANES_MAX], metrics[METRICS_MAX];
};

static void find_lane_partners(const struct lane_set *set, const struct config *config, const size_t *from, size_t *partners)
{
    const struct shadow_settings *shadows[LANES_MAX] = {NULL};
    const char *names[LANES_MAX] = {NULL};
    for (size_t i = 0; i < set->lane_count; i++) {
        shadows[i] = &config->lanes[from[i]].shadow;
        names[i] = set->lanes[i].name;
    }
    find_partners(shadows, names, set->lane_count, partners);
}

/* A lane's parsers are those of its settings that could be loaded, in their order. */
static const struct metric_settings *settings_of(const struct lane_settings *lane, const struct bound_metric *metric)
{
    for (size_t i = 0; i < lane->metric_count; i++)
        if (lane->metrics[i].as == metric->name || (lane->metrics[i].as == NULL && lane->metrics[i].name == metric->name))
            return &lane->metrics[i];
    return NULL;
}

static void find_metric_partners(const struct set_lane *lane, const struct lane_settings *settings, size_t *partners)
{
    const struct shadow_settings *shadows[METRICS_MAX] = {NULL};
    const char *names[METRICS_MAX] = {NULL};
    for (size_t m = 0; m < lane->metric_count; m++) {
        shadows[m] = &settings_of(settings, &lane->metrics[m])->shadow;
        names[m] = lane->metrics[m].name;
    }
    find_partners(shadows, names, lane->metric_count, partners);
}

void shadow_roles(struct lane_set *set, const struct config *config, const size_t *from, struct error_list *errors)
{
    struct partners partners;
    find_lane_partners(set, config, from, partners.lanes);
    for (size_t i = 0; i < set->lane_count; i++) {
        struct set_lane *lane = &set->lanes[i];
        const struct lane_settings *settings = &config->lanes[from[i]];
        lane->shadow = partners.lanes[i] < set->lane_count || (settings->shadow.of != NULL && !settings->shadow.live);
        lane->silent = lane->shadow && settings->shadow.prefix == NULL;
        char *plain = memory_format("%s:", lane_key_word(lane->table));
        lane->key_prefix = lane->shadow ? prefixed(&settings->shadow, plain) : memory_text(plain);
        free(plain);
        if (settings->shadow.prefix != NULL)
            refuse_prefix(set, &settings->shadow, errors);
        find_metric_partners(lane, settings, partners.metrics);
        for (size_t m = 0; m < lane->metric_count; m++) {
            struct bound_metric *metric = &lane->metrics[m];
            const struct shadow_settings *shadow = &settings_of(settings, metric)->shadow;
            metric->shadow = partners.metrics[m] < lane->metric_count || (shadow->of != NULL && !shadow->live);
            metric->silent = lane->silent || (metric->shadow && shadow->prefix == NULL);
            metric->key_prefix = metric->shadow ? prefixed(shadow, lane->key_prefix) : memory_text(lane->key_prefix);
            metric->key_prefix_size = strlen(metric->key_prefix);
            if (shadow->prefix != NULL)
                refuse_prefix(set, shadow, errors);
        }
    }
}

/* ---- pairs ---- */

static bool is_number(sl_type type) { return type == SL_BOOL || type == SL_I64 || type == SL_F64 || type == SL_MONEY || type == SL_SUM; }

/* A feature of a lane, by its number: its parser, and its declaration. */
static const sl_feature *feature_of(const struct set_lane *lane, size_t feature, size_t *metric)
{
    for (*metric = 0; feature >= lane->metrics[*metric].feature_count; ++*metric)
        feature -= lane->metrics[*metric].feature_count;
    return &lane->metrics[*metric].table->features[feature];
}

static void add_column(struct shadow_pair *pair, const struct set_lane *live, const struct set_lane *shadow,
                       const struct shadow_column *column)
{
    size_t metric;
    pair->columns = memory_resize(pair->columns, (pair->column_count + 1) * sizeof *pair->columns);
    struct shadow_column *to = &pair->columns[pair->column_count++];
    *to = *column;
    to->name = live->windows[column->live_window].suffixes[column->live_feature].data + 1;
    to->number = is_number(feature_of(live, column->live_feature, &metric)->type) &&
                 is_number(feature_of(shadow, column->shadow_feature, &metric)->type);
}

/* Is this feature one that the pair compares? Of lanes what their parsers that are no shadows make; of parsers their own. */
static bool belongs(const struct set_lane *lane, size_t feature, size_t metric)
{
    size_t of;
    (void)feature_of(lane, feature, &of);
    return metric == SIZE_MAX ? !lane->metrics[of].shadow : of == metric;
}

static void find_columns(struct lane_set *set, struct shadow_pair *pair, size_t live_metric, size_t shadow_metric)
{
    const struct set_lane *live = &set->lanes[pair->live], *shadow = &set->lanes[pair->shadow];
    size_t of;
    for (size_t lw = 0; lw < live->window_count; lw++)
        for (size_t sw = 0; sw < shadow->window_count; sw++) {
            if (strcmp(live->windows[lw].settings.name, shadow->windows[sw].settings.name) != 0)
                continue;
            for (size_t lf = 0; lf < live->feature_count; lf++)
                for (size_t sf = 0; sf < shadow->feature_count; sf++) {
                    const struct shadow_column column = {NULL, lw, lf, sw, sf, false};
                    if (belongs(live, lf, live_metric) && belongs(shadow, sf, shadow_metric) &&
                        strcmp(feature_of(live, lf, &of)->name, feature_of(shadow, sf, &of)->name) == 0)
                        add_column(pair, live, shadow, &column);
                }
        }
}

static void add_pair(struct lane_set *set, const struct shadow_pair *pair, size_t live_metric, size_t shadow_metric,
                     const struct shadow_settings *shadow, struct error_list *errors)
{
    const struct set_lane *live = &set->lanes[pair->live], *other = &set->lanes[pair->shadow];
    if (set->pair_count == SHADOW_PAIRS_MAX) {
        wrong(errors, shadow, pair->shadow_name, "is one shadow too many, beside", pair->live_name, "at most 64 of them");
        return;
    }
    if (live->table->key != other->table->key || strcmp(lane_key_word(live->table), lane_key_word(other->table)) != 0) {
        wrong(errors, shadow, pair->shadow_name, "has other keys than", pair->live_name,
              "lanes of the same key can be compared");
        return;
    }
    if (live->window_count > 0 && other->window_count > 0 && live->session != other->session) {
        wrong(errors, shadow, pair->shadow_name, "has other kinds of windows than", pair->live_name,
              "both a session window, or both rolling ones");
        return;
    }
    set->pairs = memory_resize(set->pairs, (set->pair_count + 1) * sizeof *set->pairs);
    struct shadow_pair *added = &set->pairs[set->pair_count];
    *added = *pair;
    find_columns(set, added, live_metric, shadow_metric);
    set->lanes[pair->live].pairs |= UINT64_C(1) << set->pair_count;
    set->lanes[pair->shadow].pairs |= UINT64_C(1) << set->pair_count++;
    if (added->column_count == 0)
        wrong(errors, shadow, pair->shadow_name, "has no feature in common with", pair->live_name,
              "windows and features of the same names are compared");
}

/* The settings that made them a pair: the shadow's, or those of the one that took its place. */
static const struct shadow_settings *said_by(const struct shadow_settings *shadow, const struct shadow_settings *live)
{
    return shadow->of != NULL ? shadow : live;
}

void shadow_pairs_make(struct lane_set *set, const struct config *config, const size_t *from, struct error_list *errors)
{
    struct partners partners;
    find_lane_partners(set, config, from, partners.lanes);
    for (size_t i = 0; i < set->lane_count; i++) {
        const struct lane_settings *settings = &config->lanes[from[i]];
        size_t live = partners.lanes[i];
        if (live < set->lane_count)
            add_pair(set,
                     &(struct shadow_pair){
                         .live = live, .shadow = i, .live_name = set->lanes[live].name, .shadow_name = set->lanes[i].name},
                     SIZE_MAX, SIZE_MAX, said_by(&settings->shadow, &config->lanes[from[live]].shadow), errors);
        const struct set_lane *lane = &set->lanes[i];
        find_metric_partners(lane, settings, partners.metrics);
        for (size_t m = 0; m < lane->metric_count; m++) {
            size_t other = partners.metrics[m];
            if (other < lane->metric_count)
                add_pair(
                    set,
                    &(struct shadow_pair){
                        .live = i, .shadow = i, .live_name = lane->metrics[other].name, .shadow_name = lane->metrics[m].name},
                    other, m,
                    said_by(&settings_of(settings, &lane->metrics[m])->shadow,
                            &settings_of(settings, &lane->metrics[other])->shadow),
                    errors);
        }
    }
}

void shadow_pairs_free(struct lane_set *set)
{
    for (size_t i = 0; i < set->pair_count; i++)
        free(set->pairs[i].columns);
    free(set->pairs);
}
