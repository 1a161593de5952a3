/* reader_fixture.h - a reader, and lines made of a few columns; for the tests of the event reader. */
#ifndef TESTS_READER_FIXTURE_H
#define TESTS_READER_FIXTURE_H

#include "snowplow/columns.h"
#include "snowplow/event_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define VIEW(text) ((sl_view){(text), strlen(text)})

struct fixture {
    struct plan *plan;
    struct reader *reader;
    int lane;
    char *message; /* of exactly its size, so that the sanitizers see a byte read beyond it */
    struct event_head head;
    struct bad_row bad;
    const sl_event *event;
};

/* A column of a line; a list ends with a NULL text. */
struct cell {
    enum column column;
    const char *text;
};
#define LINE(...) ((const struct cell[]){__VA_ARGS__, {COLUMN_APP_ID, NULL}})

static inline struct fixture open_fixture(const sl_input *inputs)
{
    struct fixture fixture = {.plan = plan_new()};
    struct error error = {0};
    (void)plan_add_event(fixture.plan, "page_view");
    (void)plan_add_event(fixture.plan, "product_view");
    fixture.lane = plan_add_inputs(fixture.plan, inputs, &error);
    if (fixture.lane < 0)
        fail_msg("%s; %s; %s", error.what, error.found, error.advice);
    plan_seal(fixture.plan);
    fixture.reader = reader_new(fixture.plan);
    return fixture;
}

static inline void close_fixture(struct fixture *fixture)
{
    reader_free(fixture->reader);
    plan_free(fixture->plan);
    free(fixture->message);
}

static inline bool read_bytes(struct fixture *fixture, const char *bytes, size_t size)
{
    free(fixture->message);
    fixture->message = malloc(size == 0 ? 1 : size);
    if (size != 0)
        memcpy(fixture->message, bytes, size);
    bool good = reader_read(fixture->reader, (sl_view){fixture->message, size}, &fixture->head, &fixture->bad);
    fixture->event = good ? reader_event(fixture->reader, fixture->lane, 3) : NULL;
    return good;
}

/* A line with an id and times, and these columns in their place. */
static inline bool read_line(struct fixture *fixture, const struct cell *cells)
{
    const char *texts[COLUMN_COUNT] = {
        [COLUMN_EVENT] = "page_view",
        [COLUMN_EVENT_ID] = "4ba8f147-05cf-48c6-b218-0def4f209181",
        [COLUMN_COLLECTOR_TSTAMP] = "2025-03-26 10:56:46.043",
        [COLUMN_DERIVED_TSTAMP] = "2025-03-26 10:56:46.033",
    };
    for (; cells->text != NULL; cells++)
        texts[cells->column] = cells->text;
    size_t room = COLUMN_COUNT, size = 0;
    for (int i = 0; i < COLUMN_COUNT; i++)
        room += texts[i] == NULL ? 0 : strlen(texts[i]);
    char *line = malloc(room);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (i != 0)
            line[size++] = '\t';
        size_t length = texts[i] == NULL ? 0 : strlen(texts[i]);
        if (length != 0)
            memcpy(line + size, texts[i], length);
        size += length;
    }
    bool good = read_bytes(fixture, line, size);
    free(line);
    return good;
}

static inline void must_read(struct fixture *fixture, const struct cell *cells)
{
    if (!read_line(fixture, cells))
        fail_msg("%s: %s", bad_reason_word(fixture->bad.reason), fixture->bad.message);
}

static inline void view_is(sl_view found, const char *expected)
{
    if (found.size != strlen(expected) || memcmp(found.data, expected, found.size) != 0)
        fail_msg("\"%.*s\" instead of \"%s\"", (int)found.size, found.data, expected);
}

/* An input as text: as a view, and as what a record would keep. */
static inline void text_at_is(struct fixture *fixture, uint32_t input, uint32_t index, const char *expected)
{
    sl_text text = sl_event_text_at(fixture->event, input, index);
    view_is(reader_text(fixture->reader, &text), expected);
    assert_int_equal(sl_text_empty(text), *expected == '\0');
    if (index == 0)
        view_is(sl_event_view(fixture->event, input), expected);
}
static inline void text_is(struct fixture *fixture, uint32_t input, const char *expected)
{
    text_at_is(fixture, input, 0, expected);
}

static inline void good(struct fixture *fixture)
{
    struct bad_row bad;
    if (reader_failed(fixture->reader, &bad))
        fail_msg("%s: %s", bad_reason_word(bad.reason), bad.message);
}

static inline void spoilt(struct fixture *fixture, enum bad_reason reason, const char *key)
{
    struct bad_row bad;
    assert_true(reader_failed(fixture->reader, &bad));
    assert_string_equal(bad_reason_word(bad.reason), bad_reason_word(reason));
    assert_string_equal(bad.key, key);
}

/* Contexts around entities; `entities` is what stands between the brackets. */
#define CONTEXTS(entities) \
    "{\"schema\":\"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0\",\"data\":[" entities "]}"
#define UNSTRUCT(schema, data)                                                                                  \
    "{\"schema\":\"iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0\",\"data\":{\"schema\":" \
    "\"iglu:" schema "\",\"data\":" data "}}"
#define ENTITY(schema, data) "{\"schema\":\"iglu:" schema "\",\"data\":" data "}"
#define SHOP(name, data)     ENTITY("com.snowplowanalytics.snowplow.ecommerce/" name "/jsonschema/1-0-0", data)
#define PRODUCT(data)        SHOP("product", data)
#define ACTION_SCHEMA        "com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-2"

#endif
