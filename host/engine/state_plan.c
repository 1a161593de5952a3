/* state_plan.c - see state_plan.h. */
#include "engine/state_plan.h"

#include "base/memory.h"
#include "engine/shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the schema of a lane as it is configured now ---- */

static void put_setting(struct buffer *out, const sl_param *param, const char *self)
{
    const char *at = self + param->offset;
    switch (param->type) {
    case SL_BOOL: buffer_printf(out, " %s=%d", param->name, *(const bool *)(const void *)at); break;
    case SL_I64:
    case SL_MONEY: buffer_printf(out, " %s=%lld", param->name, (long long)*(const int64_t *)(const void *)at); break;
    case SL_F64: buffer_printf(out, " %s=%.17g", param->name, *(const double *)(const void *)at); break;
    case SL_CHOICE: buffer_printf(out, " %s=%s", param->name, param->choices[*(const int32_t *)(const void *)at]); break;
    case SL_TEXT: {
        const char *text = *(const char *const *)(const void *)at;
        buffer_printf(out, " %s=", param->name);
        buffer_json_text(out, text == NULL ? "" : text, text == NULL ? 0 : strlen(text)); /* one line, whatever is in it */
        break;
    }
    default: break;
    }
}

/* All that decides what extract fills in. */
static char *source_text(const struct set_lane *lane)
{
    const sl_lane *table = lane->table;
    struct buffer out = {0};
    buffer_literal(&out, "events");
    for (size_t i = 0; table->events[i] != NULL; i++)
        buffer_printf(&out, " %s", table->events[i]);
    buffer_literal(&out, "; inputs");
    for (const sl_input *input = table->inputs; input != NULL && input->name != NULL; input++)
        buffer_printf(&out, " %s=%s", input->name, input->path);
    buffer_literal(&out, "; settings");
    for (const sl_param *param = table->params; lane->self != NULL && param != NULL && param->name != NULL; param++)
        put_setting(&out, param, lane->self);
    buffer_printf(&out, "; version %u", (unsigned)table->record_version);
    if (table->bucket_ms != 0) /* of what has no bucket nothing is said: sources that were written before there were any fit */
        buffer_printf(&out, "; bucket %lld", (long long)table->bucket_ms);
    buffer_byte(&out, '\0');
    for (char *at = out.data; *at != '\0'; at++) /* a plugin's names may hold anything: it stays one line */
        if ((unsigned char)*at < ' ')
            *at = ' ';
    return out.data;
}

static void schema_of(struct record_schema *schema, const struct set_lane *lane)
{
    *schema = (struct record_schema){.record_size = (uint32_t)lane->table->record_size};
    (void)snprintf(schema->key, sizeof schema->key, "%s", lane_key_word(lane->table));
    for (const sl_field *field = lane->table->record; field->name != NULL && schema->field_count < SCHEMA_FIELDS_MAX; field++) {
        struct schema_field *to = &schema->fields[schema->field_count++];
        *to = (struct schema_field){.type = field->type, .offset = field->offset, .size = field->size};
        (void)snprintf(to->name, sizeof to->name, "%s", field->name);
    }
    schema->source = source_text(lane);
}

/* ---- what becomes of each ---- */

static const struct manifest_lane *find_lane(const struct manifest *manifest, const char *name)
{
    for (size_t i = 0; manifest != NULL && i < manifest->lane_count; i++)
        if (strcmp(manifest->lanes[i].name, name) == 0)
            return &manifest->lanes[i];
    return NULL;
}

static void say_hours(char *out, size_t size, int64_t ms)
{
    if (ms % 3600000 == 0)
        (void)snprintf(out, size, "%lld h", (long long)(ms / 3600000));
    else
        (void)snprintf(out, size, "%lld s", (long long)(ms / 1000));
}

