/* case_event.c - see case_event.h. */
#include "testhost/case_event.h"

#include "base/hash.h"
#include "base/memory.h"
#include "base/time.h"
#include "config/near_miss.h"
#include "snowplow/columns.h"
#include "snowplow/event_name.h"
#include "snowplow/json.h"
#include "snowplow/vocabulary.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(1742947200000) /* 2025-03-26, of all cases: long past, so that no event is from the future */

#define SNOWPLOW "com.snowplowanalytics.snowplow"
#define ECOMMERCE ACTION_VENDOR

#define ENTITIES_MAX 1200 /* of one event */
#define NEAREST_MAX 96

/* ---- times ---- */

static bool digits(const char *text, size_t count, int64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        *number = *number * 10 + (text[i] - '0');
    }
    return true;
}

bool case_time(const char *text, int64_t *ms)
{
    int64_t hours, minutes, seconds, rest = 0;
    size_t size = strlen(text), first = strcspn(text, ":"); /* hours may have more digits */
    const char *at = text + first;
    if (first < 2 || first > 5 || (size != first + 6 && size != first + 10) || at[3] != ':' || !digits(text, first, &hours) ||
        !digits(at + 1, 2, &minutes) || !digits(at + 4, 2, &seconds) ||
        (size == first + 10 && (at[6] != '.' || !digits(at + 7, 3, &rest))))
        return false;
    *ms = DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest;
    return true;
}

