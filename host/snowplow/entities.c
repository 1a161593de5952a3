/* entities.c - opening the JSON columns of a line: contexts, derived_contexts, unstruct_event.
 *
 * A column is opened when something inside is asked for, and then at once for all that the plan wants of it. What is derived
 * would replace what the tracker sent, but need not be opened to know that it does not: the schema's name does not occur in
 * it. The tracker's own contexts are opened whatever they mention: if they are broken the event is no good. */
#include "snowplow/reader.h"

#include "base/memory.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const struct {
    enum column column;
    const char *name;
} sources[] = {
    [OPENED_DERIVED] = {COLUMN_DERIVED_CONTEXTS, "derived_contexts"},
    [OPENED_CONTEXTS] = {COLUMN_CONTEXTS, "contexts"},
    [OPENED_UNSTRUCT] = {COLUMN_UNSTRUCT_EVENT, "unstruct_event"},
};

/* The next "iglu:", or NULL. A third of the time of memmem(), which is a quarter of a page view's. */
static const char *find_uri(const char *at, const char *end)
{
#ifdef __SSE2__
    const __m128i first = _mm_set1_epi8('i'), last = _mm_set1_epi8(':');
    for (; end - at >= 16 + 4; at += 16) {
        __m128i firsts = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), first);
        __m128i lasts = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(at + 4)), last);
        for (unsigned both = (unsigned)_mm_movemask_epi8(_mm_and_si128(firsts, lasts)); both != 0; both &= both - 1) {
            const char *found = at + __builtin_ctz(both);
            if (memcmp(found, "iglu:", 5) == 0)
                return found;
        }
    }
#endif
    return memmem(at, (size_t)(end - at), "iglu:", 5);
}

/* The text up to the next slash, which may be written \/ and is stepped over; empty if there is none. */
static sl_view part(const char **at, const char *end)
{
    const char *start = *at, *slash = memchr(start, '/', (size_t)(end - start));
    if (slash == NULL)
        return (sl_view){start, 0};
    *at = slash + 1;
    return (sl_view){start, (size_t)(slash - start) - (slash > start && slash[-1] == '\\')};
}

static bool same(sl_view view, const char *text, size_t size)
{
    return view.size == size && memcmp(view.data, text, size) == 0;
}

/* Which entities of the plan occur in the text, by vendor and name. Only \u could hide one: then all of them may. */
static void scan(const struct plan *plan, struct opened *opened, sl_view text)
{
    const char *at = text.data, *end = text.data + text.size;
    bool hidden = memchr(at, '\\', text.size) != NULL && memmem(at, text.size, "\\u", 2) != NULL;
    memset(opened->mentions, hidden, plan->entity_count * sizeof *opened->mentions);
    opened->scanned = true;
    while (!hidden && (at = find_uri(at, end)) != NULL) {
        at += 5;
        const char *here = at;
        sl_view vendor = part(&here, end), name = part(&here, end);
        for (uint32_t i = ENTITY_EVENT + 1; i < plan->entity_count; i++) {
            const struct plan_entity *entity = &plan->entities[i];
            if (same(name, entity->name, entity->name_size) && same(vendor, entity->vendor, entity->vendor_size))
                opened->mentions[i] = true;
        }
    }
}

uint32_t *reader_new_row(struct reader *reader, uint32_t entity)
{
    uint32_t fields = reader->plan->entities[entity].field_count;
    if (reader->row_capacity - reader->row_count <= fields) {
        reader->row_capacity = reader->row_capacity * 2 + fields + 64;
        reader->rows = memory_resize(reader->rows, reader->row_capacity * sizeof *reader->rows);
    }
    uint32_t *row = reader->rows + reader->row_count;
    memset(row, 0, fields * sizeof *row);
    reader->row_count += fields;
    return row;
}

void reader_add_row(struct reader *reader, const struct json *json, uint32_t entity, uint32_t data)
{
    const struct plan_entity *wanted = &reader->plan->entities[entity];
    uint32_t fields = wanted->field_count, *row = reader_new_row(reader, entity);
    if (!json_is(json, data, JSON_OBJECT))
        return;
    for (uint32_t node = data + 1; node < json->nodes[data].next; node = json->nodes[node].next)
        for (uint32_t i = 0; i < fields; i++)
            if (json_key_is(json, node, wanted->fields[i].name, wanted->fields[i].size))
                row[i] = node;
    for (uint32_t i = 0; i < fields; i++)
        if (row[i] != 0 && wanted->fields[i].rest != NULL)
            row[i] = json_follow(json, row[i], wanted->fields[i].rest);
}

/* The parts of a self-describing JSON {"schema":...,"data":...}, the last of equal keys each; or the event is spoilt. */
static bool describe(struct reader *reader, struct json *json, uint32_t object, const char *key, sl_view *uri,
                     uint32_t *data)
{
    if (!json_is(json, object, JSON_OBJECT)) {
        reader_spoil(reader, BAD_JSON, key, json_raw(json, object), "has no self-describing object where one must be");
        return false;
    }
    uint32_t schema = 0;
    *data = 0;
    for (uint32_t node = object + 1; node < json->nodes[object].next; node = json->nodes[node].next) {
        if (json_key_is(json, node, "schema", 6))
            schema = node;
        else if (json_key_is(json, node, "data", 4))
            *data = node;
    }
    if (schema == 0 || !json_is(json, schema, JSON_STRING)) {
        reader_spoil(reader, BAD_SCHEMA, key, json_raw(json, object), "has an object without a schema");
        return false;
    }
    if (*data == 0) {
        reader_spoil(reader, BAD_JSON, key, json_raw(json, object), "has an object without data");
        return false;
    }
    *uri = reader_string(reader, json, schema);
    return true;
}

