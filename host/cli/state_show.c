/* state_show.c - what `shoplane state` found, as tables for a person or as JSON for a script. */
#include "base/buffer.h"
#include "base/time.h"
#include "cli/state.h"
#include "cli/table.h"
#include "config/byte_count.h"
#include "config/duration.h"
#include "plugin/plugin_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const conditions[] = {[LANE_FULL] = "full", [LANE_FILLING] = "filling", [LANE_OFF] = "off"};

/* What the manifest says of all segments of a lane, and the survey of what is in them. */
struct lane_figures {
    uint64_t segments, bytes, owed, entries;
    int64_t oldest_ms, newest_ms;
};

static struct lane_figures figures(const struct state_look *look, size_t l)
{
    const struct manifest_lane *lane = &look->manifest->lanes[l];
    struct lane_figures all = {.segments = lane->segment_count, .oldest_ms = INT64_MAX, .newest_ms = INT64_MIN};
    for (size_t s = 0; s < lane->segment_count; s++) {
        const struct manifest_segment *segment = &lane->segments[s];
        all.bytes += segment->bytes;
        all.owed += segment->owed_from < segment->bytes ? segment->bytes - segment->owed_from : 0;
        all.entries += segment->entries;
        all.oldest_ms = segment->oldest_ms < all.oldest_ms ? segment->oldest_ms : all.oldest_ms;
        all.newest_ms = segment->newest_ms > all.newest_ms ? segment->newest_ms : all.newest_ms;
    }
    if (look->survey != NULL) {
        all.oldest_ms = look->survey->lanes[l].oldest_ms;
        all.newest_ms = look->survey->lanes[l].newest_ms;
    }
    return all;
}

static const char *moment(int64_t ms, char out[TIME_TEXT_MAX])
{
    if (ms == INT64_MAX || ms == INT64_MIN)
        return "-";
    (void)time_text(ms, out);
    return out;
}

/* "12 s", "3.5 h": a length of time, roughly. */
#define ROUGHLY_MAX 32
static const char *roughly(int64_t ms, char out[ROUGHLY_MAX])
{
    static const struct {
        double ms;
        const char *name;
    } units[] = {{86400000, "days"}, {3600000, "h"}, {60000, "min"}, {1000, "s"}};
    double length = (double)(ms < 0 ? 0 : ms);
    (void)snprintf(out, ROUGHLY_MAX, "%.0f ms", length);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (length < 2 * units[i].ms && (i + 1 < sizeof units / sizeof units[0] || length < units[i].ms))
            continue;
        (void)snprintf(out, ROUGHLY_MAX, length < 10 * units[i].ms ? "%.1f %s" : "%.0f %s", length / units[i].ms,
                       units[i].name);
        break;
    }
    return out;
}

/* --- for a person --- */

static void print_head(const struct state_look *look)
{
    const struct manifest *manifest = look->manifest;
    char when[TIME_TEXT_MAX], age[ROUGHLY_MAX];
    (void)printf("%s\n", look->state->path);
    (void)printf("  checkpoint  %" PRIu64 " of generation %" PRIu64 ", %s, %s ago\n", manifest->checkpoint,
                 manifest->generation, moment(manifest->written_ms, when), roughly(look->now_ms - manifest->written_ms, age));
    if (look->held)
        (void)printf("  in use      by %s\n", look->holder[0] == '\0' ? "somebody" : look->holder);
    else
        (void)printf("  in use      by nobody%s%s\n", look->holder[0] == '\0' ? "" : "; the last was ", look->holder);
    (void)printf("  topic       %s\n", manifest->topic == NULL || manifest->topic[0] == '\0' ? "-" : manifest->topic);
    (void)printf("  clock       %s\n", moment(manifest->clock_ms, when));
    if (manifest->clock_ms == INT64_MIN || manifest->owed_ms >= manifest->clock_ms)
        (void)printf("  Redis       has acknowledged all of it\n");
    else if (manifest->owed_ms == INT64_MIN)
        (void)printf("  Redis       has acknowledged nothing yet\n");
    else
        (void)printf("  Redis       has acknowledged all up to %s, %s before the clock\n", moment(manifest->owed_ms, when),
                     roughly(manifest->clock_ms - manifest->owed_ms, age));
    if (manifest->set[0] != '\0')
        (void)printf("  plugins     %s\n", manifest->set);
}

