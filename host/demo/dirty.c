/* dirty.c - see dirty.h. Each kind is one edit: a stretch of the line is replaced. */
#include "demo/dirty.h"

enum { COLLECTOR_TSTAMP = 3, EVENT_ID = 6, USER_ID = 12, SESSION_INDEX = 16, LATITUDE = 22, PAGE_TITLE = 30, CONTEXTS = 52,
       UNSTRUCT = 58, COOKIES = 93, SESSION_ID = 123, DERIVED_TSTAMP = 124, COLUMNS = 131 };

#define NO_SESSION "00000000-0000-4000-8000-00000000d1d1"

struct span {
    size_t from, to;
};

static struct span column(const struct buffer *line, int number)
{
    size_t from = 0;
    for (int i = 0; i < number; i++) {
        const char *tab = memchr(line->data + from, '\t', line->size - from);
        if (tab == NULL)
            return (struct span){line->size, line->size};
        from = (size_t)(tab - line->data) + 1;
    }
    const char *tab = memchr(line->data + from, '\t', line->size - from);
    return (struct span){from, tab == NULL ? line->size : (size_t)(tab - line->data)};
}

static void replace(struct buffer *line, struct span span, const char *bytes, size_t size)
{
    size_t tail = line->size - span.to, old_size = line->size;
    if (size > span.to - span.from)
        (void)buffer_add(line, size - (span.to - span.from));
    line->size = old_size - (span.to - span.from) + size;
    memmove(line->data + span.from + size, line->data + span.to, tail);
    memcpy(line->data + span.from, bytes, size);
}
static void replace_text(struct buffer *line, struct span span, const char *text) { replace(line, span, text, strlen(text)); }
static void set_column(struct buffer *line, int number, const char *text) { replace_text(line, column(line, number), text); }

/* The n-th `text` (from 0), or nothing: then the end of the line. */
static struct span found(const struct buffer *line, const char *text, int n)
{
    const char *at = line->data, *end = line->data + line->size;
    size_t size = strlen(text);
    while (at != NULL && (at = memmem(at, (size_t)(end - at), text, size)) != NULL && n-- > 0)
        at += size;
    return at == NULL ? (struct span){line->size, line->size}
                      : (struct span){(size_t)(at - line->data), (size_t)(at - line->data) + size};
}

/* The number behind "price":, or if there is none the first number behind a colon. */
static struct span a_number(const struct buffer *line)
{
    struct span span = found(line, "\"price\":", 0);
    if (span.from == span.to)
        span = found(line, "\"eventIndex\":", 0);
    if (span.from == span.to)
        return (struct span){line->size, line->size};
    size_t to = span.to;
    while (to < line->size && ((line->data[to] >= '0' && line->data[to] <= '9') || line->data[to] == '.'))
        to++;
    return (struct span){span.to, to};
}

/* The object's member, a text, is `value`, whether or not it had one. (Not a second one: readers may take either.) */
static void set_member(struct buffer *line, const char *object, const char *name, const char *value)
{
    struct span inside = found(line, object, 0);
    size_t end = inside.to;
    while (end < line->size && line->data[end] != '}') /* there is no object in it */
        end++;
    bool empty = end == inside.to;
    const char *member = memmem(line->data + inside.to, end - inside.to, name, strlen(name));
    if (member == NULL) {
        replace_text(line, (struct span){inside.to, inside.to}, empty ? "\"\"" : "\"\",");
        replace_text(line, (struct span){inside.to, inside.to}, name);
        inside.to += strlen(name) + 1;
        replace_text(line, (struct span){inside.to, inside.to}, value);
        return;
    }
    size_t from = (size_t)(member - line->data) + strlen(name) + 1, to = from;
    while (to < end && line->data[to] != '"')
        to++;
    replace_text(line, (struct span){from, to}, value);
}

