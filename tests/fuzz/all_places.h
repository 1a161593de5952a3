/* all_places.h - a reader whose one lane asks for places of every kind, and somebody who reads all of them; for the fuzz
 * targets of the event reader. */
#ifndef TESTS_ALL_PLACES_H
#define TESTS_ALL_PLACES_H

#include "base/buffer.h"
#include "snowplow/event_reader.h"
#include "snowplow/json.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition)  \
    do {                  \
        if (!(condition)) \
            abort();      \
    } while (0)

static const sl_input all_places[] = {
    {"id", "product[0].id"},
    {"price", "product[0].price"},
    {"every", "product[*].id"},
    {"second", "product[1].price"},
    {"nested", "product[0].size.eu"},
    {"cart", "cart[0].total_value"},
    {"guest", "user[0].is_guest"},
    {"list", "event.name"},
    {"device", "@device_class"},
    {"location", "@location"},
    {"user", "@user"},
    {"session", "@session"},
    {"url", "page_url"},
    {"legacy", "tr_total"},
    {"cookies", "br_cookies"},
    {"width", "br_viewwidth"},
    {"acme", "com.acme/wish/1[0].id"},
    {0},
};

static inline struct reader *all_places_reader(int *lane)
{
    struct plan *plan = plan_new(); /* lives as long as the program */
    struct error error;
    (void)plan_add_event(plan, "product_view");
    *lane = plan_add_inputs(plan, all_places, &error);
    CHECK(*lane == 0);
    plan_seal(plan);
    return reader_new(plan);
}

/* Touch every byte, so that the sanitizers see what is not ours. */
static inline size_t all_places_sum(sl_view view)
{
    size_t sum = 0;
    for (size_t i = 0; i < view.size; i++)
        sum += (unsigned char)view.data[i];
    return sum;
}

static inline void all_places_read(struct reader *reader, int lane)
{
    volatile size_t sink = all_places_sum(reader_user(reader)) + all_places_sum(reader_session(reader));
    const sl_event *event = reader_event(reader, lane, 0);
    for (uint32_t input = 0; all_places[input].name != NULL; input++) {
        uint32_t count = sl_event_count(event, input);
        for (uint32_t i = 0; i <= count; i++) {
            sl_text text = sl_event_text_at(event, input, i);
            sl_view view = reader_text(reader, &text);
            CHECK(utf8_is(view));
            CHECK(i < count || view.size == 0);
            int64_t micros = sl_event_money_at(event, input, i, 0);
            CHECK(micros >= 0 && micros <= 99999999999000000);
            sink = sink + all_places_sum(view);
        }
        (void)sl_event_number(event, input, 0);
        (void)sl_event_flag(event, input, false);
        (void)sl_event_view(event, input);
    }
}

/* A letter is JSON, whatever the message was. */
static inline void all_places_letter(const struct bad_row *bad, sl_view message)
{
    static struct json_parser *parser;
    static struct json json;
    static struct buffer letter;
    if (parser == NULL)
        parser = json_parser_new();
    buffer_reset(&letter);
    bad_row_write(bad, message, "0", &letter);
    CHECK(json_read(parser, (sl_view){letter.data, letter.size}, &json) == NULL);
    CHECK(json_follow(&json, 0, "data.failure.type") != 0 && json_follow(&json, 0, "data.payload") != 0);
}

#endif