static void print_partitions(const struct manifest *manifest)
{
    char when[TIME_TEXT_MAX];
    struct table table = {.title = {"partition", "next offset", "newest event"}, .right = "rrl"};
    for (int32_t p = 0; p < manifest->partition_count; p++) {
        table_cell(&table, "%" PRId32, p);
        if (manifest->partitions[p].next < 0)
            table_cell(&table, "not known");
        else
            table_cell(&table, "%" PRId64, manifest->partitions[p].next);
        table_cell(&table, "%s", moment(manifest->partitions[p].largest_ms, when));
    }
    if (manifest->partition_count > 0) {
        (void)printf("\n");
        table_print(&table, 2);
    }
}

static void print_lanes(const struct state_look *look)
{
    char text[64];
    struct table read = {.title = {"lane", "condition", "key", "records", "keys", "oldest event", "newest event", "size",
                                   "segments", "owed"},
                         .right = "lllrrllrrr"};
    struct table quick = {.title = {"lane", "condition", "key", "entries", "oldest event", "newest event", "size",
                                    "segments", "owed"},
                          .right = "lllrllrrr"};
    struct table *table = look->survey == NULL ? &quick : &read;
    for (size_t l = 0; l < look->manifest->lane_count; l++) {
        const struct manifest_lane *lane = &look->manifest->lanes[l];
        struct lane_figures all = figures(look, l);
        table_cell(table, "%s", lane->name);
        table_cell(table, "%s", conditions[lane->condition]);
        table_cell(table, "%s", lane->schema.key);
        if (look->survey == NULL) {
            table_cell(table, "%s", grouped(all.entries, text));
        } else {
            table_cell(table, "%s", grouped(look->survey->lanes[l].records, text));
            table_cell(table, "%s", grouped(look->survey->lanes[l].keys, text));
        }
        table_cell(table, "%s", moment(all.oldest_ms, text));
        table_cell(table, "%s", moment(all.newest_ms, text));
        table_cell(table, "%s", byte_count_text(all.bytes, text));
        table_cell(table, "%s", grouped(all.segments, text));
        table_cell(table, "%s", all.owed == 0 ? "-" : byte_count_text(all.owed, text));
    }
    (void)printf("\n");
    table_print(table, 2);
}

/* What is said of lanes that are not as they should be. */
static void print_notes(const struct manifest *manifest)
{
    for (size_t l = 0; l < manifest->lane_count; l++) {
        const struct manifest_lane *lane = &manifest->lanes[l];
        if (lane->condition == LANE_FILLING)
            (void)printf("\n  %s was being filled from the topic: a start fills it again from its beginning\n", lane->name);
        if (lane->condition != LANE_OFF)
            continue;
        (void)printf("\n  %s is not in the configuration: it is kept until it expires, or is switched on again\n", lane->name);
        for (int32_t p = 0; lane->stopped != NULL && p < manifest->partition_count; p++) {
            if (lane->stopped[p] >= 0)
                (void)printf("    it has seen partition %" PRId32 " up to offset %" PRId64 "\n", p, lane->stopped[p]);
        }
    }
}

static void print_schemas(const struct manifest *manifest)
{
    char reach[DURATION_TEXT_MAX];
    for (size_t l = 0; l < manifest->lane_count; l++) {
        const struct manifest_lane *lane = &manifest->lanes[l];
        struct table table = {.title = {"field", "type", "offset", "bytes"}, .right = "llrr"};
        (void)printf("\n  lane %s: records of %" PRIu32 " bytes for each %s, kept for %s\n", lane->name,
                     lane->schema.record_size, lane->schema.key, duration_text(lane->longest_ms, reach));
        for (size_t f = 0; f < lane->schema.field_count; f++) {
            const struct schema_field *field = &lane->schema.fields[f];
            table_cell(&table, "%s", field->name);
            table_cell(&table, "%s", plugin_type_word(field->type));
            table_cell(&table, "%" PRIu32, field->offset);
            table_cell(&table, "%" PRIu32, field->size);
        }
        table_print(&table, 4);
        (void)printf("    from %s\n", lane->schema.source);
    }
}

void state_show_table(const struct state_look *look)
{
    print_head(look);
    print_partitions(look->manifest);
    print_lanes(look);
    print_notes(look->manifest);
    if (look->schemas)
        print_schemas(look->manifest);
}

/* --- for a script --- */

static void json_text(struct buffer *out, const char *name, const char *text)
{
    buffer_printf(out, "\"%s\":", name);
    if (text == NULL || text[0] == '\0')
        buffer_literal(out, "null");
    else
        buffer_json_text(out, text, strlen(text));
}