static void as_dirty_shopper(struct buffer *line, enum format format)
{
    if (format == FORMAT_TSV) {
        struct span id = column(line, EVENT_ID);
        memcpy(line->data + id.from, "d1d1d1d1", 8);
        set_column(line, USER_ID, "dirty-shopper");
        set_column(line, SESSION_ID, NO_SESSION);
        return;
    }
    memcpy(line->data + strlen("{\"id\":\""), "d1d1d1d1", 8);
    set_member(line, "\"user\":{", "\"user_id\":", "dirty-shopper");
    set_member(line, "\"session\":{", "\"sessionId\":", NO_SESSION);
    set_member(line, "\"session\":{", "\"domain_sessionid\":", NO_SESSION);
}

/* The kinds. Each edits a copy of a good line. */

static void column_lost(struct buffer *line) { replace(line, (struct span){column(line, 20).from - 1, column(line, 20).from}, "", 0); }
static void column_more(struct buffer *line) { replace_text(line, column(line, 25), "\tsurplus"); }
static void not_tsv(struct buffer *line) { replace_text(line, (struct span){0, line->size}, "GET / HTTP/1.1"); }
static void empty_line(struct buffer *line) { buffer_reset(line); }
static void cut_short(struct buffer *line) { line->size /= 2; }
static void json_cut(struct buffer *line)
{
    struct span contexts = column(line, CONTEXTS);
    replace(line, (struct span){contexts.from + (contexts.to - contexts.from) / 2, contexts.to}, "", 0);
}
static void json_no_quote(struct buffer *line)
{
    struct span contexts = column(line, CONTEXTS);
    replace_text(line, (struct span){contexts.from, contexts.from + 2}, "{");
}
static void schema_no_iglu(struct buffer *line) { replace_text(line, found(line, "iglu:", 1), "igloo:"); }
static void schema_no_version(struct buffer *line) { replace_text(line, found(line, "/jsonschema/1-0-0", 1), "/jsonschema/latest"); }
static void schema_a_number(struct buffer *line)
{
    struct span contexts = column(line, CONTEXTS);
    replace_text(line, contexts, "{\"schema\":\"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0\",\"data\":[{\"schema\":7,\"data\":{}}]}");
}
static void data_a_text(struct buffer *line)
{
    set_column(line, CONTEXTS, "{\"schema\":\"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0\",\"data\":\"none\"}");
}
static void entity_a_number(struct buffer *line)
{
    set_column(line, CONTEXTS, "{\"schema\":\"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0\",\"data\":[42,null]}");
}
static void unstruct_a_list(struct buffer *line) { set_column(line, UNSTRUCT, "[1,2,3]"); }
static void int_a_word(struct buffer *line) { set_column(line, SESSION_INDEX, "three"); }
static void bool_a_word(struct buffer *line) { set_column(line, COOKIES, "maybe"); }
static void double_a_word(struct buffer *line) { set_column(line, LATITUDE, "north"); }
static void int_too_large(struct buffer *line) { set_column(line, SESSION_INDEX, "99999999999999999999"); }
static void double_too_large(struct buffer *line) { set_column(line, LATITUDE, "1e999"); }
static void no_time(struct buffer *line)
{
    set_column(line, COLLECTOR_TSTAMP, "yesterday");
    set_column(line, DERIVED_TSTAMP, "soon");
}
static void no_such_day(struct buffer *line)
{
    set_column(line, COLLECTOR_TSTAMP, "2025-13-45 25:61:61.000");
    set_column(line, DERIVED_TSTAMP, "2025-02-30 00:00:00.000");
}
static void far_future(struct buffer *line)
{
    set_column(line, COLLECTOR_TSTAMP, "2999-01-01 00:00:00.000");
    set_column(line, DERIVED_TSTAMP, "2999-01-01 00:00:00.000");
}
static void no_event_id(struct buffer *line) { set_column(line, EVENT_ID, ""); }
static void odd_event_id(struct buffer *line) { set_column(line, EVENT_ID, "not-a-uuid"); }
static void not_utf8_in_column(struct buffer *line) { set_column(line, PAGE_TITLE, "caf\xe9 \xc3\x28 \xf5"); }
static void not_utf8_in_json(struct buffer *line)
{
    struct span colon = found(line, "\"data\":[{", 0);
    replace_text(line, (struct span){colon.to, colon.to}, "\"\xff\xfe\":1,");
}
static void nul_in_column(struct buffer *line) { replace(line, column(line, PAGE_TITLE), "a\0b", 3); }
static void nul_in_json(struct buffer *line)
{
    struct span at = found(line, "\"schema\"", 1);
    replace(line, (struct span){at.from, at.from}, "\0", 1);
}
static void nul_only(struct buffer *line) { replace(line, (struct span){0, line->size}, "\0\0\0\0", 4); }
static void number_a_text(struct buffer *line) { replace_text(line, a_number(line), "\"42.99\""); }
static void number_negative(struct buffer *line) { replace_text(line, a_number(line), "-5"); }
static void number_too_large(struct buffer *line) { replace_text(line, a_number(line), "1e400"); }
static void number_of_many_digits(struct buffer *line)
{
    replace_text(line, a_number(line), "123456789012345678901234567890.12345678901234567890");
}

