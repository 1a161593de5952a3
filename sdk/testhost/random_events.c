/* random_events.c - see random_events.h. */
#include "testhost/random_events.h"

#include "base/memory.h"
#include "snowplow/columns.h"
#include "testhost/case_event.h"
#include "testhost/constants.h"
#include "testhost/strict.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- chance ---- */

/* SplitMix64. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}
static size_t below(uint64_t *state, size_t bound) { return (size_t)(next(state) % bound); }
static bool one_in(uint64_t *state, size_t n) { return below(state, n) == 0; }
#define PICK(state, list) (list)[below(state, sizeof(list) / sizeof *(list))]

/* ---- the shape ---- */

enum input_kind { INPUT_COLUMN, INPUT_TIME, INPUT_ENTITY, INPUT_EVENT };

struct input {
    enum input_kind kind;
    char entity[64]; /* its name in a case */
    char field[64];  /* the field's, or the column's */
    uint32_t index;
    bool every; /* [*] */
};

struct random_shape {
    const sl_lane *lane;
    const struct recorded_events *recorded;
    struct constants constants;
    bool with_constants; /* of the stream that is made: every third, since equal values must stay frequent in the others */
    struct case_schemas schemas;
    struct buffer head;
    struct input *inputs;
    bool *made; /* by input: a value can be given for it */
    uint8_t *asked;
    size_t input_count, event_count;
    int64_t scale;
    char **names; /* of events, as a case calls them */
};

static bool trial(struct random_shape *shape, const char *name, char *word)
{
    struct buffer line = {0};
    struct error error;
    bool good = case_event_line(&shape->schemas, 0, 0, 0, name, &word, word == NULL ? 0 : 1, &line, &error);
    buffer_free(&line);
    return good;
}

static void declare(struct random_shape *shape, bool event, const char *name, const char *vendor, const char *schema, int model)
{
    struct error error;
    char *text = memory_format("%s = iglu:%s/%s/jsonschema/%d-0-0", name, vendor, schema, model);
    if (case_schemas_add(&shape->schemas, event, text, &error))
        buffer_printf(&shape->head, "%s %s\n", event ? "event" : "entity", text);
    free(text);
}

/* com.acme/wishlist/1[0].size, product[*].price */
static void shape_entity(struct random_shape *shape, struct input *input, const char *path)
{
    char vendor[128] = "", name[64], where[16];
    int model = 1, used = 0;
    const char *bracket = strchr(path, '[');
    input->kind = INPUT_ENTITY;
    if (sscanf(path, "%127[^/[]/%63[^/[]/%d%n", vendor, name, &model, &used) != 3 || path + used != bracket) {
        (void)snprintf(name, sizeof name, "%.*s", (int)(bracket - path), path);
        (void)snprintf(vendor, sizeof vendor, "com.snowplowanalytics.snowplow");
        model = strcmp(name, "browser_context") == 0 ? 2 : 1;
        used = 0;
    }
    if (used > 0)
        (void)snprintf(input->entity, sizeof input->entity, "e_%.40s_%d", name, model);
    else
        (void)snprintf(input->entity, sizeof input->entity, "%s", name);
    for (char *at = input->entity; *at != '\0'; at++)
        *at = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') ? *at : '_';
    if (sscanf(bracket, "[%15[^]]].%63[A-Za-z0-9_]", where, input->field) != 2)
        input->field[0] = '\0';
    input->every = strcmp(where, "*") == 0;
    input->index = input->every ? 0 : (uint32_t)strtoul(where, NULL, 10);
    char *word = memory_format("%s.%s=1", input->entity, input->field);
    if (!trial(shape, "page_view", word))
        declare(shape, false, input->entity, vendor, name, model);
    free(word);
}

static void shape_input(struct random_shape *shape, struct input *input, const char *path)
{
    if (strncmp(path, "event.", 6) == 0) {
        input->kind = INPUT_EVENT;
        (void)sscanf(path + 6, "%63[A-Za-z0-9_]", input->field);
    } else if (strchr(path, '[') != NULL) {
        shape_entity(shape, input, path);
    } else {
        size_t size = strlen(path);
        input->kind = size > 7 && strcmp(path + size - 7, "_tstamp") == 0 ? INPUT_TIME : INPUT_COLUMN;
        (void)snprintf(input->field, sizeof input->field, "%.63s", path);
    }
}

