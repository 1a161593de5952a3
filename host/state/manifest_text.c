/* manifest_text.c - a manifest as text, and back; see manifest.h.
 *
 * There is one text for a manifest: lines and numbers come in a fixed order and form, and whatever deviates is refused with
 * its line. A manifest of a newer version is told by its first line, whatever follows. */
#include "state/manifest.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/time.h"
#include "state/text_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LANES_MANY 4096 /* more are no sign of health, but of a broken file */

static const char *const conditions[] = {[LANE_FULL] = "full", [LANE_FILLING] = "filling", [LANE_OFF] = "off"};

void manifest_free(struct manifest *manifest)
{
    if (manifest == NULL)
        return;
    for (size_t i = 0; i < manifest->lane_count; i++) {
        record_schema_free(&manifest->lanes[i].schema);
        free(manifest->lanes[i].segments);
        free(manifest->lanes[i].stopped);
    }
    free(manifest->lanes);
    free(manifest->partitions);
    free(manifest->topic);
    free(manifest);
}

/* ---- writing ---- */

/* A space, then the number, or - where there is none. */
static void number_put(struct buffer *out, bool none, int64_t number)
{
    if (none)
        buffer_literal(out, " -");
    else
        buffer_printf(out, " %" PRId64, number);
}

static void lane_put(const struct manifest *manifest, const struct manifest_lane *lane, struct buffer *out)
{
    buffer_printf(out, "lane %s %s %" PRId64 "\n", lane->name, conditions[lane->condition], lane->longest_ms);
    record_schema_write(&lane->schema, out);
    for (size_t i = 0; i < lane->segment_count; i++) {
        const struct manifest_segment *segment = &lane->segments[i];
        bool none = segment->oldest_ms > segment->newest_ms;
        buffer_printf(out, "segment %" PRIu64 " %" PRIu32 " %" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64 " %" PRIu64,
                      segment->name.generation, segment->name.worker, segment->name.workers, segment->name.sequence,
                      segment->bytes, segment->owed_from, segment->entries);
        number_put(out, none, segment->oldest_ms);
        number_put(out, none, segment->newest_ms);
        buffer_byte(out, '\n');
    }
    for (int32_t i = 0; lane->stopped != NULL && i < manifest->partition_count; i++) {
        buffer_printf(out, "stopped %" PRId32, i);
        number_put(out, lane->stopped[i] < 0, lane->stopped[i]);
        buffer_byte(out, '\n');
    }
}

void manifest_write_text(const struct manifest *manifest, struct buffer *out)
{
    char written[TIME_TEXT_MAX];
    size_t start = out->size;
    time_text(manifest->written_ms, written);
    buffer_printf(out, "shoplane state 1\ngeneration %" PRIu64 "\ncheckpoint %" PRIu64 "\nwritten %s\nclock",
                  manifest->generation, manifest->checkpoint, written);
    number_put(out, manifest->clock_ms == INT64_MIN, manifest->clock_ms);
    buffer_literal(out, " owed");
    number_put(out, manifest->owed_ms == INT64_MIN, manifest->owed_ms);
    buffer_printf(out, "\nset %s\ntopic", manifest->set[0] == '\0' ? "-" : manifest->set);
    if (manifest->topic != NULL && manifest->topic[0] != '\0')
        buffer_printf(out, " %s", manifest->topic);
    buffer_byte(out, '\n');
    for (int32_t i = 0; i < manifest->partition_count; i++) {
        const struct manifest_partition *partition = &manifest->partitions[i];
        buffer_printf(out, "partition %" PRId32, i);
        number_put(out, partition->next < 0, partition->next);
        number_put(out, partition->largest_ms == INT64_MIN, partition->largest_ms);
        buffer_byte(out, '\n');
    }
    for (size_t i = 0; i < manifest->lane_count; i++)
        lane_put(manifest, &manifest->lanes[i], out);
    uint64_t sum = hash_bytes(out->data + start, out->size - start);
    buffer_printf(out, "end %016" PRIx64 "\n", sum);
}

/* ---- reading ---- */

