/* places.c - what a lane gets for its inputs: the functions behind sl_event, and what the host derives. */
#include "snowplow/reader.h"

#include "base/memory.h"
#include "base/text_handle.h"
#include "snowplow/made_text.h"
#include "snowplow/money.h"

#include <string.h>

static const sl_view nothing = {"", 0};

/* The lane's event behind what the plugin holds, and the place it asks for; NULL for an input that the lane does not have.
 * Reading memoises, so the reader is not constant, whatever the plugin is told. */
static const struct place *place_of(const sl_event *event, uint32_t input, struct reader **reader)
{
    const struct lane_event *mine = (const struct lane_event *)(const void *)event;
    *reader = mine->reader;
    return input < mine->lane->count ? &mine->lane->places[input] : NULL;
}

/* The node of a PLACE_FIELD; 0: not there, or null. */
static uint32_t field_node(struct reader *reader, const struct place *place, uint32_t index, struct opened **opened)
{
    uint32_t element = place->element;
    if (element == PLACE_EVERY)
        element = index;
    else if (index != 0)
        return 0;
    *opened = reader_entity(reader, place->entity);
    if (*opened == NULL)
        return 0;
    uint32_t node = opened_field(reader, *opened, place->entity, element, place->field);
    return node == 0 || json_is(&(*opened)->json, node, JSON_NULL) ? 0 : node;
}

/* The first of these entities' field as text. */
static sl_view first_text(struct reader *reader, struct opened *opened, uint32_t entity, uint32_t field,
                          const char *key)
{
    return reader_text_of(reader, &opened->json, opened_field(reader, opened, entity, 0, field), key);
}

/* By yauaa or ua_parser, from one of the columns; size 0 if it has neither. */
static sl_view class_by_entity(struct reader *reader, struct opened *yauaa, struct opened *ua_parser)
{
    if (yauaa != NULL) {
        sl_view device_class = first_text(reader, yauaa, ENTITY_YAUAA, 0, "yauaa_context[0].deviceClass");
        if (device_class.size != 0)
            return device_class;
    }
    if (ua_parser == NULL)
        return nothing;
    return device_class_of_ua_parser(
        first_text(reader, ua_parser, ENTITY_UA_PARSER, UA_PARSER_DEVICE, "ua_parser_context[0].deviceFamily"),
        first_text(reader, ua_parser, ENTITY_UA_PARSER, UA_PARSER_OS, "ua_parser_context[0].osFamily"),
        first_text(reader, ua_parser, ENTITY_UA_PARSER, UA_PARSER_AGENT, "ua_parser_context[0].useragentFamily"));
}

static sl_view class_by_column(struct reader *reader)
{
    sl_view type = reader_column(reader, COLUMN_DVCE_TYPE);
    return type.size != 0 ? type : device_class_of_agent(reader_column(reader, COLUMN_USERAGENT));
}

/* Does the tracker itself say what only Enrich should? Then the memo, which does not know the contexts, must not. */
static bool contexts_say_device(struct reader *reader)
{
    return reader_open(reader, OPENED_CONTEXTS, ENTITY_YAUAA) != NULL ||
           reader_open(reader, OPENED_CONTEXTS, ENTITY_UA_PARSER) != NULL;
}

static sl_view device_class(struct reader *reader)
{
    if (!reader->accelerator && contexts_say_device(reader)) {
        sl_view found =
            class_by_entity(reader, reader_entity(reader, ENTITY_YAUAA), reader_entity(reader, ENTITY_UA_PARSER));
        return found.size != 0 ? found : class_by_column(reader);
    }
    sl_view derived =
        reader->accelerator ? nothing : tsv_column(&reader->tsv, reader->message, COLUMN_DERIVED_CONTEXTS);
    struct device_memo_key key =
        device_memo_key(reader_column(reader, COLUMN_USERAGENT), reader_column(reader, COLUMN_DVCE_TYPE), derived);
    sl_view found = device_memo_get(&reader->memo, key);
    if (found.size != 0)
        return found;
    if (!reader->accelerator)
        found = class_by_entity(reader, reader_open(reader, OPENED_DERIVED, ENTITY_YAUAA),
                                reader_open(reader, OPENED_DERIVED, ENTITY_UA_PARSER));
    if (found.size == 0) {
        /* what else is derived, perhaps anew for every event, has no say in it */
        key =
            device_memo_key(reader_column(reader, COLUMN_USERAGENT), reader_column(reader, COLUMN_DVCE_TYPE), nothing);
        found = device_memo_get(&reader->memo, key);
        if (found.size != 0)
            return found;
        found = class_by_column(reader);
    }
    if (!reader->failed)
        device_memo_put(&reader->memo, key, found);
    return found;
}