/* What says who, what and when the event is stays with the maker of events; @places are made of columns. */
static bool is_made(const struct input *input)
{
    static const char *const ours[] = {"user_id",          "domain_sessionid", "event_id",     "event",
                                       "event_name",       "event_vendor",     "event_format", "event_version",
                                       "derived_tstamp",   "collector_tstamp", "etl_tstamp",   "contexts",
                                       "derived_contexts", "unstruct_event"};
    if (input->field[0] == '\0' || (input->kind == INPUT_ENTITY && input->index > 8))
        return false;
    if (input->kind != INPUT_COLUMN && input->kind != INPUT_TIME)
        return true;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (strcmp(ours[i], input->field) == 0)
            return false;
    return column_find(input->field, strlen(input->field)) >= 0;
}

/* What the lane lists, as a case calls it: another of Snowplow's own by a name that is declared, one of any vendor by a vendor. */
static char *shape_event(struct random_shape *shape, const char *listed)
{
    if (trial(shape, listed, NULL))
        return memory_text(listed);
    if (strncmp(listed, "*/", 2) == 0)
        return memory_format("com.example/%s", listed + 2);
    char *own = memory_format("x_%.50s", listed);
    for (char *at = own; *at != '\0'; at++)
        *at = (*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') ? *at : '_';
    declare(shape, true, own, "com.snowplowanalytics.example", listed, 1);
    return own;
}

struct random_shape *random_shape_new(const sl_lane *lane, const char *path, const struct recorded_events *recorded)
{
    struct random_shape *shape = memory_new(sizeof *shape);
    shape->lane = lane;
    shape->recorded = recorded;
    constants_read(&shape->constants, path, lane);
    shape->scale = 1 + lane->bucket_ms / 60000;
    case_schemas_begin(&shape->schemas);
    while (lane->inputs != NULL && lane->inputs[shape->input_count].path != NULL)
        shape->input_count++;
    while (lane->events[shape->event_count] != NULL)
        shape->event_count++;
    shape->inputs = memory_new((shape->input_count + 1) * sizeof *shape->inputs);
    shape->made = memory_new((shape->input_count + 1) * sizeof *shape->made);
    shape->asked = memory_new(shape->input_count + 1);
    shape->names = memory_new((shape->event_count + 1) * sizeof *shape->names);
    for (size_t i = 0; i < shape->input_count; i++) {
        shape_input(shape, &shape->inputs[i], lane->inputs[i].path);
        shape->made[i] = is_made(&shape->inputs[i]);
    }
    for (size_t i = 0; i < shape->event_count; i++)
        shape->names[i] = shape_event(shape, lane->events[i]);
    buffer_byte(&shape->head, '\0');
    return shape;
}

void random_shape_free(struct random_shape *shape)
{
    constants_free(&shape->constants);
    case_schemas_free(&shape->schemas);
    for (size_t i = 0; i < shape->event_count; i++)
        free(shape->names[i]);
    free(shape->names);
    free(shape->inputs);
    free(shape->made);
    free(shape->asked);
    buffer_free(&shape->head);
    free(shape);
}

int64_t random_shape_scale(const struct random_shape *shape) { return shape->scale; }
uint8_t *random_shape_asked(struct random_shape *shape) { return shape->asked; }
const char *random_shape_head(const struct random_shape *shape) { return shape->head.data; }

/* ---- values ---- */

static const char *const texts[] = {"5",
                                    "7",
                                    "12",
                                    "shoes",
                                    "Men's shoes",
                                    "a-much-longer-identifier-0001",
                                    "a-much-longer-identifier-0002",
                                    "EUR",
                                    "gr\xc3\xb6\xc3\x9f\x65 \xe2\x9c\x93",
                                    "/search?q=red",
                                    "",
                                    " ",
                                    "{\"a\":1}",
                                    "0",
                                    "true"};
static const char *const numbers[] = {"0",   "1",         "2",         "3",       "42.99", "9.5",     "100",
                                      "0.1", "19.999999", "1e2",       "4299E-2", "7",     "99999999999", "100000000000",
                                      "-3",  "1e300",     "0.0000001", "12",      "5"};
static const char *const hostile[] = {"null",   "{}",   "[]",   "[1,2]", "{\"a\":{\"b\":[]}}",
                                      "\"12\"", "\"\"", "true", "-0",    "123456789012345678901234567890"};

/* A value as a case writes it behind the place: "=..." of a column, ":=..." of JSON. */
static void put_value(const struct random_shape *shape, uint64_t *state, bool json, unsigned asked, struct buffer *word)
{
    unsigned kinds[3], count = 0;
    for (unsigned kind = ASKED_TEXT; kind <= ASKED_FLAG; kind <<= 1)
        if (asked == 0 || (asked & kind) != 0)
            kinds[count++] = kind;
    unsigned kind = kinds[below(state, count)];
    if (json)
        buffer_byte(word, ':');
    buffer_byte(word, '=');
    if (json && one_in(state, 40)) {
        buffer_printf(word, "%s", PICK(state, hostile));
    } else if (kind == ASKED_NUMBER) {
        bool constant = shape->with_constants && shape->constants.number_count > 0 && one_in(state, 3);
        buffer_printf(word, "%s", constant ? shape->constants.numbers[below(state, shape->constants.number_count)] : PICK(state, numbers));
    } else if (kind == ASKED_FLAG) {
        bool flag = one_in(state, 2);
        buffer_printf(word, "%s", json ? (flag ? "true" : "false") : (flag ? "1" : "0"));
    } else if (one_in(state, 60)) {
        size_t size = one_in(state, 10) ? 20000 : 300;
        buffer_byte(word, '"');
        memset(buffer_add(word, size), 'x', size);
        buffer_byte(word, '"');
    } else {
        bool constant = shape->with_constants && shape->constants.text_count > 0 && one_in(state, 3);
        const char *text = constant ? shape->constants.texts[below(state, shape->constants.text_count)] : PICK(state, texts);
        buffer_json_text(word, text, strlen(text));
    }
}

/* ---- an event ---- */

#define WORDS_MAX 1200
struct words {
    char *items[WORDS_MAX];
    size_t count;
};

static void words_add(struct words *words, struct buffer *word)
{
    buffer_byte(word, '\0');
    if (words->count < WORDS_MAX)
        words->items[words->count++] = memory_text(word->data);
    buffer_reset(word);
}

/* How many of an entity there are in this event: chosen once for all inputs that read it. */
static size_t elements(uint64_t seed, const char *entity)
{
    for (; *entity != '\0'; entity++)
        seed = seed * 31 + (unsigned char)*entity;
    if (one_in(&seed, 150))
        return 60;
    return below(&seed, 5);
}

static void fill_input(const struct random_shape *shape, size_t number, uint64_t event_seed, uint64_t *state,
                       struct words *words)
{
    const struct input *input = &shape->inputs[number];
    struct buffer word = {0};
    char at[CASE_TIME_MAX];
    int64_t noon_ms;
    size_t first = input->index, end = input->index + 1;
    if (!shape->made[number])
        return;
    if (input->every)
        end = elements(event_seed, input->entity);
    for (size_t i = first; i < end; i++) {
        if (one_in(state, 8))
            continue;
        switch (input->kind) {
        case INPUT_TIME:
            (void)case_time("12:00:00", &noon_ms);
            buffer_printf(&word, "%s=%s", input->field, case_time_text(noon_ms + (int64_t)below(state, 100000), at));
            break;
        case INPUT_COLUMN:
            buffer_printf(&word, "%s", input->field);
            put_value(shape, state, false, shape->asked[number], &word);
            break;
        case INPUT_ENTITY:
            if (i == 0)
                buffer_printf(&word, "%s.%s", input->entity, input->field);
            else
                buffer_printf(&word, "%s[%zu].%s", input->entity, i, input->field);
            put_value(shape, state, true, shape->asked[number], &word);
            break;
        case INPUT_EVENT:
            buffer_printf(&word, "event.%s", input->field);
            put_value(shape, state, true, shape->asked[number], &word);
            break;
        }
        words_add(words, &word);
    }
    buffer_free(&word);
}

static void fill_common(uint64_t *state, struct words *words)
{
    static const char *const common[] = {"mkt_campaign=spring",
                                         "mkt_source=mail",
                                         "geo_country=NL",
                                         "geo_country=DE geo_region=BE",
                                         "device=Phone",
                                         "device=Desktop",
                                         "platform=mob",
                                         "page_url=https://shop.example/search?q=red",
                                         "page_url=https://shop.example/p/5"};
    struct buffer word = {0};
    if (!one_in(state, 20)) {
        buffer_printf(&word, "user=u%zu", below(state, 6));
        words_add(words, &word);
    }
    if (!one_in(state, 20)) {
        buffer_printf(&word, "session=s%zu", below(state, 8));
        words_add(words, &word);
    }
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        if (!one_in(state, 5))
            continue;
        const char *space = strchr(common[i], ' ');
        buffer_put(&word, common[i], space == NULL ? strlen(common[i]) : (size_t)(space - common[i]));
        words_add(words, &word);
        if (space == NULL)
            continue;
        buffer_printf(&word, "%s", space + 1);
        words_add(words, &word);
    }
    buffer_free(&word);
}