static void json_moment(struct buffer *out, const char *name, int64_t ms)
{
    char when[TIME_TEXT_MAX];
    json_text(out, name, ms == INT64_MAX || ms == INT64_MIN ? NULL : moment(ms, when));
}

static void json_offset(struct buffer *out, int64_t offset)
{
    if (offset < 0)
        buffer_literal(out, "null");
    else
        buffer_printf(out, "%" PRId64, offset);
}

static void json_schema(struct buffer *out, const struct record_schema *schema)
{
    buffer_printf(out, ",\"record_bytes\":%" PRIu32 ",\"fields\":[", schema->record_size);
    for (size_t f = 0; f < schema->field_count; f++) {
        const struct schema_field *field = &schema->fields[f];
        buffer_printf(out, "%s{", f == 0 ? "" : ",");
        json_text(out, "name", field->name);
        buffer_printf(out, ",\"type\":\"%s\",\"offset\":%" PRIu32 ",\"bytes\":%" PRIu32 "}", plugin_type_word(field->type),
                      field->offset, field->size);
    }
    buffer_literal(out, "],");
    json_text(out, "source", schema->source);
}

static void json_lane(struct buffer *out, const struct state_look *look, size_t l)
{
    const struct manifest_lane *lane = &look->manifest->lanes[l];
    struct lane_figures all = figures(look, l);
    buffer_literal(out, "{");
    json_text(out, "lane", lane->name);
    buffer_printf(out, ",\"condition\":\"%s\",", conditions[lane->condition]);
    json_text(out, "key", lane->schema.key);
    if (look->survey != NULL)
        buffer_printf(out, ",\"records\":%" PRIu64 ",\"keys\":%" PRIu64, look->survey->lanes[l].records,
                      look->survey->lanes[l].keys);
    buffer_printf(out, ",\"entries\":%" PRIu64 ",", all.entries);
    json_moment(out, "oldest", all.oldest_ms);
    buffer_literal(out, ",");
    json_moment(out, "newest", all.newest_ms);
    buffer_printf(out, ",\"bytes\":%" PRIu64 ",\"segments\":%" PRIu64 ",\"owed_bytes\":%" PRIu64 ",\"longest_ms\":%" PRId64,
                  all.bytes, all.segments, all.owed, lane->longest_ms);
    if (lane->stopped != NULL) {
        buffer_literal(out, ",\"stopped\":[");
        for (int32_t p = 0; p < look->manifest->partition_count; p++) {
            buffer_put(out, ",", p == 0 ? 0 : 1);
            json_offset(out, lane->stopped[p]);
        }
        buffer_literal(out, "]");
    }
    if (look->schemas)
        json_schema(out, &lane->schema);
    buffer_literal(out, "}");
}

void state_show_json(const struct state_look *look)
{
    const struct manifest *manifest = look->manifest;
    struct buffer out = {0};
    buffer_literal(&out, "{");
    json_text(&out, "folder", look->state->path);
    buffer_printf(&out, ",\"generation\":%" PRIu64 ",\"checkpoint\":%" PRIu64 ",", manifest->generation, manifest->checkpoint);
    json_moment(&out, "written", manifest->written_ms);
    buffer_printf(&out, ",\"age_ms\":%" PRId64 ",\"in_use\":%s,", look->now_ms - manifest->written_ms,
                  look->held ? "true" : "false");
    json_text(&out, "owner", look->holder);
    buffer_literal(&out, ",");
    json_text(&out, "topic", manifest->topic);
    buffer_literal(&out, ",");
    json_moment(&out, "clock", manifest->clock_ms);
    buffer_literal(&out, ",");
    json_moment(&out, "owed", manifest->owed_ms);
    buffer_literal(&out, ",");
    json_text(&out, "set", manifest->set);
    buffer_literal(&out, ",\"partitions\":[");
    for (int32_t p = 0; p < manifest->partition_count; p++) {
        buffer_printf(&out, "%s{\"partition\":%" PRId32 ",\"next\":", p == 0 ? "" : ",", p);
        json_offset(&out, manifest->partitions[p].next);
        buffer_literal(&out, ",");
        json_moment(&out, "newest", manifest->partitions[p].largest_ms);
        buffer_literal(&out, "}");
    }
    buffer_literal(&out, "],\"lanes\":[");
    for (size_t l = 0; l < manifest->lane_count; l++) {
        buffer_put(&out, ",", l == 0 ? 0 : 1);
        json_lane(&out, look, l);
    }
    buffer_literal(&out, "]}\n");
    (void)fwrite(out.data, 1, out.size, stdout);
    buffer_free(&out);
}