const char *case_time_text(int64_t ms, char out[CASE_TIME_MAX])
{
    long long at = (long long)(ms - DAY_MS), seconds = at / 1000, rest = at % 1000;
    int used = snprintf(out, CASE_TIME_MAX, "%02lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (rest != 0 && used > 0 && used < CASE_TIME_MAX)
        (void)snprintf(out + used, (size_t)(CASE_TIME_MAX - used), ".%03lld", rest);
    return out;
}

/* As a column has it: 2025-03-26 12:00:00.000 */
static char *stamp(int64_t ms)
{
    char text[TIME_TEXT_MAX];
    (void)time_text(ms, text);
    text[10] = ' ';
    text[strlen(text) - 1] = '\0';
    return memory_text(text);
}

/* ---- schemas ---- */

/* Of snowplow_ecommerce_action, beside its type, which the name of the event says. */
static const char *const action_fields[] = {"name", NULL};
/* Kinds that are no self-describing events, and how the columns call them. */
static const struct kind {
    const char *name, *event, *vendor, *event_name;
} kinds[] = {{"page_view", "page_view", SNOWPLOW, "page_view"},
             {"page_ping", "page_ping", SNOWPLOW, "page_ping"},
             {"struct", "struct", "com.google.analytics", "event"},
             {LEGACY "transaction", "transaction", SNOWPLOW, "transaction"},
             {LEGACY "transaction_item", "transaction_item", SNOWPLOW, "transaction_item"}};

#define KINDS (sizeof kinds / sizeof *kinds)

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static bool is_action(const char *name) { return event_is_action((sl_view){name, strlen(name)}); }

/* Numbers by Snowplow's schemas. */
static const char *const numbers[] = {"price",          "list_price",  "quantity",     "total_value",  "revenue",
                                      "refund_amount",  "step",        "position",     "total_quantity", "tax",
                                      "shipping",       "discount_amount", "sessionIndex", "eventIndex", "totalResults",
                                      "pageResults",    NULL};
static const char *const with_currency[] = {"product", "cart", "transaction", "refund", NULL};

static struct case_schema *add(struct case_schemas *schemas)
{
    schemas->items = memory_resize(schemas->items, (schemas->count + 1) * sizeof *schemas->items);
    schemas->items[schemas->count] = (struct case_schema){0};
    return &schemas->items[schemas->count++];
}

static const char *schema_of(const char *name) { return strncmp(name, LEGACY, strlen(LEGACY)) == 0 ? name + strlen(LEGACY) : name; }

void case_schemas_begin(struct case_schemas *schemas)
{
    *schemas = (struct case_schemas){0};
    for (const struct vocabulary_schema *known = vocabulary_schemas; known->name != NULL; known++)
        *add(schemas) = (struct case_schema){.name = memory_text(known->name),
                                             .vendor = memory_text(known->vendor),
                                             .schema = memory_text(schema_of(known->name)),
                                             .version = memory_text(known->version),
                                             .event = known->event,
                                             .derived = known->derived,
                                             .fields = known->fields};
}

void case_schemas_free(struct case_schemas *schemas)
{
    for (size_t i = 0; i < schemas->count; i++) {
        free(schemas->items[i].name);
        free(schemas->items[i].vendor);
        free(schemas->items[i].schema);
        free(schemas->items[i].version);
    }
    free(schemas->items);
    *schemas = (struct case_schemas){0};
}

static const struct case_schema *find_schema(const struct case_schemas *schemas, bool event, const char *name)
{
    for (size_t i = 0; i < schemas->count; i++)
        if (schemas->items[i].event == event && strcmp(schemas->items[i].name, name) == 0)
            return &schemas->items[i];
    return NULL;
}

bool case_schemas_add(struct case_schemas *schemas, bool event, const char *text, struct error *error)
{
    char name[64], vendor[128], schema[64], version[24], more[16] = "";
    int used = 0;
    bool good = sscanf(text, " %63[a-z0-9_] = iglu:%127[^/ ]/%63[^/ ]/jsonschema/%23[0-9-] %n", name, vendor, schema, version, &used) == 4;
    if (good && text[used] != '\0')
        good = !event && sscanf(text + used, "%15s", more) == 1 && strcmp(more, "derived") == 0 && strlen(text + used) == strlen(more);
    if (!good) {
        error_what(error, "this names no schema: %s", text);
        error_advice(error, "%s NAME = iglu:com.acme/wishlist/jsonschema/1-0-0", event ? "event" : "entity");
        return false;
    }
    if (find_schema(schemas, event, name) != NULL || (event && (is_action(name) || find_kind(name) != NULL))) {
        error_what(error, "\"%s\" is there already", name);
        error_advice(error, "another short name; it stands for the schema in this case only");
        return false;
    }
    *add(schemas) = (struct case_schema){.name = memory_text(name),
                                         .vendor = memory_text(vendor),
                                         .schema = memory_text(schema),
                                         .version = memory_text(version),
                                         .event = event,
                                         .derived = more[0] != '\0',
                                         .own = true};
    return true;
}

/* ---- an event ---- */

/* The fields of one entity, or of the event's own data, as JSON: "price":42.99,"id":"5" */
struct data {
    const struct case_schema *schema;
    struct buffer fields;
    bool has_currency;
};

struct making {
    const struct case_schemas *schemas;
    const struct case_schema *event; /* of its own schema; or NULL */
    bool action;                     /* an e-commerce action */
    char *columns[COLUMN_COUNT];
    struct data entities[ENTITIES_MAX];
    size_t entity_count;
    struct data event_data;
    struct error *error;
};

static void put_column(struct making *making, enum column column, char *text)
{
    free(making->columns[column]);
    making->columns[column] = text;
}

static const struct {
    const char *name;
    enum column column;
} short_names[] = {{"user", COLUMN_USER_ID}, {"session", COLUMN_DOMAIN_SESSIONID}, {"id", COLUMN_EVENT_ID}, {"url", COLUMN_PAGE_URL}};

static int column_of(const char *name)
{
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++)
        if (strcmp(name, short_names[i].name) == 0)
            return (int)short_names[i].column;
    return column_find(name, strlen(name));
}