static bool same_place(const char *a, const char *b)
{
    size_t size = strcspn(a, "=");
    return strncmp(a, b, size) == 0 && b[size] == '=';
}

/* A column is given once; what the lane reads comes first. */
static void drop_twins(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        for (size_t k = i + 1; k < words->count; k++)
            if (same_place(words->items[i], words->items[k])) {
                free(words->items[k]);
                words->items[k--] = words->items[--words->count];
            }
}

static struct random_event make_event(const struct random_shape *shape, uint64_t seed, int64_t time_ms, size_t number)
{
    char at[CASE_TIME_MAX];
    uint64_t state = seed;
    struct words *words = memory_new(sizeof *words);
    struct buffer line = {0}, text = {0};
    struct error error;
    const char *name = shape->names[below(&state, shape->event_count)];
    for (size_t i = 0; i < shape->input_count; i++)
        fill_input(shape, i, seed, &state, words);
    fill_common(&state, words);
    drop_twins(words);
    struct buffer id = {0};
    buffer_printf(&id, "id=n%zu", number);
    words_add(words, &id);
    buffer_free(&id);
    bool good = case_event_line(&shape->schemas, time_ms, time_ms, number, name, words->items, words->count, &line, &error);
    if (!good) { /* a name of a field that a case can't write: the event without them */
        buffer_reset(&line);
        for (size_t i = 0; i + 1 < words->count; i++)
            free(words->items[i]);
        if (words->count > 1)
            words->items[0] = words->items[words->count - 1];
        words->count = 1;
        good = case_event_line(&shape->schemas, time_ms, time_ms, number, name, words->items, words->count, &line, &error);
    }
    assert(good);
    buffer_printf(&text, "at %s %s", case_time_text(time_ms, at), name);
    for (size_t i = 0; i < words->count; i++) {
        buffer_byte(&text, ' ');
        buffer_put(&text, words->items[i], strlen(words->items[i]));
        free(words->items[i]);
    }
    buffer_byte(&text, '\0');
    size_t size = line.size;
    buffer_byte(&line, '\0');
    free(words);
    return (struct random_event){.text = text.data, .message = line.data, .size = size, .time_ms = time_ms};
}

