/* record_schema.c - see record_schema.h. */
#include "state/record_schema.h"

#include "base/memory.h"
#include "state/text_line.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    uint32_t size;
} types[] = {
    [SL_BOOL] = {"bool", 1}, [SL_U8] = {"u8", 1},       [SL_I32] = {"i32", 4},  [SL_I64] = {"i64", 8},
    [SL_F64] = {"f64", 8},   [SL_MONEY] = {"money", 8}, [SL_TEXT] = {"text", 8},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

static const char *type_word(sl_type type)
{
    assert(type > SL_NONE && (size_t)type < TYPE_COUNT);
    return types[type].word;
}

void record_schema_free(struct record_schema *schema)
{
    free(schema->source);
    memset(schema, 0, sizeof *schema);
}

void record_schema_copy(struct record_schema *to, const struct record_schema *from)
{
    *to = *from;
    to->source = memory_text(from->source);
}

void record_schema_write(const struct record_schema *schema, struct buffer *out)
{
    assert(strchr(schema->source, '\n') == NULL);
    buffer_printf(out, "schema %s %u\n", schema->key, schema->record_size);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct schema_field *field = &schema->fields[i];
        buffer_printf(out, "field %s %s %u %u\n", field->name, type_word(field->type), field->offset, field->size);
    }
    buffer_literal(out, "source ");
    buffer_put(out, schema->source, strlen(schema->source));
    buffer_byte(out, '\n');
}

/* ---- reading ---- */

/* A member of a C struct. */
static bool field_name_valid(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        bool letter = *at == '_' || (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        if (!letter && (at == name || *at < '0' || *at > '9'))
            return false;
    }
    return true;
}

static bool field_read(struct record_schema *schema, struct text_line *line, struct error *error)
{
    struct schema_field field = {0};
    char word[16];
    uint64_t offset, size;
    if (!text_line_copy(line, field.name, sizeof field.name) || !field_name_valid(field.name) ||
        !text_line_copy(line, word, sizeof word) || !text_line_u64(line, SCHEMA_RECORD_MAX, &offset) ||
        !text_line_u64(line, SCHEMA_RECORD_MAX, &size) || !text_line_ended(line)) {
        error_what(error, "a field of a record is not \"field NAME TYPE OFFSET SIZE\"");
        return false;
    }
    size_t type = SL_BOOL;
    while (type < TYPE_COUNT && strcmp(types[type].word, word) != 0)
        type++;
    if (type == TYPE_COUNT || types[type].size != size) {
        error_what(error, "field \"%s\" of a record is %s of %u bytes", field.name, word, (unsigned)size);
        return false;
    }
    if (offset < sizeof(sl_stamp) || offset + size > schema->record_size) {
        error_what(error, "field \"%s\" is outside of its record", field.name);
        return false;
    }
    field.type = (sl_type)type;
    field.offset = (uint32_t)offset;
    field.size = (uint32_t)size;
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct schema_field *other = &schema->fields[i];
        if (strcmp(other->name, field.name) == 0 ||
            (other->offset < field.offset + field.size && field.offset < other->offset + other->size)) {
            error_what(error, "fields \"%s\" and \"%s\" share a name or bytes", other->name, field.name);
            return false;
        }
    }
    if (schema->field_count == SCHEMA_FIELDS_MAX) {
        error_what(error, "a record has more than %d fields", SCHEMA_FIELDS_MAX);
        return false;
    }
    schema->fields[schema->field_count++] = field;
    return true;
}

bool record_schema_read(struct record_schema *schema, const char **at, const char *end, struct error *error)
{
    struct text_line line;
    const char *next = *at;
    uint64_t size;
    memset(schema, 0, sizeof *schema);
    if (!text_line_take(&line, &next, end) || !text_line_word(&line, "schema") ||
        !text_line_copy(&line, schema->key, sizeof schema->key) || !lane_name_valid(schema->key) ||
        !text_line_u64(&line, SCHEMA_RECORD_MAX, &size) || !text_line_ended(&line) || size < sizeof(sl_stamp) ||
        size % 8 != 0) {
        error_what(error, "the shape of a record is not \"schema KEY SIZE\" with 16 to %d bytes", SCHEMA_RECORD_MAX);
        goto refused;
    }
    schema->record_size = (uint32_t)size;
    for (*at = next; text_line_take(&line, &next, end) && text_line_word(&line, "field"); *at = next)
        if (!field_read(schema, &line, error))
            goto refused;
    next = *at;
    static const char source[] = "source ";
    size_t skip = sizeof source - 1;
    if (!text_line_take(&line, &next, end) || (size_t)(line.end - line.at) < skip || memcmp(line.at, source, skip) != 0 ||
        memchr(line.at, '\0', (size_t)(line.end - line.at)) != NULL) {
        error_what(error, "the fields of a record are not followed by \"source ...\"");
        goto refused;
    }
    size = (size_t)(line.end - line.at) - skip;
    schema->source = memory_new((size_t)size + 1);
    memcpy(schema->source, line.at + skip, (size_t)size);
    *at = next;
    return true;

refused:
    record_schema_free(schema);
    return false;
}