/* A name for ever the same, as a UUID. */
static char *uuid_of(const char *kind, const char *text)
{
    uint64_t high = hash_seeded(text, strlen(text), hash_bytes(kind, strlen(kind))), low = hash_seeded(text, strlen(text), high);
    return memory_format("%08x-%04x-5%03x-a%03x-%012llx", (unsigned)(high >> 32), (unsigned)(high >> 16 & 0xffff),
                         (unsigned)(high & 0xfff), (unsigned)(low >> 52), (unsigned long long)(low & 0xffffffffffff));
}

static bool is_uuid(const char *text)
{
    return strlen(text) == 36 && text[strspn(text, "0123456789abcdef-")] == '\0';
}

static bool escapes_are_right(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' || (unsigned char)text[i] < ' ')
            return false;
        if (text[i] != '\\')
            continue;
        if (++i == size || strchr("\"\\/bfnrtu", text[i]) == NULL)
            return false;
        if (text[i] == 'u' && (size - i <= 4 || strspn(text + i + 1, "0123456789abcdefABCDEF") < 4))
            return false;
    }
    return true;
}

/* What stands behind `=`, bare or as a JSON string, as plain text. NULL: it is no JSON string. */
static char *plain(const char *text)
{
    size_t size = strlen(text);
    if (*text != '"')
        return memory_text(text);
    if (size < 2 || text[size - 1] != '"')
        return NULL;
    if (!escapes_are_right(text + 1, size - 2))
        return NULL;
    char *out = memory_new(size + 1);
    out[json_unescape((sl_view){text + 1, size - 2}, out)] = '\0';
    return out;
}

static bool wrong(struct making *making, const char *what, const char *detail, const char *advice)
{
    error_what(making->error, "%s: %s", what, detail);
    error_advice(making->error, "%s", advice);
    return false;
}

static bool set_column(struct making *making, enum column column, const char *value)
{
    char *text = plain(value);
    int64_t time_ms;
    if (text == NULL)
        return wrong(making, "this is no JSON string", value, "\"like this, with \\\" for a quote\"");
    if (column == COLUMN_EVENT_ID && !is_uuid(text)) {
        char *id = uuid_of("event", text);
        free(text);
        text = id;
    }
    size_t name_size = strlen(columns[column].name);
    if (name_size > 7 && strcmp(columns[column].name + name_size - 7, "_tstamp") == 0 && case_time(text, &time_ms)) {
        free(text);
        text = stamp(time_ms);
    }
    put_column(making, column, text);
    return true;
}

/* Is it JSON as it stands: a number, true, false, null? */
static bool is_json_word(const char *text)
{
    char *end;
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || strcmp(text, "null") == 0)
        return true;
    if (*text == '\0' || text[strspn(text, "0123456789+-.eE")] != '\0' || *text == '+')
        return false;
    (void)strtod(text, &end);
    return *end == '\0';
}

static struct data *data_of(struct making *making, const char *name, size_t index)
{
    if (strcmp(name, "event") == 0)
        return &making->event_data;
    const struct case_schema *schema = find_schema(making->schemas, false, name);
    if (schema == NULL)
        return NULL;
    size_t seen = 0;
    for (size_t i = 0; i < making->entity_count; i++)
        if (making->entities[i].schema == schema && seen++ == index)
            return &making->entities[i];
    while (seen <= index && making->entity_count < ENTITIES_MAX) {
        making->entities[making->entity_count++] = (struct data){.schema = schema};
        seen++;
    }
    return seen > index ? &making->entities[making->entity_count - 1] : NULL;
}

/* What was meant, for advice: "nearest: product_view; " or nothing. */
static const char *nearest(const char *word, const char *const *known, char out[NEAREST_MAX])
{
    const char *near = near_miss(word, known);
    out[0] = '\0';
    if (near != NULL)
        (void)snprintf(out, NEAREST_MAX, "nearest: %s; ", near);
    return out;
}