/* ---- what is broken ---- */

static const char *damage(uint64_t *state, struct random_event *event)
{
    char *message = event->message;
    switch (below(state, 5)) {
    case 0: event->size = below(state, event->size + 1); return "cut off";
    case 1:
        for (size_t i = 0, flips = 1 + below(state, 20); i < flips && event->size > 0; i++)
            message[below(state, event->size)] = (char)next(state);
        return "with bytes changed";
    case 2: {
        char *tab = memchr(message, '\t', event->size);
        if (tab != NULL)
            *tab = ' ';
        return "with a column missing";
    }
    case 3:
        for (size_t i = 0; i < event->size; i++)
            if (message[i] == '}' && one_in(state, 3))
                message[i] = "]{,\""[below(state, 4)];
        return "with JSON that is broken";
    default:
        for (size_t i = 0; i < event->size; i++)
            message[i] = (char)next(state);
        return "of random bytes";
    }
}

static void break_event(uint64_t *state, struct random_event *event)
{
    const char *how = damage(state, event);
    char *text = memory_format("# a message %s: %s", how, event->text);
    free(event->text);
    event->text = text;
    event->broken = true;
}

/* ---- streams ---- */

static struct random_event copy_of(const struct random_event *event)
{
    struct random_event copy = *event;
    copy.text = memory_text(event->text);
    copy.message = memory_new(event->size + 1);
    memcpy(copy.message, event->message, event->size);
    return copy;
}