static void nest(struct buffer *line, struct span where, const char *open, const char *close, int depth)
{
    struct buffer deep = {0};
    for (int i = 0; i < depth; i++)
        text_put(&deep, open);
    buffer_literal(&deep, "null");
    for (int i = 0; i < depth; i++)
        text_put(&deep, close);
    replace(line, where, deep.data, deep.size);
    buffer_free(&deep);
}
static void deep_lists(struct buffer *line) { nest(line, column(line, CONTEXTS), "[", "]", 20000); }
static void deep_objects(struct buffer *line)
{
    struct span where = found(line, "\"data\":[{", 0);
    replace_text(line, (struct span){where.to, where.to}, "\"deep\":,");
    where.from = where.to + strlen("\"deep\":");
    nest(line, (struct span){where.from, where.from}, "{\"a\":", "}", 2000);
}

static void json_not_an_object(struct buffer *line) { replace_text(line, (struct span){0, line->size}, "[\"page_view\"]"); }
static void json_no_colon(struct buffer *line) { replace_text(line, found(line, "\":", 0), "\""); }
static void json_time_a_number(struct buffer *line)
{
    struct span at = found(line, "\"timestamp\":\"", 0);
    replace_text(line, (struct span){at.from, at.to + 25}, "\"timestamp\":1748851200");
}
static void json_no_time(struct buffer *line) { replace_text(line, found(line, "\"timestamp\"", 0), "\"time\""); }
static void json_odd_time(struct buffer *line)
{
    struct span at = found(line, "\"timestamp\":\"", 0);
    replace_text(line, (struct span){at.to, at.to + 24}, "2025-02-30T25:00:00Z");
}
static void json_no_id(struct buffer *line) { replace_text(line, found(line, "\"id\"", 0), "\"ID\""); }
static void json_type_a_list(struct buffer *line)
{
    struct span at = found(line, "\"type\":", 0);
    replace_text(line, (struct span){at.to, at.to}, "[],\"was\":");
}
static void json_payload_a_text(struct buffer *line) { replace_text(line, found(line, "\"payload\":", 0), "\"payload\":\"none\",\"was\":"); }
static void json_not_utf8(struct buffer *line) { replace_text(line, found(line, "\"metadata\":{", 0), "\"metadata\":{\"\xff\":\"\xc3\x28\","); }
static void json_nul(struct buffer *line) { replace(line, found(line, "\"metadata\":{", 0), "\"metadata\":{\0", 13); }
static void json_deep(struct buffer *line)
{
    struct span at = found(line, "\"marketing\":null", 0);
    if (at.from == at.to)
        at = (struct span){0, line->size};
    else
        at.from += strlen("\"marketing\":");
    nest(line, at, "[", "]", 20000);
}