static bool no_such_field(struct making *making, const char *place, const char *field, const char *of, const char *const *fields)
{
    char near[NEAREST_MAX];
    struct buffer list = {0};
    for (const char *const *known = fields; *known != NULL; known++)
        buffer_printf(&list, "%s%s", known == fields ? "" : ", ", *known);
    error_what(making->error, "there is no such field: %s", place);
    error_advice(making->error, "%s%s has %.*s; to send it all the same: %s:=VALUE", nearest(field, fields, near), of, (int)list.size,
                 list.data, place);
    buffer_free(&list);
    return false;
}

/* Names of columns and of entities, the short ones among them. */
static bool no_such_place(struct making *making, const char *place, const char *name)
{
    char near[NEAREST_MAX];
    const char **known = memory_new((COLUMN_COUNT + making->schemas->count + 6) * sizeof *known);
    size_t count = 0;
    for (size_t i = 0; i < sizeof short_names / sizeof *short_names; i++)
        known[count++] = short_names[i].name;
    known[count++] = "event";
    for (size_t i = 0; i < making->schemas->count; i++)
        if (!making->schemas->items[i].event)
            known[count++] = making->schemas->items[i].name;
    for (int i = 0; i < COLUMN_COUNT; i++)
        known[count++] = columns[i].name;
    error_what(making->error, "there is no such column or entity: %s", place);
    error_advice(making->error, "%sa column of the enriched event, ENTITY.field, ENTITY[1].field or event.field; a schema of your own is "
                                "named by a line  entity NAME = iglu:vendor/schema/jsonschema/1-0-0",
                 nearest(*name == '\0' ? place : name, known, near));
    free(known);
    return false;
}

static bool set_field(struct making *making, const char *place, const char *name, size_t index, const char *field, bool raw,
                      const char *value)
{
    struct data *data = data_of(making, name, index);
    if (data == NULL)
        return no_such_place(making, place, name);
    const struct case_schema *schema = data == &making->event_data ? making->event : data->schema;
    const char *const *fields = schema != NULL ? schema->fields : making->action ? action_fields : NULL;
    if (!raw && fields != NULL && !vocabulary_has(fields, field))
        return no_such_field(making, place, field, schema != NULL ? schema->name : "the event", fields);
    buffer_put(&data->fields, ",", data->fields.size > 0);
    buffer_json_text(&data->fields, field, strlen(field));
    buffer_byte(&data->fields, ':');
    data->has_currency = data->has_currency || strcmp(field, "currency") == 0;
    bool number = schema != NULL && schema->own ? is_json_word(value) : vocabulary_has(numbers, field);
    if (raw || *value == '"' || number)
        buffer_put(&data->fields, value, strlen(value));
    else
        buffer_json_text(&data->fields, value, strlen(value));
    return true;
}

/* "product[1].price=42.99", "url=...", "product.id:=5" */
static bool set(struct making *making, const char *word)
{
    char place[128], name[64], field[64];
    size_t size = strcspn(word, "=");
    bool raw = size > 0 && word[size] == '=' && word[size - 1] == ':';
    const char *value = word + size + 1;
    int used = 0;
    unsigned index = 0;
    if (word[size] == '\0' || size == 0 || size >= sizeof place)
        return wrong(making, "this is no field=value", word, "user=ann, product.price=42.99");
    (void)snprintf(place, sizeof place, "%.*s", (int)(size - (raw ? 1 : 0)), word);
    if (strcmp(place, "device") == 0)
        (void)snprintf(place, sizeof place, "yauaa_context.deviceClass");
    int column = column_of(place);
    if (column >= 0 && !raw)
        return set_column(making, (enum column)column, value);
    bool good = sscanf(place, "%63[A-Za-z0-9_][%u].%63[A-Za-z0-9_]%n", name, &index, field, &used) == 3;
    if (!good) {
        index = 0;
        good = sscanf(place, "%63[A-Za-z0-9_].%63[A-Za-z0-9_]%n", name, field, &used) == 2;
    }
    if (!good || place[used] != '\0')
        name[0] = field[0] = '\0';
    return set_field(making, place, name, index, field, raw, value);
}

