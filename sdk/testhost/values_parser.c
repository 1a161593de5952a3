/* values_parser.c - see values_parser.h. */
#include "testhost/values_parser.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct part {
    sl_metric metric; /* its `self` is the part */
    sl_feature features[METRIC_FEATURES_MAX + 1];
    const sl_field *fields; /* the lane's, from here on */
    size_t count;
};

struct values_parser {
    struct lane_set *set;
    struct part parts[METRICS_MAX];
    size_t count;
};

static sl_cell cell_of(sl_scratch *scratch, const sl_field *field, const char *value)
{
    int32_t number;
    int64_t wide;
    sl_cell cell = {.type = field->type};
    switch (field->type) {
    case SL_U8: return sl_cell_i64(*(const unsigned char *)value);
    case SL_I32: memcpy(&number, value, sizeof number); return sl_cell_i64(number);
    case SL_BOOL: memcpy(&cell.as.flag, value, sizeof cell.as.flag); break;
    case SL_I64:
    case SL_MONEY:
        memcpy(&wide, value, sizeof wide);
        cell.as.i64 = wide;
        break;
    case SL_F64: memcpy(&cell.as.f64, value, sizeof cell.as.f64); break;
    case SL_TEXT: memcpy(&cell.as.text, value, sizeof cell.as.text); break;
    case SL_COUNTS: memcpy(&cell.as.counts, value, sizeof cell.as.counts); break;
    case SL_SUM: return sl_cell_sum(scratch, (const sl_sum *)(const void *)value);
    case SL_LIST: memcpy(&cell.as.list, value, sizeof cell.as.list); break;
    default: return sl_cell_absent();
    }
    return cell;
}

static void compute(const void *self, sl_scratch *scratch, const sl_window *window, const void *values, sl_cell *out)
{
    const struct part *part = self;
    (void)window;
    for (size_t i = 0; i < part->count; i++)
        out[i] = cell_of(scratch, &part->fields[i], (const char *)values + part->fields[i].offset);
}

static void put_on_part(struct part *part, struct set_lane *lane, const sl_field *fields)
{
    static const char help[] = "a value of the lane";
    part->fields = fields;
    for (; fields->name != NULL && part->count < METRIC_FEATURES_MAX; fields++) {
        sl_type type = fields->type == SL_U8 || fields->type == SL_I32 ? SL_I64 : fields->type;
        part->features[part->count++] = (sl_feature){fields->name, type, help};
    }
    part->metric = (sl_metric){.struct_size = sizeof part->metric,
                               .name = "values",
                               .version = "1",
                               .summary = help,
                               .values_size = lane->table->values_size,
                               .needs = lane->table->values,
                               .features = part->features,
                               .compute = compute};
    struct bound_metric *bound = &lane->metrics[lane->metric_count++];
    *bound = (struct bound_metric){.table = &part->metric,
                                   .self = part,
                                   .feature_count = part->count,
                                   .binding_count = 1,
                                   .name = "values",
                                   .key_prefix = memory_text(lane->key_prefix),
                                   .key_prefix_size = strlen(lane->key_prefix)};
    bound->bindings = memory_new(sizeof *bound->bindings);
    *bound->bindings = (struct binding){.size = (uint32_t)lane->table->values_size};
    lane->feature_count += part->count;
}

static void name_features(struct set_lane *lane)
{
    for (struct lane_window *window = lane->windows; window < lane->windows + lane->window_count; window++) {
        window->suffixes = memory_resize(window->suffixes, (lane->feature_count + 1) * sizeof *window->suffixes);
        size_t feature = 0;
        for (size_t m = 0; m < lane->metric_count; m++)
            for (size_t f = 0; f < lane->metrics[m].feature_count; f++) {
                char *suffix = memory_format(":%s_%s", lane->metrics[m].table->features[f].name, window->settings.name);
                window->suffixes[feature++] = (sl_view){suffix, strlen(suffix)};
            }
    }
}

struct values_parser *values_parser_put_on(struct lane_set *set)
{
    struct values_parser *parser = memory_new(sizeof *parser);
    struct set_lane *lane = &set->lanes[0];
    parser->set = set;
    for (const sl_field *fields = lane->table->values; fields->name != NULL && parser->count < METRICS_MAX;) {
        struct part *part = &parser->parts[parser->count++];
        put_on_part(part, lane, fields);
        fields += part->count;
    }
    name_features(lane);
    return parser;
}

void values_parser_take_off(struct values_parser *parser)
{
    struct set_lane *lane = &parser->set->lanes[0];
    for (size_t m = 0; m < lane->metric_count; m++)
        lane->metrics[m].self = NULL; /* ours, not to be freed with the set */
    free(parser);
}