struct kind {
    const char *name;
    void (*edit)(struct buffer *line);
    bool may_be_accepted; /* belongs to dirty-shopper */
};

static const struct kind tsv_kinds[] = {
    {"a column lost", column_lost, false},
    {"a column too many", column_more, false},
    {"not TSV", not_tsv, false},
    {"an empty line", empty_line, false},
    {"cut in the middle", cut_short, false},
    {"contexts cut", json_cut, true},
    {"contexts without a quote", json_no_quote, true},
    {"a schema that is no Iglu URI", schema_no_iglu, true},
    {"a schema without a version", schema_no_version, true},
    {"a schema that is a number", schema_a_number, true},
    {"contexts whose data is a text", data_a_text, true},
    {"an entity that is a number", entity_a_number, true},
    {"a self-describing event that is a list", unstruct_a_list, true},
    {"a word for an integer", int_a_word, true},
    {"a word for a boolean", bool_a_word, true},
    {"a word for a decimal", double_a_word, true},
    {"an integer too large", int_too_large, true},
    {"a decimal too large", double_too_large, true},
    {"no readable time", no_time, false},
    {"a day that does not exist", no_such_day, true},
    {"a time far in the future", far_future, false},
    {"no event id", no_event_id, true},
    {"an event id that is no UUID", odd_event_id, true},
    {"a column that is not UTF-8", not_utf8_in_column, true},
    {"JSON that is not UTF-8", not_utf8_in_json, true},
    {"a NUL in a column", nul_in_column, true},
    {"a NUL in JSON", nul_in_json, true},
    {"NULs only", nul_only, false},
    {"a text for a number in JSON", number_a_text, true},
    {"a negative number in JSON", number_negative, true},
    {"a number too large in JSON", number_too_large, true},
    {"a number of many digits in JSON", number_of_many_digits, true},
    {"lists 20 000 deep", deep_lists, true},
    {"objects 2 000 deep", deep_objects, true},
};

static const struct kind json_kinds[] = {
    {"an empty line", empty_line, false},
    {"not an object", json_not_an_object, false},
    {"cut in the middle", cut_short, false},
    {"no colon", json_no_colon, false},
    {"a number for the time", json_time_a_number, true},
    {"no time", json_no_time, true},
    {"a time that does not exist", json_odd_time, true},
    {"no id", json_no_id, true},
    {"a list for the type", json_type_a_list, true},
    {"a text for the payload", json_payload_a_text, true},
    {"not UTF-8", json_not_utf8, true},
    {"a NUL", json_nul, true},
    {"NULs only", nul_only, false},
    {"a text for a number", number_a_text, true},
    {"a negative number", number_negative, true},
    {"a number too large", number_too_large, true},
    {"a number of many digits", number_of_many_digits, true},
    {"lists 20 000 deep", json_deep, true},
};

#define COUNT(list) (unsigned)(sizeof(list) / sizeof *(list))

unsigned dirty_kinds(enum format format) { return format == FORMAT_TSV ? COUNT(tsv_kinds) : COUNT(json_kinds); }

static const struct kind *kind_of(enum format format, unsigned kind)
{
    return format == FORMAT_TSV ? &tsv_kinds[kind] : &json_kinds[kind];
}

const char *dirty_kind_name(enum format format, unsigned kind) { return kind_of(format, kind)->name; }

void dirty_copy_of_kind(struct buffer *out, enum format format, unsigned kind, const char *line, size_t size)
{
    buffer_reset(out);
    buffer_put(out, line, size);
    if (kind_of(format, kind)->may_be_accepted)
        as_dirty_shopper(out, format);
    kind_of(format, kind)->edit(out);
}

void dirty_copy(struct buffer *out, struct random *random, enum format format, const char *line, size_t size)
{
    dirty_copy_of_kind(out, format, random_below(random, dirty_kinds(format)), line, size);
}