/* ---- comparing ---- */

static const struct schema_field *field_named(const struct record_schema *schema, const char *name)
{
    for (size_t i = 0; i < schema->field_count; i++)
        if (strcmp(schema->fields[i].name, name) == 0)
            return &schema->fields[i];
    return NULL;
}

/* From the start of the part ("inputs ...") in which two sources differ: how many bytes are the same in both. */
static size_t same_parts(const char *a, const char *b)
{
    size_t part = 0;
    for (size_t i = 0; a[i] == b[i] && a[i] != '\0'; i++)
        if (a[i] == ';')
            part = a[i + 1] == ' ' && b[i + 1] == ' ' ? i + 2 : i + 1;
    return part;
}

static void say_sources(const char *from, const char *to, struct error *error)
{
    size_t same = same_parts(from, to);
    from += same;
    to += same;
    size_t was = strcspn(from, ";"), is = strcspn(to, ";"), most = 200; /* both have to fit in one message */
    error_what(error, "what it takes from events was \"%.*s\" and is \"%.*s\"", (int)(was < most ? was : most), from,
               (int)(is < most ? is : most), to);
}

static void differs(struct buffer *list, const char *text)
{
    if (list->size != 0)
        buffer_literal(list, "; ");
    buffer_put(list, text, strlen(text));
}

enum schema_fit record_schema_compare(const struct record_schema *from, const struct record_schema *to,
                                      struct schema_copy *copy, struct error *error)
{
    *copy = (struct schema_copy){.fit = SCHEMA_NEITHER, .record_size = to->record_size};
    if (strcmp(from->key, to->key) != 0) {
        error_what(error, "its key was %s and is %s", from->key, to->key);
        return SCHEMA_NEITHER;
    }
    for (size_t i = 0; i < to->field_count; i++) {
        const struct schema_field *now = &to->fields[i], *then = field_named(from, now->name);
        if (then == NULL) {
            error_what(error, "field %s is new", now->name);
            return SCHEMA_NEITHER;
        }
        bool widen = then->type == SL_I32 && now->type == SL_I64;
        if (then->type != now->type && !widen) {
            error_what(error, "field %s was %s and is %s", now->name, type_word(then->type), type_word(now->type));
            return SCHEMA_NEITHER;
        }
        copy->moves[i].from = then->offset;
        copy->moves[i].to = now->offset;
        copy->moves[i].size = then->size;
        copy->moves[i].widen = widen;
    }
    if (strcmp(from->source, to->source) != 0) {
        say_sources(from->source, to->source, error);
        return SCHEMA_NEITHER;
    }
    copy->move_count = to->field_count;

    struct buffer list = {0};
    char text[160];
    if (from->record_size != to->record_size) {
        (void)snprintf(text, sizeof text, "a record has %u bytes instead of %u", to->record_size, from->record_size);
        differs(&list, text);
    }
    for (size_t i = 0; i < to->field_count; i++) {
        if (copy->moves[i].widen) {
            (void)snprintf(text, sizeof text, "field %s was i32 and is i64", to->fields[i].name);
            differs(&list, text);
        } else if (copy->moves[i].from != copy->moves[i].to) {
            (void)snprintf(text, sizeof text, "field %s moved from %u to %u", to->fields[i].name, copy->moves[i].from,
                           copy->moves[i].to);
            differs(&list, text);
        }
    }
    for (size_t i = 0; i < from->field_count; i++)
        if (field_named(to, from->fields[i].name) == NULL) {
            (void)snprintf(text, sizeof text, "field %s is dropped", from->fields[i].name);
            differs(&list, text);
        }
    copy->fit = list.size == 0 ? SCHEMA_SAME : SCHEMA_COPIED;
    if (copy->fit == SCHEMA_COPIED)
        error_what(error, "%.*s", (int)list.size, list.data);
    buffer_free(&list);
    return copy->fit;
}

void record_schema_move(const struct schema_copy *copy, const void *from, void *to)
{
    if (copy->fit == SCHEMA_SAME) {
        memcpy(to, from, copy->record_size);
        return;
    }
    assert(copy->fit == SCHEMA_COPIED);
    memcpy(to, from, sizeof(sl_stamp));
    memset((char *)to + sizeof(sl_stamp), 0, copy->record_size - sizeof(sl_stamp));
    for (size_t i = 0; i < copy->move_count; i++) {
        const char *source = (const char *)from + copy->moves[i].from;
        char *target = (char *)to + copy->moves[i].to;
        if (copy->moves[i].widen) {
            int32_t narrow;
            memcpy(&narrow, source, sizeof narrow);
            int64_t wide = narrow;
            memcpy(target, &wide, sizeof wide);
        } else {
            memcpy(target, source, copy->moves[i].size);
        }
    }
}
