/* made_state.h - folders of durable state as a host would leave them, made through the writer's own interface; for tests
 * of who looks at them. What is in them is small and known:
 *
 *     generation 3, checkpoint 17, topic "t", partition 0 at 100 and 1 at 250, clock STATE_CLOCK_MS
 *     product  full     user      24 h  worker 0: 1 000 records of user-0 to user-99, a replacement, a record that has expired
 *                                       worker 1: 500 records of user-100 to user-149, the last of whom is dropped
 *     session  filling  session   40 min   300 records of 100 sessions
 *     cart     off      user      1 h   one segment with 10 records of one user
 *
 * so lane product has 1 490 records of 149 keys, from 1 503 entries. Blocks hold 200 entries. */
#ifndef TESTS_MADE_STATE_H
#define TESTS_MADE_STATE_H

#include "base/memory.h"
#include "base/text_handle.h"
#include "state/state_folder.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_CLOCK_MS INT64_C(1774522733451) /* 2026-03-26T10:58:53.451Z */
#define STATE_HOUR_MS  INT64_C(3600000)
#define STATE_RECORDS  1490
#define STATE_KEYS     149
#define STATE_ENTRIES  1503

struct made_record {
    sl_stamp at;
    int64_t price;
    sl_text id;
};

static inline struct record_schema made_schema(const char *key)
{
    struct record_schema schema = {.record_size = sizeof(struct made_record), .field_count = 2};
    (void)snprintf(schema.key, sizeof schema.key, "%s", key);
    schema.fields[0] = (struct schema_field){.name = "price", .type = SL_MONEY, .offset = 16, .size = 8};
    schema.fields[1] = (struct schema_field){.name = "id", .type = SL_TEXT, .offset = 24, .size = 8};
    schema.source = memory_text("events product_view; inputs id=product[0].id price=product[0].price; settings; version 0");
    return schema;
}

static inline void made_put(struct segment_writer *writer, enum journal_operation operation, const char *key, int64_t time_ms,
                            uint64_t id)
{
    char body[sizeof(struct made_record) + 64];
    struct made_record record = {.at = {time_ms, id}, .price = 42990000, .id = text_inline("p1", 2)};
    size_t size = 0;
    if (operation != JOURNAL_DROP) {
        memcpy(body, &record, sizeof record);
        size = sizeof record;
    }
    memcpy(body + size, key, strlen(key));
    (void)segment_put(writer, operation, time_ms, body, size + strlen(key), (uint32_t)strlen(key));
    if (writer->block_entries >= 200)
        segment_close_block(writer);
}

static inline struct segment_name made_name(const char *lane, uint64_t generation, uint32_t worker, uint32_t sequence)
{
    struct segment_name name = {.generation = generation, .worker = worker, .workers = 2, .sequence = sequence};
    (void)snprintf(name.lane, sizeof name.lane, "%s", lane);
    return name;
}

/* Close, write, and say what a manifest says of it. */
static inline struct manifest_segment made_segment(struct segment_writer *writer)
{
    struct error error;
    segment_close_block(writer);
    bool good = segment_write(writer, &error);
    assert(good);
    (void)good;
    return (struct manifest_segment){.name = writer->name,
                                     .bytes = segment_length(writer),
                                     .owed_from = segment_length(writer),
                                     .entries = writer->entries,
                                     .oldest_ms = writer->oldest_ms,
                                     .newest_ms = writer->newest_ms};
}

static inline struct manifest_lane made_lane(const char *name, enum lane_condition condition, int64_t longest_ms,
                                             const char *key, size_t segments)
{
    struct manifest_lane lane = {.condition = condition, .longest_ms = longest_ms, .schema = made_schema(key)};
    (void)snprintf(lane.name, sizeof lane.name, "%s", name);
    lane.segments = memory_new(segments * sizeof *lane.segments);
    lane.segment_count = segments;
    return lane;
}

