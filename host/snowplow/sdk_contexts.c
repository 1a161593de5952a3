/* sdk_contexts.c - see sdk_contexts.h.
 *
 * The bulk of a column, the data of its entities, is gone through twice: once to know that all of it is JSON (the last of
 * two members "data" counts, so nothing may be concluded earlier), and once to find the entities. Keys are looked up in a
 * table: a line of many megabytes may hold a hundred thousand of them. */
#include "snowplow/sdk_contexts.h"

#include "base/hash.h"
#include "base/memory.h"
#include "snowplow/iglu.h"

#include <stdlib.h>

static const char *const envelope_names[] = {"data"};
static const char *const entity_names[] = {"schema", "data"};

void sdk_contexts_clear(struct sdk_contexts *set)
{
    for (size_t i = 0; i < set->group_count; i++) /* not all places: one huge line may have made very many */
        set->places[set->groups[i].place] = 0;
    set->group_count = 0;
    set->entity_count = 0;
    buffer_reset(&set->keys);
}

void sdk_contexts_free(struct sdk_contexts *set)
{
    free(set->groups);
    free(set->entities);
    free(set->places);
    buffer_free(&set->keys);
    buffer_free(&set->schema);
    memset(set, 0, sizeof *set);
}

/* Where the group of this key is, or the free place where it belongs. */
static size_t *place_of(const struct sdk_contexts *set, sl_view key, uint64_t hash)
{
    size_t mask = set->place_count - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        size_t *place = &set->places[i];
        if (*place == 0)
            return place;
        const struct sdk_group *group = &set->groups[*place - 1];
        if (group->hash == hash && group->key_size == key.size &&
            memcmp(set->keys.data + group->key_at, key.data, key.size) == 0)
            return place;
    }
}

static void places_grow(struct sdk_contexts *set)
{
    set->place_count = set->place_count == 0 ? 32 : set->place_count * 2;
    free(set->places);
    set->places = memory_new(set->place_count * sizeof *set->places);
    for (size_t i = 0; i < set->group_count; i++) {
        struct sdk_group *group = &set->groups[i];
        size_t *place = place_of(set, (sl_view){set->keys.data + group->key_at, group->key_size}, group->hash);
        *place = i + 1;
        group->place = (size_t)(place - set->places);
    }
}

/* Put `data` behind what the key has already. The key is what `keys` holds from key_at on; if it is known that is taken
 * away again. */
static void entity_add(struct sdk_contexts *set, size_t key_at, const struct json_text_value *data)
{
    if (set->group_count * 2 >= set->place_count)
        places_grow(set);
    if (set->entity_count == set->entity_room) {
        set->entity_room = set->entity_room == 0 ? 16 : set->entity_room * 2;
        set->entities = memory_resize(set->entities, set->entity_room * sizeof *set->entities);
    }
    set->entities[set->entity_count++] = (struct sdk_entity){.data = *data};
    sl_view key = {set->keys.data + key_at, set->keys.size - key_at};
    uint64_t hash = hash_place(key.data, key.size);
    size_t *place = place_of(set, key, hash);
    if (*place != 0) {
        struct sdk_group *group = &set->groups[*place - 1];
        set->entities[group->last - 1].next = set->entity_count;
        group->last = set->entity_count;
        set->keys.size = key_at;
        return;
    }
    if (set->group_count == set->group_room) {
        set->group_room = set->group_room == 0 ? 16 : set->group_room * 2;
        set->groups = memory_resize(set->groups, set->group_room * sizeof *set->groups);
    }
    set->groups[set->group_count++] = (struct sdk_group){.hash = hash,
                                                         .place = (size_t)(place - set->places),
                                                         .key_at = key_at,
                                                         .key_size = key.size,
                                                         .first = set->entity_count,
                                                         .last = set->entity_count};
    *place = set->group_count;
}