struct manifest_reading {
    const char *text, *at, *end; /* `at`: the next line; `end`: of the lines before the last */
    const char *line;            /* the one that is looked at */
    const char *path;
    struct error *error;
};

/* Lines are counted only once one is wrong. */
static bool refuse(const struct manifest_reading *reading, const char *what)
{
    size_t number = 1;
    for (const char *byte = reading->text; byte < reading->line; byte++)
        number += *byte == '\n';
    error_what(reading->error, "the manifest can't be used: %s", what);
    error_found(reading->error, "%s:%zu", reading->path, number);
    return false;
}

/* Take the next line if it begins with this word. */
static bool line_of(struct manifest_reading *reading, const char *word, struct text_line *line)
{
    const char *at = reading->at;
    reading->line = at;
    if (!text_line_take(line, &at, reading->end) || !text_line_word(line, word))
        return false;
    reading->at = at;
    return true;
}

static bool number_or_none(struct text_line *line, int64_t none, int64_t *out)
{
    if (!text_line_word(line, "-"))
        return text_line_i64(line, out);
    *out = none;
    return true;
}

static bool offset_take(struct text_line *line, int64_t *out)
{
    if (!text_line_word(line, "-"))
        return text_line_i64(line, out) && *out >= 0;
    *out = -1;
    return true;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. */
static int64_t days_to(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* A time as time_text() writes it, and in no other way: what was read is written again to see that. */
static bool time_take(struct text_line *line, int64_t *ms)
{
    char text[TIME_TEXT_MAX], again[TIME_TEXT_MAX];
    unsigned year, month, day, hour, minute, second, milli;
    if (!text_line_copy(line, text, sizeof text) ||
        sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ", &year, &month, &day, &hour, &minute, &second, &milli) != 7 ||
        year > 9999 || month > 12 || day > 31 || hour > 23 || minute > 59 || second > 59 || milli > 999) /* it takes signs */
        return false;
    *ms = days_to(year, month, day) * 86400000 + hour * 3600000ll + minute * 60000ll + second * 1000ll + milli;
    time_text(*ms, again);
    return strcmp(text, again) == 0;
}

static bool printable(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return true;
}

static bool head_read(struct manifest_reading *reading, struct manifest *manifest)
{
    struct text_line line;
    if (!line_of(reading, "generation", &line) || !text_line_u64(&line, UINT64_MAX, &manifest->generation) ||
        !text_line_ended(&line) || manifest->generation == 0)
        return refuse(reading, "\"generation N\" was expected");
    if (!line_of(reading, "checkpoint", &line) || !text_line_u64(&line, UINT64_MAX, &manifest->checkpoint) ||
        !text_line_ended(&line))
        return refuse(reading, "\"checkpoint N\" was expected");
    if (!line_of(reading, "written", &line) || !time_take(&line, &manifest->written_ms) || !text_line_ended(&line))
        return refuse(reading, "\"written TIME\" was expected");
    if (!line_of(reading, "clock", &line) || !number_or_none(&line, INT64_MIN, &manifest->clock_ms) ||
        !text_line_word(&line, "owed") || !number_or_none(&line, INT64_MIN, &manifest->owed_ms) ||
        !text_line_ended(&line) || manifest->owed_ms > manifest->clock_ms)
        return refuse(reading, "\"clock MS owed MS\" was expected, the first not below the second");
    if (!line_of(reading, "set", &line) || !text_line_copy(&line, manifest->set, sizeof manifest->set) ||
        !printable(manifest->set, strlen(manifest->set)) || !text_line_ended(&line))
        return refuse(reading, "\"set NAME\" was expected");
    if (strcmp(manifest->set, "-") == 0)
        manifest->set[0] = '\0';
    if (!line_of(reading, "topic", &line) || !printable(line.at, (size_t)(line.end - line.at)))
        return refuse(reading, "\"topic NAME\" was expected");
    manifest->topic = memory_new((size_t)(line.end - line.at) + 1);
    memcpy(manifest->topic, line.at, (size_t)(line.end - line.at));
    return true;
}

static bool partitions_read(struct manifest_reading *reading, struct manifest *manifest)
{
    struct text_line line;
    uint64_t number;
    int32_t capacity = 0;
    while (line_of(reading, "partition", &line)) {
        struct manifest_partition partition;
        if (!text_line_u64(&line, INT32_MAX / 2, &number) || !offset_take(&line, &partition.next) ||
            !number_or_none(&line, INT64_MIN, &partition.largest_ms) || !text_line_ended(&line))
            return refuse(reading, "\"partition NUMBER OFFSET MS\" was expected");
        if (number != (uint64_t)manifest->partition_count)
            return refuse(reading, "partitions are not there once each, in their order");
        if (manifest->partition_count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            manifest->partitions =
                memory_resize(manifest->partitions, (size_t)capacity * sizeof *manifest->partitions);
        }
        manifest->partitions[manifest->partition_count++] = partition;
    }
    return true;
}

/* Of the oldest and the newest record; both are none, or neither is. */
static bool times_take(struct text_line *line, struct manifest_segment *segment)
{
    if (!text_line_word(line, "-"))
        return text_line_i64(line, &segment->oldest_ms) && text_line_i64(line, &segment->newest_ms) &&
               segment->oldest_ms <= segment->newest_ms;
    segment->oldest_ms = INT64_MAX;
    segment->newest_ms = INT64_MIN;
    return text_line_word(line, "-");
}

static bool segments_read(struct manifest_reading *reading, const struct manifest *manifest, struct manifest_lane *lane)
{
    struct text_line line;
    size_t capacity = 0;
    while (line_of(reading, "segment", &line)) {
        struct manifest_segment segment = {0};
        uint64_t worker, workers, sequence;
        if (!text_line_u64(&line, manifest->generation, &segment.name.generation) ||
            !text_line_u64(&line, UINT32_MAX, &worker) || !text_line_u64(&line, UINT32_MAX, &workers) ||
            !text_line_u64(&line, UINT32_MAX, &sequence) || !text_line_u64(&line, INT64_MAX, &segment.bytes) ||
            !text_line_u64(&line, segment.bytes, &segment.owed_from) ||
            !text_line_u64(&line, segment.bytes / 8, &segment.entries) ||
            !times_take(&line, &segment) || !text_line_ended(&line) || segment.name.generation == 0 || worker >= workers)
            return refuse(reading, "a segment's numbers are not those of one");
        memcpy(segment.name.lane, lane->name, sizeof segment.name.lane);
        segment.name.worker = (uint32_t)worker;
        segment.name.workers = (uint32_t)workers;
        segment.name.sequence = (uint32_t)sequence;
        if (lane->segment_count > 0 && segment_name_order(&lane->segments[lane->segment_count - 1].name, &segment.name) >= 0)
            return refuse(reading, "segments are not there once each, by generation, sequence and worker");
        if (lane->segment_count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            lane->segments = memory_resize(lane->segments, capacity * sizeof *lane->segments);
        }
        lane->segments[lane->segment_count++] = segment;
    }
    return true;
}

static bool stopped_read(struct manifest_reading *reading, const struct manifest *manifest, struct manifest_lane *lane)
{
    struct text_line line;
    if (lane->condition != LANE_OFF || manifest->partition_count == 0)
        return true;
    lane->stopped = memory_new((size_t)manifest->partition_count * sizeof *lane->stopped);
    for (int32_t i = 0; i < manifest->partition_count; i++) {
        uint64_t number;
        if (!line_of(reading, "stopped", &line) || !text_line_u64(&line, (uint64_t)i, &number) || number != (uint64_t)i ||
            !offset_take(&line, &lane->stopped[i]) || !text_line_ended(&line))
            return refuse(reading, "\"stopped NUMBER OFFSET\" was expected, for each partition of a lane that is off");
    }
    return true;
}

static bool lane_read(struct manifest_reading *reading, struct manifest *manifest, struct text_line *line)
{
    struct manifest_lane *lane = &manifest->lanes[manifest->lane_count++];
    char condition[16];
    size_t index = 0;
    *lane = (struct manifest_lane){0};
    if (!text_line_copy(line, lane->name, sizeof lane->name) || !lane_name_valid(lane->name) ||
        !text_line_copy(line, condition, sizeof condition) || !text_line_i64(line, &lane->longest_ms) ||
        !text_line_ended(line) || lane->longest_ms < 0)
        return refuse(reading, "\"lane NAME CONDITION MS\" was expected");
    while (index < sizeof conditions / sizeof conditions[0] && strcmp(conditions[index], condition) != 0)
        index++;
    if (index == sizeof conditions / sizeof conditions[0])
        return refuse(reading, "a lane is neither full nor filling nor off");
    lane->condition = (enum lane_condition)index;
    for (size_t i = 0; i + 1 < manifest->lane_count; i++)
        if (strcmp(manifest->lanes[i].name, lane->name) == 0)
            return refuse(reading, "a lane is there twice");
    struct error reason;
    if (!record_schema_read(&lane->schema, &reading->at, reading->end, &reason)) {
        reading->line = reading->at;
        return refuse(reading, reason.what);
    }
    return segments_read(reading, manifest, lane) && stopped_read(reading, manifest, lane);
}

static bool lanes_read(struct manifest_reading *reading, struct manifest *manifest)
{
    struct text_line line;
    size_t capacity = 0;
    while (line_of(reading, "lane", &line)) {
        if (manifest->lane_count == LANES_MANY)
            return refuse(reading, "there are too many lanes");
        if (manifest->lane_count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            manifest->lanes = memory_resize(manifest->lanes, capacity * sizeof *manifest->lanes);
        }
        if (!lane_read(reading, manifest, &line))
            return false;
    }
    return reading->at == reading->end || refuse(reading, "this line was not expected here");
}

/* The first line says the version, the last one the sum. On success the lines between them remain to be read. */
static bool frame_read(struct manifest_reading *reading)
{
    static const char head[] = "shoplane state ";
    struct text_line line;
    uint64_t version;
    size_t size = (size_t)(reading->end - reading->at);
    if (size < sizeof head - 1 || memcmp(reading->at, head, sizeof head - 1) != 0 ||
        !text_line_take(&line, &reading->at, reading->end))
        return refuse(reading, "it does not begin with \"shoplane state\"");
    line.at += sizeof head - 1;
    if (!text_line_u64(&line, UINT32_MAX, &version) || !text_line_ended(&line) || version == 0)
        return refuse(reading, "its version is no number");
    if (version != 1) {
        (void)refuse(reading, "it is of a newer version than 1");
        error_advice(reading->error, "only the version of Shoplane that wrote it, or a newer one, can read it");
        return false;
    }
    static const char end[] = "end 0123456789abcdef\n";
    const char *last = reading->end - reading->at < (ptrdiff_t)sizeof end - 1 ? NULL : reading->end - (sizeof end - 1);
    reading->line = reading->end;
    if (last == NULL || last[-1] != '\n' || memcmp(last, end, 4) != 0 || reading->end[-1] != '\n')
        return refuse(reading, "it does not end with its sum: it was cut off");
    char right[sizeof end];
    (void)snprintf(right, sizeof right, "end %016" PRIx64 "\n", hash_bytes(reading->text, (size_t)(last - reading->text)));
    reading->line = last;
    if (memcmp(last, right, sizeof end - 1) != 0)
        return refuse(reading, "its sum is wrong: it is damaged, or was changed by hand");
    reading->end = last;
    return true;
}

struct manifest *manifest_read_text(const char *text, size_t size, const char *path, struct error *error)
{
    struct manifest_reading reading = {
        .text = text, .at = text, .end = text + size, .line = text, .path = path, .error = error};
    struct manifest *manifest = memory_new(sizeof *manifest);
    if (frame_read(&reading) && head_read(&reading, manifest) && partitions_read(&reading, manifest) &&
        lanes_read(&reading, manifest))
        return manifest;
    manifest_free(manifest);
    return NULL;
}