static void described(struct buffer *out, const char *vendor, const char *schema, const char *version, const struct buffer *fields)
{
    buffer_printf(out, "{\"schema\":\"iglu:%s/%s/jsonschema/%s\",\"data\":{", vendor, schema, version);
    buffer_put(out, fields->data, fields->size);
    buffer_literal(out, "}}");
}

static char *wrapped(const char *name, const struct buffer *data, const char *left, const char *right)
{
    return memory_format("{\"schema\":\"iglu:" SNOWPLOW "/%s/jsonschema/1-0-0\",\"data\":%s%.*s%s}", name, left, (int)data->size,
                         data->data == NULL ? "" : data->data, right);
}

static void default_column(struct making *making, enum column column, char *text)
{
    if (making->columns[column] == NULL)
        making->columns[column] = text;
    else
        free(text);
}

static bool no_such_event(struct making *making, const char *name)
{
    char near[NEAREST_MAX];
    const char **known = memory_new((making->schemas->count + 20) * sizeof *known);
    size_t count = 0;
    for (size_t i = 0; i < KINDS; i++)
        known[count++] = kinds[i].name;
    for (const char *const *word = vocabulary_actions; *word != NULL; word++)
        known[count++] = *word;
    for (size_t i = 0; i < making->schemas->count; i++)
        if (making->schemas->items[i].event)
            known[count++] = making->schemas->items[i].name;
    error_what(making->error, "there is no such event: %s", name);
    error_advice(making->error, "%spage_view, page_ping, product_view, list_view, add_to_cart, remove_from_cart, checkout_step, transaction, "
                                "refund, site_search, link_click, ...; one of your own is com.acme/wishlist_change, or named by a line  event NAME = iglu:...",
                 nearest(name, known, near));
    free(known);
    return false;
}

static bool finish_kind(struct making *making, const char *name)
{
    const struct kind *kind = find_kind(name);
    const char *vendor, *event_name, *version = "1-0-0", *event = "unstruct";
    struct buffer inner = {0};
    if (kind != NULL) {
        event = kind->event, vendor = kind->vendor, event_name = kind->event_name;
        if (making->event_data.fields.size > 0)
            return wrong(making, "this event has no data of its own", name, "fields of columns and entities only");
    } else if (is_action(name)) {
        struct buffer with_type = {0};
        vendor = ECOMMERCE, event_name = ACTION, version = "1-0-2";
        buffer_printf(&with_type, "\"type\":\"%s\"", name);
        buffer_put(&with_type, ",", making->event_data.fields.size > 0);
        buffer_put(&with_type, making->event_data.fields.data, making->event_data.fields.size);
        buffer_free(&making->event_data.fields);
        making->event_data.fields = with_type;
    } else if (making->event != NULL) {
        vendor = making->event->vendor, event_name = making->event->schema, version = making->event->version;
    } else {
        return no_such_event(making, name);
    }
    put_column(making, COLUMN_EVENT, memory_text(event));
    put_column(making, COLUMN_EVENT_VENDOR, memory_text(vendor));
    put_column(making, COLUMN_EVENT_NAME, memory_text(event_name));
    put_column(making, COLUMN_EVENT_VERSION, memory_text(version));
    put_column(making, COLUMN_EVENT_FORMAT, memory_text("jsonschema"));
    if (strcmp(event, "unstruct") == 0) {
        described(&inner, vendor, event_name, version, &making->event_data.fields);
        default_column(making, COLUMN_UNSTRUCT_EVENT, wrapped("unstruct_event", &inner, "", ""));
        buffer_free(&inner);
    }
    return true;
}