sl_view reader_device_class(struct reader *reader)
{
    if (!reader->device_known) {
        reader->device_class = device_class(reader);
        reader->device_known = true;
    }
    return reader->device_class;
}

static sl_view put_location(struct reader *reader)
{
    sl_view country = reader_column(reader, COLUMN_GEO_COUNTRY), region = reader_column(reader, COLUMN_GEO_REGION);
    if (country.size == 0 || region.size == 0)
        return country;
    size_t size = country.size + 1 + region.size;
    char *bytes = reader_bytes(reader, size);
    memcpy(bytes, country.data, country.size);
    bytes[country.size] = '-';
    memcpy(bytes + country.size + 1, region.data, region.size);
    return (sl_view){bytes, size};
}

static sl_view location(struct reader *reader)
{
    if (!reader->location_known) {
        reader->location = put_location(reader);
        reader->location_known = true;
    }
    return reader->location;
}

static sl_view view(const sl_event *event, uint32_t input, uint32_t index)
{
    struct reader *reader;
    const struct place *place = place_of(event, input, &reader);
    if (place == NULL)
        return nothing;
    if (place->kind == PLACE_FIELD) {
        struct opened *opened;
        uint32_t node = field_node(reader, place, index, &opened);
        return node == 0 ? nothing : reader_text_of(reader, &opened->json, node, place->path);
    }
    if (index != 0)
        return nothing;
    switch (place->kind) {
    case PLACE_COLUMN: return reader_column(reader, place->column);
    case PLACE_DEVICE_CLASS: return reader_device_class(reader);
    case PLACE_LOCATION: return location(reader);
    case PLACE_USER: return reader_user(reader);
    case PLACE_SESSION: return reader_session(reader);
    case PLACE_FIELD: break;
    }
    return nothing;
}

static sl_text keep(struct reader *reader, const struct kept_text *text)
{
    if (reader->text_count == reader->text_capacity) {
        reader->text_capacity = reader->text_capacity * 2 + 64;
        reader->texts = memory_resize(reader->texts, reader->text_capacity * sizeof *reader->texts);
    }
    reader->texts[reader->text_count] = *text;
    return text_long(reader->text_count++);
}

static sl_text text(const sl_event *event, uint32_t input, uint32_t index)
{
    sl_view bytes = view(event, input, index);
    if (bytes.size <= TEXT_INLINE_MAX)
        return text_inline(bytes.data, bytes.size);
    struct reader *reader;
    const struct place *place = place_of(event, input, &reader);
    if (bytes.size > reader->plan->text_max) {
        reader_spoil_size(reader, place->path, bytes, "a text that is kept", reader->plan->text_max);
        return (sl_text){0};
    }
    return keep(reader, &(struct kept_text){.data = bytes.data, .size = bytes.size});
}

