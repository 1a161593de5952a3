/* spelling.c - see spelling.h. */
#include "plugin/spelling.h"

#include "config/near_miss.h"
#include "snowplow/vocabulary.h"

#include <stdio.h>
#include <string.h>

/* A name with a vendor is of the shop's own. */
static void look_at_event(const char *name, struct buffer *out)
{
    if (strchr(name, '/') != NULL || vocabulary_has(vocabulary_events, name))
        return;
    const char *near = near_miss(name, vocabulary_events);
    if (near == NULL)
        return;
    buffer_printf(out, "  warning  it wants \"%s\", an event that none of Snowplow's trackers sends\n    do this  nearest: %s\n", name, near);
}

/* "product[0].prize": the fields of Snowplow's own entities are known. */
static void look_at_input(const sl_input *input, struct buffer *out)
{
    const char *bracket = strchr(input->path, '['), *dot = bracket == NULL ? NULL : strstr(bracket, "].");
    char field[64];
    if (dot == NULL || sscanf(dot + 2, "%63[A-Za-z0-9_]", field) != 1)
        return;
    for (const struct vocabulary_schema *schema = vocabulary_schemas; schema->name != NULL; schema++) {
        size_t size = strlen(schema->name);
        if (schema->event || schema->fields == NULL || (size_t)(bracket - input->path) != size ||
            strncmp(input->path, schema->name, size) != 0 || vocabulary_has(schema->fields, field))
            continue;
        const char *near = near_miss(field, schema->fields);
        buffer_printf(out, "  warning  its input \"%s\" reads %s, and Snowplow's schema %s has no field \"%s\"\n", input->name, input->path,
                      schema->name, field);
        if (near != NULL)
            buffer_printf(out, "    do this  nearest: %s\n", near);
        return;
    }
}

void lane_spelling(const sl_lane *lane, struct buffer *out)
{
    for (const char *const *event = lane->events; *event != NULL; event++)
        look_at_event(*event, out);
    for (const sl_input *input = lane->inputs; input != NULL && input->name != NULL; input++)
        look_at_input(input, out);
}