static bool is_upper(char byte) { return byte >= 'A' && byte <= 'Z'; }
static char lower(char byte) { return is_upper(byte) ? (char)(byte + 'a' - 'A') : byte; }

/* Append "prefix_vendor_name_model" of an Iglu URI to `keys`. The SDK's expression ends in $, which in Python also matches
 * before a newline that is the last character. False: no Iglu URI; nothing is appended. */
static bool key_add(struct buffer *keys, const char *prefix, sl_view uri)
{
    struct iglu schema;
    if (uri.size > 0 && uri.data[uri.size - 1] == '\n')
        uri.size--;
    if (!iglu_read(uri, &schema))
        return false;
    buffer_put(keys, prefix, strlen(prefix));
    for (size_t i = 0; i < schema.vendor.size; i++)
        buffer_byte(keys, schema.vendor.data[i] == '.' ? '_' : lower(schema.vendor.data[i]));
    buffer_byte(keys, '_');
    const char *name = schema.name.data;
    for (size_t i = 0; i < schema.name.size; i++) {
        if (i > 0 && is_upper(name[i]) && !is_upper(name[i - 1]) && name[i - 1] != '_')
            buffer_byte(keys, '_');
        buffer_byte(keys, lower(name[i]));
    }
    buffer_byte(keys, '_');
    buffer_put(keys, schema.model.data, schema.model.size);
    return true;
}

/* Take one entity, of the members schema and data, into the set. */
static bool entity_take(struct sdk_contexts *set, const char *prefix, const char *column,
                        const struct json_text_value members[2], struct bad_row *bad)
{
    const struct json_text_value *schema = &members[0], *data = &members[1];
    if (schema->kind != JSON_TEXT_STRING) {
        bad_row_set(bad, BAD_SCHEMA, column, schema->text,
                    schema->kind == JSON_TEXT_ABSENT ? "an entity without a schema" : "a schema that is no text");
        return false;
    }
    sl_view uri = {schema->text.data + 1, schema->text.size - 2};
    if (memchr(uri.data, '\\', uri.size) != NULL) {
        buffer_reset(&set->schema);
        json_text_unescape(schema->text, &set->schema);
        uri = (sl_view){set->schema.data, set->schema.size};
    }
    size_t key_at = set->keys.size;
    if (!key_add(&set->keys, prefix, uri)) {
        bad_row_set(bad, BAD_SCHEMA, column, schema->text,
                    "a schema that is no Iglu URI (iglu:vendor/name/format/1-0-0)");
        return false;
    }
    if (data->kind == JSON_TEXT_ABSENT) {
        bad_row_set(bad, BAD_VALUE, column, schema->text, "an entity without data");
        return false;
    }
    entity_add(set, key_at, data);
    return true;
}

static bool refuse_json(const struct json_text *json, const char *column, sl_view text, struct bad_row *bad)
{
    size_t where = (size_t)(json->at - text.data);
    bad_row_set(bad, BAD_JSON, column, (sl_view){json->at, text.size - where}, "not JSON: %s (at byte %zu)",
                json->fault, where);
    return false;
}

/* Read the whole column and give its envelope's data. */
static bool envelope_read(const char *column, sl_view text, struct json_text_value *data, struct bad_row *bad)
{
    struct json_text json;
    json_text_begin(&json, text);
    bool object = json_text_kind(&json) == JSON_TEXT_OBJECT;
    if (object ? !json_text_object(&json, envelope_names, data, 1) : !json_text_value(&json, data))
        return refuse_json(&json, column, text, bad);
    if (!json_text_end(&json))
        return refuse_json(&json, column, text, bad);
    if (!object || data->kind == JSON_TEXT_ABSENT) {
        bad_row_set(bad, BAD_VALUE, column, text, object ? "no member \"data\"" : "not an object");
        return false;
    }
    return true;
}

