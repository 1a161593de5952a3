/* plugin_describe.c - see plugin_describe.h. */
#include "plugin/plugin_describe.h"

#include "plugin/plugin_table.h"
#include "plugin/spelling.h"

static void put_fields(struct buffer *out, const char *title, const sl_field *fields)
{
    buffer_printf(out, "  %s\n", title);
    for (const sl_field *field = fields; field->name != NULL; field++)
        buffer_printf(out, "    %-24s %-7s %s\n", field->name, plugin_type_word(field->type), field->help);
}

static void put_params(struct buffer *out, const sl_param *params)
{
    if (params == NULL || params->name == NULL)
        return;
    buffer_printf(out, "  parameters\n");
    for (const sl_param *param = params; param->name != NULL; param++) {
        buffer_printf(out, "    %-24s %-7s ", param->name, plugin_type_word(param->type));
        if (param->type == SL_BOOL)
            buffer_printf(out, "%s", param->default_number != 0 ? "true" : "false");
        else if (param->type == SL_TEXT || param->type == SL_CHOICE)
            buffer_printf(out, "\"%s\"", param->default_text);
        else
            buffer_printf(out, "%.15g (%.15g to %.15g)", param->default_number, param->min, param->max);
        for (size_t i = 0; param->type == SL_CHOICE && param->choices[i] != NULL; i++)
            buffer_printf(out, "%s%s", i == 0 ? " of " : ", ", param->choices[i]);
        buffer_printf(out, "; %s\n", param->help);
    }
}

void lane_describe(const sl_plugin *plugin, struct buffer *out)
{
    const sl_lane *lane = plugin->lane;
    buffer_printf(out, "lane %s %s (SDK %u.%u): %s\n  key %s, record of %zu bytes\n  events ", lane->name,
                  lane->version, plugin->sdk_major, plugin->sdk_minor, lane->summary, lane_key_word(lane),
                  lane->record_size);
    for (size_t i = 0; lane->events[i] != NULL; i++)
        buffer_printf(out, "%s%s", i == 0 ? "" : ", ", lane->events[i]);
    buffer_printf(out, "\n");
    put_fields(out, "publishes", lane->values);
    put_params(out, lane->params);
    lane_spelling(lane, out);
}

void metric_describe(const sl_plugin *plugin, struct buffer *out)
{
    const sl_metric *metric = plugin->metric;
    buffer_printf(out, "metric parser %s %s (SDK %u.%u): %s\n", metric->name, metric->version, plugin->sdk_major,
                  plugin->sdk_minor, metric->summary);
    put_fields(out, "needs", metric->needs);
    for (const sl_need *need = metric->more_needs; need != NULL && need->field.name != NULL; need++)
        buffer_printf(out, "    %-24s %-7s of %s%s%s%s\n", need->field.name, plugin_type_word(need->field.type),
                      need->lane != NULL ? "lane " : "the lane", need->lane != NULL ? need->lane : "",
                      need->window != NULL ? ", window " : "", need->window != NULL ? need->window : "");
    buffer_printf(out, "  makes\n");
    for (const sl_feature *feature = metric->features; feature->name != NULL; feature++)
        buffer_printf(out, "    %-24s %-7s %s\n", feature->name, plugin_type_word(feature->type), feature->help);
    put_params(out, metric->params);
}