static void finish_entities(struct making *making)
{
    struct buffer tracker = {0}, derived = {0}, page = {0};
    char *id = uuid_of("page", "page");
    buffer_printf(&page, "\"id\":\"%s\"", id);
    described(&tracker, SNOWPLOW, "web_page", "1-0-0", &page);
    free(id);
    buffer_free(&page);
    /* Kind by kind, in the order in which each first appears. */
    for (size_t i = 0; i < making->entity_count; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first = first && making->entities[j].schema != making->entities[i].schema;
        for (size_t j = i; first && j < making->entity_count; j++) {
            struct data *data = &making->entities[j];
            if (data->schema != making->entities[i].schema)
                continue;
            if (vocabulary_has(with_currency, data->schema->name) && !data->schema->own && !data->has_currency)
                buffer_printf(&data->fields, "%s\"currency\":\"EUR\"", data->fields.size > 0 ? "," : "");
            struct buffer *out = data->schema->derived ? &derived : &tracker;
            buffer_put(out, ",", out->size > 0);
            described(out, data->schema->vendor, data->schema->schema, data->schema->version, &data->fields);
        }
    }
    default_column(making, COLUMN_CONTEXTS, wrapped("contexts", &tracker, "[", "]"));
    if (derived.size > 0)
        default_column(making, COLUMN_DERIVED_CONTEXTS, wrapped("contexts", &derived, "[", "]"));
    buffer_free(&tracker);
    buffer_free(&derived);
}

static void begin(struct making *making, int64_t time_ms, int64_t received_ms, size_t number)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%zu", number);
    put_column(making, COLUMN_APP_ID, memory_text("shop"));
    put_column(making, COLUMN_PLATFORM, memory_text("web"));
    put_column(making, COLUMN_EVENT_ID, uuid_of("number", text));
    put_column(making, COLUMN_ETL_TSTAMP, stamp(received_ms));
    put_column(making, COLUMN_COLLECTOR_TSTAMP, stamp(received_ms));
    put_column(making, COLUMN_DERIVED_TSTAMP, stamp(time_ms));
    put_column(making, COLUMN_DVCE_CREATED_TSTAMP, stamp(time_ms));
    put_column(making, COLUMN_NAME_TRACKER, memory_text("sp"));
    put_column(making, COLUMN_V_TRACKER, memory_text("js-4.3.1"));
    put_column(making, COLUMN_V_COLLECTOR, memory_text("ssc-3.7.0-kafka"));
    put_column(making, COLUMN_V_ETL, memory_text("snowplow-enrich-kafka-6.10.0"));
}

static bool put_line(struct making *making, struct buffer *out)
{
    for (int i = 0; i < COLUMN_COUNT; i++) {
        const char *cell = making->columns[i] == NULL ? "" : making->columns[i];
        if (strpbrk(cell, "\t\n") != NULL)
            return wrong(making, "a column can't hold tabs or newlines", columns[i].name, "leave them out");
        buffer_put(out, "\t", i > 0);
        buffer_put(out, cell, strlen(cell));
    }
    return true;
}

bool case_event_line(const struct case_schemas *schemas, int64_t time_ms, int64_t received_ms, size_t number, const char *name,
                     char *const *words, size_t count, struct buffer *out, struct error *error)
{
    struct making *making = memory_new(sizeof *making);
    struct case_schema unnamed = {.own = true, .event = true, .version = (char[]){"1-0-0"}};
    char *vendor = memory_text(name), *slash = strchr(vendor, '/');
    making->schemas = schemas;
    making->event = find_schema(schemas, true, name);
    making->action = is_action(name);
    if (making->event == NULL && slash != NULL && event_name_listable(name) && *name != '*') {
        *slash = '\0';
        unnamed.vendor = vendor;
        unnamed.schema = slash + 1;
        making->event = &unnamed;
    }
    making->error = error;
    begin(making, time_ms, received_ms, number);
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = set(making, words[i]);
    good = good && finish_kind(making, name);
    if (good) {
        finish_entities(making);
        good = put_line(making, out);
    }
    for (int i = 0; i < COLUMN_COUNT; i++)
        free(making->columns[i]);
    for (size_t i = 0; i < making->entity_count; i++)
        buffer_free(&making->entities[i].fields);
    buffer_free(&making->event_data.fields);
    free(making);
    free(vendor);
    return good;
}