static bool read_schema(struct reader *reader, const char *key, sl_view uri, struct iglu *schema)
{
    if (iglu_read(uri, schema))
        return true;
    reader_spoil(reader, BAD_SCHEMA, key, uri, "has a schema that is not an Iglu URI");
    return false;
}

/* The plan's number of a schema's entity, 0 (the event's own) if it is not wanted. */
static uint32_t wanted_entity(const struct plan *plan, const struct iglu *schema)
{
    for (uint32_t i = ENTITY_EVENT + 1; i < plan->entity_count; i++) {
        const struct plan_entity *entity = &plan->entities[i];
        if (same(schema->name, entity->name, entity->name_size) &&
            same(schema->vendor, entity->vendor, entity->vendor_size) &&
            same(schema->model, entity->model, entity->model_size))
            return i;
    }
    return ENTITY_EVENT;
}

/* The array of entities in a column: every one is checked, the wanted ones are kept in rows. */
static bool take_entities(struct reader *reader, struct opened *opened, const char *key)
{
    struct json *json = &opened->json;
    uint32_t array = json_find(json, 0, "data", 4);
    if (array == 0 || !json_is(json, array, JSON_ARRAY)) {
        reader_spoil(reader, BAD_JSON, key, json_raw(json, array), "has no array of entities as its data");
        return false;
    }
    reader->element_count = 0;
    sl_view last = {NULL, 0};
    uint32_t entity = ENTITY_EVENT;
    for (uint32_t node = array + 1; node < json->nodes[array].next; node = json->nodes[node].next) {
        sl_view uri;
        uint32_t data;
        if (!describe(reader, json, node, key, &uri, &data))
            return false;
        if (last.data == NULL ||
            !same(uri, last.data, last.size)) { /* a list repeats the schema of a product a hundred times */
            struct iglu schema;
            if (!read_schema(reader, key, uri, &schema))
                return false;
            entity = wanted_entity(reader->plan, &schema);
            last = uri;
        }
        if (entity == ENTITY_EVENT)
            continue;
        if (reader->element_count == reader->element_capacity) {
            reader->element_capacity = reader->element_capacity * 2 + 64;
            reader->elements = memory_resize(reader->elements, reader->element_capacity * sizeof *reader->elements);
        }
        reader->elements[reader->element_count++] = (struct element){entity, data};
        opened->entities[entity].count++;
    }
    for (entity = ENTITY_EVENT + 1; entity < reader->plan->entity_count; entity++) {
        if (opened->entities[entity].count == 0)
            continue;
        opened->entities[entity].first = reader->row_count;
        for (uint32_t i = 0; i < reader->element_count; i++)
            if (reader->elements[i].entity == entity)
                reader_add_row(reader, json, entity, reader->elements[i].data);
    }
    return true;
}

/* The event in its envelope. */
static bool take_event(struct reader *reader, struct opened *opened, const char *key)
{
    struct json *json = &opened->json;
    uint32_t event = json_find(json, 0, "data", 4);
    if (event == 0) {
        reader_spoil(reader, BAD_JSON, key, json_raw(json, 0), "has no data");
        return false;
    }
    sl_view uri;
    if (!describe(reader, json, event, key, &uri, &opened->data) || !read_schema(reader, key, uri, &opened->schema))
        return false;
    opened->entities[ENTITY_EVENT] = (struct rows){reader->row_count, 1};
    reader_add_row(reader, json, ENTITY_EVENT, opened->data);
    return true;
}

/* NULL if the column is empty or broken. */
static struct opened *open_column(struct reader *reader, enum opened_text text, sl_view column)
{
    struct opened *opened = &reader->opened[text];
    if (opened->state == OPENED_NOT) {
        opened->state = OPENED_BROKEN;
        memset(opened->entities, 0, reader->plan->entity_count * sizeof *opened->entities);
        const char *key = sources[text].name;
        const char *wrong = json_read(reader->parser, column, &opened->json);
        if (wrong != NULL)
            reader_spoil(reader, BAD_JSON, key, column, wrong);
        else if (text == OPENED_UNSTRUCT ? take_event(reader, opened, key) : take_entities(reader, opened, key))
            opened->state = OPENED_WELL;
    }
    return opened->state == OPENED_WELL ? opened : NULL;
}

struct opened *reader_open(struct reader *reader, enum opened_text text, uint32_t entity)
{
    struct opened *opened = &reader->opened[text];
    sl_view column = tsv_column(&reader->tsv, reader->message, sources[text].column);
    if (column.size == 0)
        return NULL;
    if (opened->state == OPENED_NOT) {
        if (!opened->scanned)
            scan(reader->plan, opened, column);
        if (!opened->mentions[entity])
            return NULL;
    }
    opened = open_column(reader, text, column);
    return opened != NULL && opened->entities[entity].count != 0 ? opened : NULL;
}

struct opened *reader_entity(struct reader *reader, uint32_t entity)
{
    if (reader->accelerator)
        return accelerator_rows(reader, entity);
    if (entity == ENTITY_EVENT)
        return reader_unstruct(reader);
    struct opened *derived = reader_open(reader, OPENED_DERIVED, entity);
    if (derived != NULL)
        return derived;
    sl_view column = tsv_column(&reader->tsv, reader->message, COLUMN_CONTEXTS);
    struct opened *contexts = column.size == 0 ? NULL : open_column(reader, OPENED_CONTEXTS, column);
    return contexts != NULL && contexts->entities[entity].count != 0 ? contexts : NULL;
}

struct opened *reader_unstruct(struct reader *reader)
{
    sl_view column = tsv_column(&reader->tsv, reader->message, COLUMN_UNSTRUCT_EVENT);
    return column.size == 0 ? NULL : open_column(reader, OPENED_UNSTRUCT, column);
}