static inline struct manifest *made_manifest(uint64_t generation, uint64_t checkpoint, size_t lanes)
{
    struct manifest *manifest = memory_new(sizeof *manifest);
    *manifest = (struct manifest){.generation = generation,
                                  .checkpoint = checkpoint,
                                  .written_ms = STATE_CLOCK_MS + 2000,
                                  .clock_ms = STATE_CLOCK_MS,
                                  .owed_ms = STATE_CLOCK_MS - 1500,
                                  .set = "9f3a",
                                  .topic = memory_text("t"),
                                  .partition_count = 2,
                                  .lane_count = lanes};
    manifest->partitions = memory_new(2 * sizeof *manifest->partitions);
    manifest->partitions[0] = (struct manifest_partition){.next = 100, .largest_ms = STATE_CLOCK_MS + 5000};
    manifest->partitions[1] = (struct manifest_partition){.next = 250, .largest_ms = INT64_MIN};
    manifest->lanes = memory_new(lanes * sizeof *manifest->lanes);
    return manifest;
}

/* The state that is described above, into a folder that is open and empty. */
static inline void made_state(const struct state_folder *state)
{
    char key[32];
    struct error error;
    struct segment_writer writer;
    struct manifest *manifest = made_manifest(3, 17, 3);
    struct manifest_lane *product = &manifest->lanes[0], *session = &manifest->lanes[1], *cart = &manifest->lanes[2];

    *product = made_lane("product", LANE_FULL, 24 * STATE_HOUR_MS, "user", 2);
    struct segment_name name = made_name("product", 3, 0, 0);
    segment_writer_init(&writer, state->journal, &name, &product->schema);
    made_put(&writer, JOURNAL_INSERT, "old", STATE_CLOCK_MS - 24 * STATE_HOUR_MS - 1, 1);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof key, "user-%d", i % 100);
        made_put(&writer, JOURNAL_INSERT, key, STATE_CLOCK_MS - 24 * STATE_HOUR_MS + i * 1000, 100 + (uint64_t)i);
    }
    made_put(&writer, JOURNAL_REPLACE, "user-0", STATE_CLOCK_MS - 24 * STATE_HOUR_MS + 50, 100);
    product->segments[0] = made_segment(&writer);
    segment_writer_free(&writer);

    name = made_name("product", 3, 1, 0);
    segment_writer_init(&writer, state->journal, &name, &product->schema);
    for (int i = 0; i < 500; i++) {
        (void)snprintf(key, sizeof key, "user-%d", 100 + i % 50);
        made_put(&writer, JOURNAL_INSERT, key, STATE_CLOCK_MS - i * 1000, 2000 + (uint64_t)i);
    }
    made_put(&writer, JOURNAL_DROP, "user-149", 0, 0);
    product->segments[1] = made_segment(&writer);
    product->segments[1].owed_from = product->segments[1].bytes - 960;
    segment_writer_free(&writer);

    *session = made_lane("session", LANE_FILLING, 40 * 60000, "session", 1);
    name = made_name("session", 3, 0, 0);
    segment_writer_init(&writer, state->journal, &name, &session->schema);
    for (int i = 0; i < 300; i++) {
        (void)snprintf(key, sizeof key, "session-%d", i % 100);
        made_put(&writer, JOURNAL_INSERT, key, STATE_CLOCK_MS - i * 1000, 5000 + (uint64_t)i);
    }
    session->segments[0] = made_segment(&writer);
    segment_writer_free(&writer);

    *cart = made_lane("cart", LANE_OFF, STATE_HOUR_MS, "user", 1);
    cart->stopped = memory_new(2 * sizeof *cart->stopped);
    cart->stopped[0] = 90;
    cart->stopped[1] = -1;
    name = made_name("cart", 2, 0, 4);
    segment_writer_init(&writer, state->journal, &name, &cart->schema);
    for (int i = 0; i < 10; i++)
        made_put(&writer, JOURNAL_INSERT, "ann", STATE_CLOCK_MS - i * 1000, 6000 + (uint64_t)i);
    cart->segments[0] = made_segment(&writer);
    segment_writer_free(&writer);

    bool good = manifest_store(state->folder, manifest, false, &error);
    if (!good)
        (void)fprintf(stderr, "%s\n%s\n", error.what, error.found);
    assert(good);
    manifest_free(manifest);
}

#endif