/* Nothing to go through: Python's loop over an empty object or an empty text does nothing. */
static bool is_empty(const struct json_text_value *value)
{
    const char *at = value->text.data + 1;
    if (value->kind == JSON_TEXT_STRING)
        return value->text.size == 2;
    if (value->kind != JSON_TEXT_OBJECT)
        return false;
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return *at == '}';
}

bool sdk_contexts_read(struct sdk_contexts *set, const char *column, sl_view text, struct bad_row *bad)
{
    struct json_text_value data, members[2];
    sdk_contexts_clear(set);
    if (!envelope_read(column, text, &data, bad))
        return false;
    if (data.kind != JSON_TEXT_ARRAY) {
        if (is_empty(&data))
            return true;
        bad_row_set(bad, BAD_VALUE, column, data.text, "\"data\" is not an array");
        return false;
    }
    struct json_text json;
    json_text_begin(&json, data.text);
    json.depth = 1; /* the envelope's */
    for (bool more = json_text_first(&json); more; more = json_text_next(&json)) {
        if (json_text_kind(&json) != JSON_TEXT_OBJECT) {
            struct json_text_value entity;
            (void)json_text_value(&json, &entity); /* was read before */
            bad_row_set(bad, BAD_VALUE, column, entity.text, "an entity that is not an object");
            return false;
        }
        if (!json_text_object(&json, entity_names, members, 2))
            return refuse_json(&json, column, text, bad);
        if (!entity_take(set, "contexts_", column, members, bad))
            return false;
    }
    return true;
}

bool sdk_unstruct_read(struct sdk_contexts *set, const char *column, sl_view text, struct bad_row *bad)
{
    struct json_text_value data, members[2];
    sdk_contexts_clear(set);
    if (!envelope_read(column, text, &data, bad))
        return false;
    if (data.kind != JSON_TEXT_OBJECT) {
        bad_row_set(bad, BAD_VALUE, column, data.text, "\"data\" is not an object");
        return false;
    }
    struct json_text json;
    json_text_begin(&json, data.text);
    json.depth = 1;
    if (!json_text_object(&json, entity_names, members, 2))
        return refuse_json(&json, column, text, bad);
    return entity_take(set, "unstruct_event_", column, members, bad);
}

static bool value_write(const struct json_text_value *value, const char *column, struct buffer *out,
                        struct bad_row *bad)
{
    if (value->has_nan) {
        bad_row_set(bad, BAD_VALUE, column, value->text, "NaN, which no JSON can say");
        return false;
    }
    json_text_write(value, out);
    return true;
}

static void key_write(const struct sdk_contexts *set, const struct sdk_group *group, struct buffer *out)
{
    buffer_byte(out, '"');
    buffer_put(out, set->keys.data + group->key_at, group->key_size);
    buffer_literal(out, "\":");
}

bool sdk_contexts_write(const struct sdk_contexts *set, const struct sdk_contexts *replacing, const char *column,
                        struct buffer *out, struct bad_row *bad)
{
    bool some_replaced = replacing != NULL && replacing->group_count > 0;
    for (size_t i = 0; i < set->group_count; i++) {
        const struct sdk_group *group = &set->groups[i];
        sl_view key = {set->keys.data + group->key_at, group->key_size};
        if (some_replaced && *place_of(replacing, key, group->hash) != 0)
            continue;
        key_write(set, group, out);
        char before = '[';
        for (size_t next = group->first; next != 0; next = set->entities[next - 1].next) {
            buffer_byte(out, before);
            if (!value_write(&set->entities[next - 1].data, column, out, bad))
                return false;
            before = ',';
        }
        buffer_literal(out, "],");
    }
    return true;
}

bool sdk_unstruct_write(const struct sdk_contexts *set, const char *column, struct buffer *out, struct bad_row *bad)
{
    for (size_t i = 0; i < set->group_count; i++) {
        key_write(set, &set->groups[i], out);
        if (!value_write(&set->entities[set->groups[i].first - 1].data, column, out, bad))
            return false;
        buffer_byte(out, ',');
    }
    return true;
}
