/* event_reader.c - one message as a whole: its format, time, id, name and keys; see event_reader.h. */
#include "snowplow/reader.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/text_handle.h"
#include "snowplow/event_name.h"
#include "snowplow/timestamp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const sl_view nothing = {"", 0};

static bool is(sl_view text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

struct reader *reader_new(const struct plan *plan)
{
    assert(plan->sealed);
    struct reader *reader = memory_new(sizeof *reader);
    reader->plan = plan;
    reader->parser = json_parser_new();
    reader->accelerator_entities = memory_new(plan->entity_count * sizeof *reader->accelerator_entities);
    for (uint32_t i = 0; i < plan->entity_count; i++)
        reader->accelerator_entities[i] = accelerator_entity(&plan->entities[i]);
    for (size_t i = 0; i < OPENED_COUNT; i++) {
        reader->opened[i].mentions = memory_new(plan->entity_count * sizeof *reader->opened[i].mentions);
        reader->opened[i].entities = memory_new(plan->entity_count * sizeof *reader->opened[i].entities);
    }
    return reader;
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    for (size_t i = 0; i < OPENED_COUNT; i++) {
        json_free(&reader->opened[i].json);
        free(reader->opened[i].mentions);
        free(reader->opened[i].entities);
    }
    json_parser_free(reader->parser);
    free(reader->accelerator_entities);
    free(reader->elements);
    free(reader->rows);
    free(reader->texts);
    buffer_free(&reader->made);
    free(reader->bytes);
    free(reader);
}

void reader_spoil(struct reader *reader, enum bad_reason reason, const char *key, sl_view value, const char *what)
{
    if (reader->failed)
        return;
    reader->failed = true;
    bad_row_set(&reader->bad, reason, key, value, "%s %s", key, what);
}

void reader_spoil_size(struct reader *reader, const char *key, sl_view value, const char *of, size_t most)
{
    if (reader->failed)
        return;
    reader->failed = true;
    bad_row_set(&reader->bad, BAD_SIZE, key, value, "%s has %zu bytes, and %s at most %zu", key, value.size, of, most);
}

char *reader_bytes(struct reader *reader, size_t size)
{
    if (reader->byte_count == 0 && reader->byte_capacity < 2 * reader->message.size + 64) {
        reader->byte_capacity = 4 * reader->message.size + 64;
        reader->bytes = memory_resize(reader->bytes, reader->byte_capacity);
    }
    assert(reader->byte_capacity - reader->byte_count >= size); /* no part of a message is taken twice */
    char *bytes = reader->bytes + reader->byte_count;
    reader->byte_count += size;
    return bytes;
}

enum { ESCAPED = 1, UNESCAPED = 2 }; /* json_node.escaped; of the latter `at` counts in reader->bytes */

sl_view reader_string(struct reader *reader, struct json *json, uint32_t node)
{
    struct json_node *string = &json->nodes[node];
    sl_view raw = json_raw(json, node);
    if (string->escaped == ESCAPED) {
        char *bytes = reader_bytes(reader, raw.size);
        string->at = (uint32_t)(bytes - reader->bytes);
        string->size = (uint32_t)json_unescape(raw, bytes);
        string->escaped = UNESCAPED;
    }
    if (string->escaped == UNESCAPED)
        return (sl_view){reader->bytes + string->at, string->size};
    return raw;
}

sl_view reader_text_of(struct reader *reader, struct json *json, uint32_t node, const char *key)
{
    if (node == 0 || json_is(json, node, JSON_NULL))
        return nothing;
    if (json_is(json, node, JSON_STRING))
        return reader_string(reader, json, node);
    if (json_is(json, node, JSON_NUMBER) || json_is(json, node, JSON_TRUE) || json_is(json, node, JSON_FALSE))
        return json_raw(json, node);
    reader_spoil(reader, BAD_VALUE, key, json_raw(json, node), "is not a text");
    return nothing;
}

sl_view reader_column(struct reader *reader, enum column column)
{
    return reader->accelerator ? accelerator_column(reader, column) : tsv_column(&reader->tsv, reader->message, column);
}

/* What is no enriched event at first sight. */
static bool looks_wrong(sl_view message, struct bad_row *bad)
{
    if (message.size == 0) {
        bad_row_set(bad, BAD_NOT_TSV, "", nothing, "the message is empty");
        return true;
    }
    const unsigned char *at = (const unsigned char *)message.data;
    bool zstd = message.size >= 4 && memcmp(at, "\x28\xb5\x2f\xfd", 4) == 0;
    if (zstd || (message.size >= 2 && at[0] == 0x1f && at[1] == 0x8b)) {
        bad_row_set(
            bad, BAD_NOT_TSV, "", nothing,
            "the message is compressed (%s): Enrich's compression.enabled is not supported; set it to false, and "
            "let Kafka compress (compression.type in Enrich's producerConf)",
            zstd ? "zstd" : "gzip");
        return true;
    }
    if (message.size >= UINT32_MAX) {
        bad_row_set(bad, BAD_SIZE, "", nothing, "the message has %zu bytes", message.size);
        return true;
    }
    if (memchr(at, 0, message.size) != NULL || !utf8_is(message)) {
        bad_row_set(bad, BAD_ENCODING, "", nothing, "the message is not UTF-8, or has a NUL byte");
        return true;
    }
    return false;
}

static bool begins_object(sl_view message)
{
    size_t at = 0;
    while (at < message.size && strchr(" \t\r\n", message.data[at]) != NULL)
        at++;
    return at < message.size && message.data[at] == '{';
}

/* Tell the format, and find where things are. */
static bool split(struct reader *reader, struct bad_row *bad)
{
    uint32_t count = tsv_split(&reader->tsv, reader->message);
    reader->accelerator = count != COLUMN_COUNT && begins_object(reader->message);
    if (reader->accelerator)
        return accelerator_open(reader, bad);
    if (count == 1) {
        bad_row_set(bad, BAD_NOT_TSV, "", nothing, "the message has no tabs, and is not an object of JSON either");
        return false;
    }
    if (count != COLUMN_COUNT) {
        bad_row_set(bad, BAD_COLUMNS, "", nothing, "an enriched event has %d columns, the message %u", COLUMN_COUNT,
                    (unsigned)count);
        bad->fields = (int32_t)count;
        return false;
    }
    return true;
}

static bool read_time(struct reader *reader, struct bad_row *bad)
{
    sl_view derived_text = reader_column(reader, COLUMN_DERIVED_TSTAMP);
    int64_t derived, collector;
    bool has_derived = timestamp_read(derived_text, &derived);
    bool has_collector = timestamp_read(reader_column(reader, COLUMN_COLLECTOR_TSTAMP), &collector);
    if (!has_derived && !has_collector) {
        const char *key = reader->accelerator ? "timestamp" : "derived_tstamp";
        bad_row_set(bad, BAD_TIME, key, derived_text, "neither %s nor collector_tstamp is a readable time", key);
        return false;
    }
    reader->at.time_ms = !has_derived || (has_collector && collector < derived) ? collector : derived;
    return true;
}

static sl_view joined(struct reader *reader, sl_view before, const char *between, sl_view after)
{
    size_t middle = strlen(between);
    char *bytes = reader_bytes(reader, before.size + middle + after.size);
    if (before.size != 0)
        memcpy(bytes, before.data, before.size);
    memcpy(bytes + before.size, between, middle);
    memcpy(bytes + before.size + middle, after.data, after.size);
    return (sl_view){bytes, before.size + middle + after.size};
}

static sl_view legacy(struct reader *reader, sl_view name) { return joined(reader, nothing, LEGACY, name); }

/* What is not the e-commerce action: event_name.h. A name of Snowplow's own has no slash, or it could be anybody's. */
static sl_view name_of(struct reader *reader, sl_view vendor, sl_view name)
{
    if (!event_vendor_is_snowplow(vendor))
        return joined(reader, vendor, "/", name);
    if (memchr(name.data, '/', name.size) != NULL)
        return nothing;
    return event_is_action(name) ? legacy(reader, name) : name;
}

static sl_view unstruct_name(struct reader *reader)
{
    sl_view name = reader_column(reader, COLUMN_EVENT_NAME), vendor = reader_column(reader, COLUMN_EVENT_VENDOR);
    struct opened *opened = NULL;
    if (name.size == 0 || vendor.size == 0) {
        opened = reader_unstruct(reader);
        if (opened == NULL)
            return nothing;
        name = opened->schema.name;
        vendor = opened->schema.vendor;
    }
    if (!is(name, ACTION) || !is(vendor, ACTION_VENDOR))
        return name_of(reader, vendor, name);
    if (opened == NULL)
        opened = reader_unstruct(reader);
    if (opened == NULL)
        return name;
    sl_view type =
        reader_text_of(reader, &opened->json, json_find(&opened->json, opened->data, "type", 4), "event.type");
    return type.size != 0 && memchr(type.data, '/', type.size) == NULL ? type : name;
}

/* The accelerator's `type` is the action's for the action, else what the column `event` would have; only the vendor tells the
 * action `transaction` from the event of the old days. */
static sl_view accelerator_name(struct reader *reader)
{
    struct json *json = &reader->opened[OPENED_MESSAGE].json;
    sl_view type = reader_text_of(reader, json, json_find(json, 0, "type", 4), "type");
    if (type.size == 0 || event_is_built_in(type) || is(type, "unstruct"))
        return type;
    sl_view vendor = reader_column(reader, COLUMN_EVENT_VENDOR);
    if (event_is_action(type) && (vendor.size == 0 || is(vendor, ACTION_VENDOR)))
        return type;
    if (is(type, "transaction_item") || is(type, "ad_impression"))
        return legacy(reader, type);
    return name_of(reader, vendor.size == 0 ? (sl_view){ACTION_VENDOR, strlen(ACTION_VENDOR)} : vendor, type);
}

static sl_view event_name(struct reader *reader)
{
    if (reader->accelerator)
        return accelerator_name(reader);
    sl_view event = reader_column(reader, COLUMN_EVENT);
    if (is(event, "unstruct"))
        return unstruct_name(reader);
    return event.size == 0 || event_is_built_in(event) ? event : legacy(reader, event);
}

static bool same(const struct plan_event *event, sl_view name)
{
    return event->size == name.size && memcmp(event->name, name.data, name.size) == 0;
}

static int32_t event_number(const struct plan *plan, sl_view name)
{
    for (uint32_t i = 0; i < plan->event_count; i++)
        if (same(&plan->events[i], name))
            return (int32_t)i;
    if (!plan->any_vendor)
        return -1;
    const char *slash = memchr(name.data, '/', name.size);
    size_t vendor = slash == NULL ? 0 : (size_t)(slash + 1 - name.data);
    const sl_view bare = {name.data + vendor, name.size - vendor};
    for (uint32_t i = 0; i < plan->event_count; i++)
        if (plan->events[i].bare != NULL && strlen(plan->events[i].bare) == bare.size &&
            memcmp(plan->events[i].bare, bare.data, bare.size) == 0)
            return (int32_t)i;
    return -1;
}

bool reader_read(struct reader *reader, sl_view message, struct event_head *head, struct bad_row *bad)
{
    reader->message = message;
    reader->odd_place = NULL;
    reader->failed = reader->user_known = reader->session_known = reader->device_known = reader->location_known = false;
    reader->row_count = reader->text_count = 0;
    buffer_reset(&reader->made);
    reader->byte_count = 0;
    for (size_t i = 0; i < OPENED_COUNT; i++) {
        reader->opened[i].state = OPENED_NOT;
        reader->opened[i].scanned = false;
    }
    if (looks_wrong(message, bad) || !split(reader, bad))
        return false;

    head->event_id = reader_column(reader, COLUMN_EVENT_ID);
    if (head->event_id.size == 0) {
        if (!reader_failed(reader, bad))
            bad_row_set(bad, BAD_VALUE, reader->accelerator ? "id" : "event_id", nothing,
                        "the event has no id, so that a second copy of it could not be told from another event");
        return false;
    }
    if (!read_time(reader, bad))
        return false;
    head->name = event_name(reader);
    if (reader_failed(reader, bad))
        return false;
    head->event = event_number(reader->plan, head->name);
    reader->at.id = hash_bytes(head->event_id.data, head->event_id.size);
    head->id = reader->at.id;
    head->time_ms = reader->at.time_ms;
    return true;
}

static sl_view key_checked(struct reader *reader, const char *name, sl_view id)
{
    if (id.size > KEY_MAX)
        reader_spoil_size(reader, name, id, "an id", KEY_MAX);
    return id;
}

static bool somebody(const struct reader *reader, sl_view id) { return id.size != 0 && !nobody_is(&reader->plan->nobody, id); }

sl_view reader_user(struct reader *reader)
{
    static const enum column by[] = {COLUMN_USER_ID, COLUMN_DOMAIN_USERID, COLUMN_NETWORK_USERID};
    if (reader->user_known)
        return reader->user;
    reader->user_known = true;
    reader->user = nothing;
    for (size_t i = 0; i < sizeof by / sizeof *by && reader->user.size == 0; i++) {
        sl_view id = reader_column(reader, by[i]);
        if (somebody(reader, id))
            reader->user = key_checked(reader, columns[by[i]].name, id);
    }
    return reader->user;
}

#define SESSION_PATH "client_session[0].sessionId"

static sl_view session_of_entity(struct reader *reader)
{
    struct opened *opened = reader_entity(reader, ENTITY_CLIENT_SESSION);
    if (opened == NULL)
        return nothing;
    return reader_text_of(reader, &opened->json, opened_field(reader, opened, ENTITY_CLIENT_SESSION, 0, 0),
                          SESSION_PATH);
}

sl_view reader_session(struct reader *reader)
{
    if (reader->session_known)
        return reader->session;
    reader->session_known = true;
    const char *name = columns[COLUMN_DOMAIN_SESSIONID].name;
    sl_view id = reader_column(reader, COLUMN_DOMAIN_SESSIONID);
    if (!somebody(reader, id)) {
        name = SESSION_PATH;
        id = session_of_entity(reader);
    }
    reader->session = somebody(reader, id) ? key_checked(reader, name, id) : nothing;
    return reader->session;
}

const sl_event *reader_event(struct reader *reader, int lane, uint32_t kind)
{
    assert(lane >= 0 && (uint32_t)lane < reader->plan->lane_count);
    reader->lane_event = (struct lane_event){
        .event = {.table = &reader_event_table, .at = reader->at, .kind = kind},
        .reader = reader,
        .lane = &reader->plan->lanes[lane],
    };
    return &reader->lane_event.event;
}

bool reader_failed(const struct reader *reader, struct bad_row *bad)
{
    if (reader->failed)
        *bad = reader->bad;
    return reader->failed;
}

bool reader_odd_amount(const struct reader *reader, struct odd_amount *odd)
{
    const struct place *place = reader->odd_place;
    if (place == NULL)
        return false;
    *odd = (struct odd_amount){.path = place->path, .value = reader->odd_value};
    odd->first = !atomic_exchange_explicit(&reader->plan->odd_told[place->told], true, memory_order_relaxed);
    return true;
}

sl_view reader_text(const struct reader *reader, const sl_text *text)
{
    if (!text_is_long(*text))
        return text_inline_view(text);
    assert(text_where(*text) < reader->text_count);
    const struct kept_text *kept = &reader->texts[text_where(*text)];
    return (sl_view){kept->data != NULL ? kept->data : reader->made.data + kept->at, kept->size};
}
