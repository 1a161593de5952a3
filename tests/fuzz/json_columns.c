/* json_columns.c - any text as the JSON columns of a line (one line of the input each: contexts, derived_contexts,
 * unstruct_event): read or refused; and what JSON is, a plain recursive reader of the grammar says the same. */
#include "all_places.h"

#include "snowplow/columns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The grammar of RFC 8259, by the letter. */
struct grammar {
    const char *at, *end;
    uint32_t values;
};

static void spaces(struct grammar *g)
{
    while (g->at < g->end && memchr(" \t\n\r", *g->at, 4) != NULL)
        g->at++;
}

static bool byte(struct grammar *g, char wanted)
{
    if (g->at == g->end || *g->at != wanted)
        return false;
    g->at++;
    return true;
}

static bool word(struct grammar *g, const char *wanted)
{
    for (; *wanted != '\0'; wanted++)
        if (!byte(g, *wanted))
            return false;
    return true;
}

static bool string(struct grammar *g)
{
    if (!byte(g, '"'))
        return false;
    while (g->at < g->end) {
        char c = *g->at++;
        if (c == '"')
            return true;
        if ((unsigned char)c < 0x20)
            return false;
        if (c != '\\')
            continue;
        if (g->at == g->end)
            return false;
        c = *g->at++;
        if (c != 'u') {
            if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
                return false;
            continue;
        }
        for (int i = 0; i < 4; i++, g->at++)
            if (g->at == g->end || *g->at == '\0' || strchr("0123456789abcdefABCDEF", *g->at) == NULL)
                return false;
    }
    return false;
}

static bool digits(struct grammar *g)
{
    const char *start = g->at;
    while (g->at < g->end && *g->at >= '0' && *g->at <= '9')
        g->at++;
    return g->at > start;
}

static bool number(struct grammar *g)
{
    (void)byte(g, '-');
    if (!byte(g, '0') && !digits(g))
        return false;
    if (byte(g, '.') && !digits(g))
        return false;
    if (byte(g, 'e') || byte(g, 'E')) {
        if (!byte(g, '+'))
            (void)byte(g, '-');
        return digits(g);
    }
    return true;
}

static bool value(struct grammar *g, int depth);

static bool members(struct grammar *g, int depth, char closing)
{
    if (depth > JSON_DEPTH_MAX)
        return false;
    g->at++;
    spaces(g);
    if (byte(g, closing))
        return true;
    for (;;) {
        spaces(g);
        if (closing == '}') {
            if (!string(g))
                return false;
            spaces(g);
            if (!byte(g, ':'))
                return false;
        }
        if (!value(g, depth))
            return false;
        if (byte(g, closing))
            return true;
        if (!byte(g, ','))
            return false;
    }
}

static bool value(struct grammar *g, int depth)
{
    spaces(g);
    if (g->at == g->end)
        return false;
    g->values++;
    bool good;
    switch (*g->at) {
    case '{': good = members(g, depth + 1, '}'); break;
    case '[': good = members(g, depth + 1, ']'); break;
    case '"': good = string(g); break;
    case 't': good = word(g, "true"); break;
    case 'f': good = word(g, "false"); break;
    case 'n': good = word(g, "null"); break;
    default: good = number(g);
    }
    spaces(g);
    return good;
}

static void check_grammar(sl_view text)
{
    static struct json_parser *parser;
    static struct json json;
    if (parser == NULL)
        parser = json_parser_new();
    struct grammar g = {text.data, text.data + text.size, 0};
    spaces(&g);
    bool object = g.at < g.end && *g.at == '{';
    bool expected = object && value(&g, 0) && g.at == g.end && utf8_is(text);
    bool found = json_read(parser, text, &json) == NULL;
    CHECK(found == expected);
    CHECK(!found || json.count == g.values);
    for (uint32_t i = 0; found && i < json.count; i++)
        CHECK(json.nodes[i].next > i && json.nodes[i].next <= json.count &&
              json.nodes[i].at + json.nodes[i].size <= text.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum column into[] = {COLUMN_CONTEXTS, COLUMN_DERIVED_CONTEXTS, COLUMN_UNSTRUCT_EVENT};
    static struct reader *reader;
    static int lane;
    if (reader == NULL)
        reader = all_places_reader(&lane);

    sl_view texts[COLUMN_COUNT] = {
        [COLUMN_EVENT] = {"unstruct", 8},
        [COLUMN_EVENT_ID] = {"id", 2},
        [COLUMN_COLLECTOR_TSTAMP] = {"2025-03-26 10:56:46.043", 23},
    };
    const char *at = (const char *)data, *end = at + size;
    char *copies[3] = {NULL};
    for (int i = 0; i < 3; i++) {
        const char *stop = at == end ? NULL : memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((stop == NULL ? end : stop) - at);
        copies[i] = malloc(length == 0 ? 1 : length);
        for (size_t k = 0; k < length; k++)
            copies[i][k] = at[k] == '\t' ? ' ' : at[k];
        check_grammar((sl_view){copies[i], length});
        texts[into[i]] = (sl_view){copies[i], length};
        at = stop == NULL ? end : stop + 1;
    }

    size_t room = size + 512, used = 0;
    char *line = malloc(room);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (i != 0)
            line[used++] = '\t';
        if (texts[i].size != 0)
            memcpy(line + used, texts[i].data, texts[i].size);
        used += texts[i].size;
    }
    line = realloc(line, used);
    sl_view message = {line, used};
    struct event_head head;
    struct bad_row bad;
    if (reader_read(reader, message, &head, &bad)) {
        all_places_read(reader, lane);
        if (reader_failed(reader, &bad))
            all_places_letter(&bad, message);
    } else {
        all_places_letter(&bad, message);
    }
    free(line);
    for (int i = 0; i < 3; i++)
        free(copies[i]);
    return 0;
}
