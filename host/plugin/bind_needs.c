/* bind_needs.c - see bind_needs.h. */
#include "plugin/bind_needs.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct binding_needs {
    struct lane_set *set;
    struct set_lane *lane; /* the parser's own */
    struct bound_metric *metric;
    const sl_need *need;
    const struct config_place *place;
    struct error_list *errors;
};

static void add_name(char list[400], const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_name(char list[400], const char *format, ...)
{
    size_t used = strlen(list);
    va_list arguments;
    used += (size_t)snprintf(list + used, 400 - used, "%s", used == 0 ? "" : ", ");
    va_start(arguments, format);
    if (used < 400)
        (void)vsnprintf(list + used, 400 - used, format, arguments);
    va_end(arguments);
}

/* What is wrong, and a list of what is there. */
static void refuse(const struct binding_needs *binding, const char *why, const char *before, const char *list)
{
    struct error *error = error_list_add(binding->errors);
    const sl_need *need = binding->need;
    error_what(error, "metric parser \"%s\" needs a value \"%s: %s\" of lane \"%s\"%s%s%s, %s",
               binding->metric->table->name, need->field.name, plugin_type_word(need->field.type),
               need->lane != NULL ? need->lane : binding->lane->name, need->window == NULL ? "" : ", window \"",
               need->window == NULL ? "" : need->window, need->window == NULL ? "" : "\"", why);
    error_found(error, "%s:%d", binding->place->file, binding->place->line);
    error_advice(error, "%s%s", before, list);
}

/* By what the configuration calls it; of a lane that is there once, by its plugin's name too. */
static struct set_lane *find_lane(const struct binding_needs *binding)
{
    const struct lane_set *set = binding->set;
    if (binding->need->lane == NULL)
        return binding->lane;
    struct set_lane *by_plugin = NULL;
    for (struct set_lane *lane = set->lanes; lane < set->lanes + set->lane_count; lane++) {
        if (strcmp(lane->name, binding->need->lane) == 0)
            return lane;
        if (strcmp(lane->table->name, binding->need->lane) == 0 && !lane->shadow)
            by_plugin = lane;
    }
    return by_plugin;
}

static bool same_keys(const struct set_lane *one, const struct set_lane *other)
{
    return strcmp(lane_key_word(one->table), lane_key_word(other->table)) == 0;
}

static bool bind_window(const struct binding_needs *binding, const struct set_lane *from, struct other_need *to)
{
    for (size_t w = 0; w < binding->lane->window_count; w++) {
        const char *name =
            binding->need->window != NULL ? binding->need->window : binding->lane->windows[w].settings.name;
        size_t found = 0;
        while (found < from->window_count && strcmp(from->windows[found].settings.name, name) != 0)
            found++;
        if (found == from->window_count) {
            char list[400] = "", why[200];
            for (size_t i = 0; i < from->window_count; i++)
                add_name(list, "%s", from->windows[i].settings.name);
            (void)snprintf(why, sizeof why, "which has no window \"%.100s\" there", name);
            refuse(binding, why, "name one in that lane's `windows`; it has ", list);
            return false;
        }
        to->windows[w] = (uint8_t)found;
    }
    return true;
}

static bool bind_value(const struct binding_needs *binding, const struct set_lane *from, struct other_need *to)
{
    const sl_field *need = &binding->need->field, *value = from->table->values;
    while (value->name != NULL && strcmp(value->name, need->name) != 0)
        value++;
    bool narrowed = value->name != NULL && value->type == SL_SUM && need->type == SL_MONEY;
    if (value->name != NULL && (value->type == need->type || narrowed)) {
        to->binding = (struct binding){value->offset, need->offset, need->size, narrowed};
        return true;
    }
    char list[400] = "";
    for (const sl_field *has = from->table->values; has->name != NULL; has++)
        add_name(list, "%s: %s", has->name, plugin_type_word(has->type));
    refuse(binding, "which does not publish it", "it publishes ", list);
    return false;
}

static void bind_one(const struct binding_needs *binding)
{
    struct set_lane *from = find_lane(binding);
    if (from == NULL || !same_keys(from, binding->lane)) {
        char list[400] = "";
        for (const struct set_lane *lane = binding->set->lanes; lane < binding->set->lanes + binding->set->lane_count;
             lane++)
            if (same_keys(lane, binding->lane))
                add_name(list, "%s", lane->name);
        refuse(binding, from == NULL ? "which the configuration does not have" : "which has another kind of key",
               "add it to `lanes`; of this kind of key there are ", list);
        return;
    }
    struct other_need *to = &binding->metric->others[binding->metric->other_count];
    to->lane = (uint8_t)(from - binding->set->lanes);
    if (!bind_value(binding, from, to) || !bind_window(binding, from, to))
        return;
    binding->metric->other_count++;
    binding->lane->has_needs = true;
    from->dependents |= (uint64_t)1 << (binding->lane - binding->set->lanes);
}

/* Does it need a lane that was taken out? */
static bool lacks(struct binding_needs *binding, const struct config *config, size_t count)
{
    for (size_t n = 0; n < count; n++) {
        binding->need = &binding->metric->table->more_needs[n];
        for (size_t i = 0; i < config->left_out_count && find_lane(binding) == NULL; i++)
            if (strcmp(config->left_out[i], binding->need->lane) == 0) {
                log_warn(
                    "metric parser \"%s\" of lane \"%s\" is off: lane \"%s\", whose values it needs, is in quarantine",
                    binding->metric->name, binding->lane->name, binding->need->lane);
                return true;
            }
    }
    return false;
}

void bind_needs(struct lane_set *set, const struct config *config, const size_t *from, struct error_list *errors)
{
    for (size_t i = 0; i < set->lane_count; i++)
        for (size_t m = 0; m < set->lanes[i].metric_count; m++) {
            struct bound_metric *metric = &set->lanes[i].metrics[m];
            struct binding_needs binding = {.set = set,
                                            .lane = &set->lanes[i],
                                            .metric = metric,
                                            .place = &config->lanes[from[i]].place,
                                            .errors = errors};
            size_t count = 0;
            while (metric->table->more_needs != NULL && metric->table->more_needs[count].field.name != NULL)
                count++;
            metric->off = count > 0 && lacks(&binding, config, count);
            if (count == 0 || metric->off)
                continue;
            metric->others = memory_new(count * sizeof *metric->others);
            for (size_t n = 0; n < count; n++) {
                binding.need = &metric->table->more_needs[n];
                bind_one(&binding);
            }
        }
}