static void decide(struct lane_plan *plan, const struct set_lane *lane, const struct manifest *manifest)
{
    struct error why = {0};
    char was[32], is[32];
    schema_of(&plan->schema, lane);
    if (manifest == NULL)
        return;
    plan->from = find_lane(manifest, lane->name);
    if (plan->from == NULL) {
        plan->fate = FATE_FILLED;
        (void)snprintf(plan->reason, sizeof plan->reason, "it is new");
        return;
    }
    enum schema_fit fit = record_schema_compare(&plan->from->schema, &plan->schema, &plan->copy, &why);
    plan->fate = fit == SCHEMA_SAME ? FATE_KEPT : fit == SCHEMA_COPIED ? FATE_COPIED : FATE_FILLED;
    (void)snprintf(plan->reason, sizeof plan->reason, "%s%s", fit == SCHEMA_NEITHER ? "its records can't be kept: " : "", why.what);
    if (fit != SCHEMA_NEITHER && plan->from->condition == LANE_FILLING) {
        plan->fate = FATE_FILLED;
        (void)snprintf(plan->reason, sizeof plan->reason, "filling it had not come to its end");
    } else if (fit != SCHEMA_NEITHER && plan->from->longest_ms < lane_keep_ms(lane)) {
        plan->fate = FATE_FILLED;
        say_hours(was, sizeof was, plan->from->longest_ms);
        say_hours(is, sizeof is, lane_keep_ms(lane));
        (void)snprintf(plan->reason, sizeof plan->reason, "its records go back %s, its windows need %s", was, is);
    } else if (fit != SCHEMA_NEITHER && plan->from->condition == LANE_OFF) {
        plan->fate = FATE_RESUMED;
        (void)snprintf(plan->reason, sizeof plan->reason, "it was switched off%s%s", why.what[0] == '\0' ? "" : "; ", why.what);
    }
    if (plan->fate == FATE_FILLED)
        plan->from = NULL;
}

void state_plan_make(struct state_plan *plan, const struct lane_set *set, const struct manifest *manifest)
{
    *plan = (struct state_plan){.set = set, .manifest = manifest};
    plan->lanes = memory_new((set->lane_count + 1) * sizeof *plan->lanes);
    for (size_t i = 0; i < set->lane_count; i++) {
        decide(&plan->lanes[i], &set->lanes[i], manifest);
        if (plan->lanes[i].fate == FATE_FILLED || plan->lanes[i].fate == FATE_RESUMED)
            plan->to_fill |= UINT64_C(1) << i;
    }
}

void state_plan_mend(struct state_plan *plan, int64_t ahead_ms)
{
    plan->write_again = true;
    for (size_t i = 0; i < plan->set->lane_count; i++) {
        struct lane_plan *lane = &plan->lanes[i];
        if (lane_keep_ms(&plan->set->lanes[i]) / 16 > ahead_ms)
            continue;
        lane->fate = FATE_FILLED;
        lane->from = NULL;
        (void)snprintf(lane->reason, sizeof lane->reason, "the clock was ahead, and records went before their time");
        plan->to_fill |= UINT64_C(1) << i;
    }
}

void state_plan_free(struct state_plan *plan)
{
    for (size_t i = 0; plan->lanes != NULL && i < plan->set->lane_count; i++)
        record_schema_free(&plan->lanes[i].schema);
    free(plan->lanes);
    *plan = (struct state_plan){0};
}

bool state_plan_orphan(const struct state_plan *plan, const struct manifest_lane *lane)
{
    for (size_t i = 0; i < plan->set->lane_count; i++)
        if (strcmp(plan->set->lanes[i].name, lane->name) == 0)
            return false;
    return true;
}

const char *lane_fate_word(enum lane_fate fate)
{
    switch (fate) {
    case FATE_EMPTY: return "begins empty";
    case FATE_KEPT: return "kept";
    case FATE_COPIED: return "copied by field name";
    case FATE_RESUMED: return "kept, and what it missed is read again from the topic";
    case FATE_FILLED: return "filled again from the topic";
    }
    return "";
}