/* Its bytes may be on the stack of whoever made it: they are copied. */
static sl_text keep_text(const sl_event *event, sl_view bytes)
{
    struct reader *reader = ((const struct lane_event *)(const void *)event)->reader;
    size_t begin = reader->made.size;
    if (made_text_good(bytes)) {
        if (bytes.size <= TEXT_INLINE_MAX)
            return text_inline(bytes.data, bytes.size);
        buffer_put(&reader->made, bytes.data, bytes.size);
    } else {
        size_t room = made_text_room(bytes);
        bytes = made_text_repaired(bytes, buffer_add(&reader->made, room));
        reader->made.size = begin + bytes.size;
        if (bytes.size <= TEXT_INLINE_MAX)
            return text_inline(bytes.data, bytes.size);
    }
    if (bytes.size > reader->plan->text_max) {
        reader_spoil_size(reader, "a text that a lane makes of it", nothing, "a text that is kept", reader->plan->text_max);
        reader->made.size = begin;
        return (sl_text){0};
    }
    if (reader->made.size <= READER_MADE_MAX)
        return keep(reader, &(struct kept_text){.at = begin, .size = bytes.size});
    if (!reader->failed)
        bad_row_set(&reader->bad, BAD_SIZE, "", nothing, "lanes make texts of more than %zu bytes of this one event", READER_MADE_MAX);
    reader->failed = true;
    reader->made.size = begin;
    return (sl_text){0};
}

static uint32_t count(const sl_event *event, uint32_t input)
{
    struct reader *reader;
    const struct place *place = place_of(event, input, &reader);
    if (place == NULL)
        return 0;
    if (place->kind != PLACE_FIELD)
        return view(event, input, 0).size != 0;
    struct opened *opened;
    if (place->element != PLACE_EVERY)
        return field_node(reader, place, 0, &opened) != 0;
    opened = reader_entity(reader, place->entity);
    return opened == NULL ? 0 : opened->entities[place->entity].count;
}

/* What stands where a number is asked for: a column's text, or a JSON number's. False: no number; *out is what stands there
 * instead, size 0 for nothing, null and the empty text. */
static bool number_text(const sl_event *event, uint32_t input, uint32_t index, sl_view *out)
{
    struct reader *reader;
    const struct place *place = place_of(event, input, &reader);
    *out = nothing;
    if (place == NULL)
        return false;
    if (place->kind == PLACE_COLUMN && index == 0) {
        *out = reader_column(reader, place->column);
        return number_is(*out);
    }
    if (place->kind != PLACE_FIELD)
        return false;
    struct opened *opened;
    uint32_t node = field_node(reader, place, index, &opened);
    if (node == 0)
        return false;
    *out = json_raw(&opened->json, node);
    if (out->size != 0 && json_is(&opened->json, node, JSON_STRING))
        *out = (sl_view){out->data - 1, out->size + 2}; /* with its quotes */
    return json_is(&opened->json, node, JSON_NUMBER);
}

/* An amount that is none: remembered for who counts and says it. */
static void odd_amount(const sl_event *event, uint32_t input, sl_view value)
{
    struct reader *reader;
    const struct place *place = place_of(event, input, &reader);
    if (reader->odd_place != NULL)
        return;
    reader->odd_place = place;
    reader->odd_value = value;
}

static bool money(const sl_event *event, uint32_t input, uint32_t index, int64_t *micros)
{
    sl_view number;
    if (number_text(event, input, index, &number) && money_read(number, micros))
        return true;
    if (number.size != 0)
        odd_amount(event, input, number);
    return false;
}

static bool number(const sl_event *event, uint32_t input, uint32_t index, double *out)
{
    sl_view text_of_it;
    return number_text(event, input, index, &text_of_it) && json_double(text_of_it, out);
}

static bool flag(const sl_event *event, uint32_t input, uint32_t index, bool *out)
{
    struct reader *reader;
    const struct place *place = place_of(event, input, &reader);
    if (place == NULL)
        return false;
    if (place->kind == PLACE_COLUMN && index == 0) {
        sl_view column = reader_column(reader, place->column);
        *out = column.size == 1 && *column.data == '1';
        return column.size == 1 && (*column.data == '1' || *column.data == '0');
    }
    if (place->kind != PLACE_FIELD)
        return false;
    struct opened *opened;
    uint32_t node = field_node(reader, place, index, &opened);
    *out = node != 0 && json_is(&opened->json, node, JSON_TRUE);
    return *out || (node != 0 && json_is(&opened->json, node, JSON_FALSE));
}

const sl_event_table reader_event_table = {
    .struct_size = sizeof(sl_event_table),
    .count = count,
    .view = view,
    .text = text,
    .money = money,
    .number = number,
    .flag = flag,
    .keep_text = keep_text,
};