static int64_t step_ms(uint64_t *state)
{
    switch (below(state, 40)) {
    case 0: return 31 * 60000 + (int64_t)below(state, 600000); /* a session is over */
    case 1: return 5 * 60000;
    case 2:
    case 3:
    case 4: return 0;
    default: return (int64_t)below(state, 20000);
    }
}

/* The part of the file that belongs to the seed. */
static void record_stream(const struct random_shape *shape, uint64_t seed, size_t count, bool broken, struct random_stream *stream)
{
    const struct recorded_events *recorded = shape->recorded;
    size_t parts = recorded->count / count + (recorded->count % count != 0), first = (size_t)((seed - 1) % parts) * count;
    uint64_t state = seed;
    int64_t newest_ms = INT64_MIN;
    for (size_t i = first; i < recorded->count && stream->count < count; i++) {
        const struct recorded_event *from = &recorded->events[i];
        struct random_event *event = &stream->events[stream->count++];
        event->text = memory_format("# %s:%d", recorded->path, from->line);
        event->message = memory_new(from->message.size + 1);
        memcpy(event->message, from->message.data, from->message.size);
        event->size = from->message.size;
        event->time_ms = from->time_ms;
        event->broken = !from->readable;
        event->late = newest_ms != INT64_MIN && from->time_ms <= newest_ms - RANDOM_DISORDER_MS * shape->scale;
        if (from->time_ms > newest_ms)
            newest_ms = from->time_ms;
        if (broken && one_in(&state, 8))
            break_event(&state, event);
    }
}

void random_stream_make(struct random_shape *shape, uint64_t seed, size_t count, bool broken, struct random_stream *stream)
{
    uint64_t state = seed;
    int64_t time_ms;
    (void)case_time("48:00:00", &time_ms);
    stream->events = memory_new((count + 1) * sizeof *stream->events);
    stream->count = 0;
    shape->with_constants = seed % 3 == 0;
    if (shape->recorded != NULL && count > 0) {
        record_stream(shape, seed, count, broken, stream);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        time_ms += step_ms(&state) * shape->scale;
        bool late = i > 20 && one_in(&state, 60);
        int64_t back_ms = late                ? 3600000 * (int64_t)(3 + below(&state, 30))
                          : one_in(&state, 4) ? (int64_t)below(&state, RANDOM_DISORDER_MS - 1)
                                              : 0;
        back_ms *= late && shape->scale > 1 ? 24 : shape->scale;
        uint64_t event_seed = next(&state);
        struct random_event *event = &stream->events[stream->count++];
        if (i > 4 && one_in(&state, 30)) {
            *event = copy_of(event - 1 - below(&state, 4));
            continue;
        }
        *event = make_event(shape, event_seed, time_ms - back_ms, i);
        event->late = late;
        if (broken && one_in(&state, 8))
            break_event(&state, event);
    }
}

void random_stream_free(struct random_stream *stream)
{
    for (size_t i = 0; i < stream->count; i++) {
        free(stream->events[i].text);
        free(stream->events[i].message);
    }
    free(stream->events);
    *stream = (struct random_stream){0};
}

struct place_in_time {
    int64_t key_ms;
    size_t index;
};
static int by_key(const void *a, const void *b)
{
    const struct place_in_time *one = a, *two = b;
    if (one->key_ms != two->key_ms)
        return one->key_ms < two->key_ms ? -1 : 1;
    return (one->index > two->index) - (one->index < two->index);
}

void random_stream_shuffled(const struct random_shape *shape, const struct random_stream *stream, uint64_t seed,
                            struct random_stream *shuffled)
{
    uint64_t state = seed;
    struct place_in_time *places = memory_new((stream->count + 1) * sizeof *places);
    shuffled->events = memory_new((stream->count + 1) * sizeof *shuffled->events);
    shuffled->count = 0;
    for (size_t i = 0; i < stream->count; i++) {
        const struct random_event *event = &stream->events[i];
        if (event->late || event->broken)
            continue;
        int64_t away_ms = seed == 0 ? 0 : (int64_t)below(&state, RANDOM_DISORDER_MS - 1) * shape->scale;
        places[shuffled->count++] = (struct place_in_time){event->time_ms + away_ms, i};
    }
    qsort(places, shuffled->count, sizeof *places, by_key);
    for (size_t i = 0; i < shuffled->count; i++)
        shuffled->events[i] = stream->events[places[i].index];
    free(places);
}
