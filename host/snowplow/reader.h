/* reader.h - the inside of event_reader.h's `struct reader`: the current message, what of it has been opened, and the
 * memory that its texts live in. Shared by event_reader.c (a message as a whole), entities.c (JSON columns), places.c (what
 * lanes ask for) and accelerator_json.c (the other format).
 *
 * Everything that grows keeps its memory for the next message; nothing is bigger than a small multiple of the largest
 * message. */
#ifndef SNOWPLOW_READER_H
#define SNOWPLOW_READER_H

#include "base/buffer.h"
#include "snowplow/device_class.h"
#include "snowplow/iglu.h"
#include "snowplow/json.h"
#include "snowplow/plan.h"
#include "snowplow/tsv.h"

/* The texts of JSON that a message can have. */
enum opened_text {
    OPENED_DERIVED,  /* column derived_contexts */
    OPENED_CONTEXTS, /* column contexts */
    OPENED_UNSTRUCT, /* column unstruct_event */
    OPENED_MESSAGE,  /* the accelerator's: the whole of it */
    OPENED_COUNT
};

/* Where the rows of one entity are: `count` rows, one after the other, of as many node numbers as the plan wants fields
 * of it (0: not there). */
struct rows {
    uint32_t first, count;
};

/* One text of JSON: opened once an event, then everything the plan wants of it is in rows. */
struct opened {
    enum { OPENED_NOT, OPENED_WELL, OPENED_BROKEN } state;
    bool scanned;   /* `mentions` is known */
    bool *mentions; /* per entity: its schema's name occurs somewhere in the text; OPENED_MESSAGE: it was looked for */
    struct json json;
    struct rows *entities; /* per entity of the plan */
    struct iglu schema;    /* OPENED_UNSTRUCT: of the event itself */
    uint32_t data;         /* OPENED_UNSTRUCT: the event's data; 0: none */
};

/* An entity in the order of its text. */
struct element {
    uint32_t entity, data; /* number in the plan; node of its data */
};

/* A text that a record has: bytes of the message or of the reader; or, where `data` is NULL, of reader->made from `at` on. */
struct kept_text {
    const char *data;
    size_t at, size;
};
#define READER_MADE_MAX ((size_t)1 << 20) /* bytes that lanes may make of one event */

struct lane_event {
    sl_event event; /* first: what lanes hold is a pointer to it */
    struct reader *reader;
    const struct plan_lane *lane;
};

struct reader {
    const struct plan *plan;
    struct json_parser *parser;

    sl_view message;
    bool accelerator; /* the message is the accelerator's JSON; else `tsv` */
    struct tsv tsv;
    sl_stamp at;
    struct opened opened[OPENED_COUNT];
    int8_t *accelerator_entities; /* per entity: where the accelerator's JSON has it; see accelerator_json.c */

    struct element *elements; /* of the text being opened */
    uint32_t element_count, element_capacity;
    uint32_t *rows;
    uint32_t row_count, row_capacity;
    struct kept_text *texts; /* what long handles stand for */
    uint32_t text_count, text_capacity;
    struct buffer made; /* texts that lanes made of this event, one behind the other */
    char *bytes; /* unescaped and put together; at most twice a message, and some */
    size_t byte_count, byte_capacity;

    bool user_known, session_known, device_known, location_known;
    sl_view user, session, device_class, location;
    struct device_memo memo;

    const struct place *odd_place; /* where the first amount was asked for that is none; or NULL */
    sl_view odd_value;

    bool failed;
    struct bad_row bad;
    struct lane_event lane_event;
};

/* The event is spoilt, for the first reason that is given. */
void reader_spoil(struct reader *reader, enum bad_reason reason, const char *key, sl_view value, const char *what);

/* The same for something of more bytes than it may have: "product[0].id has 5000 bytes, and a text that is kept at most 4096". */
void reader_spoil_size(struct reader *reader, const char *key, sl_view value, const char *of, size_t most);

/* Room for `size` bytes that stay until the next message. */
char *reader_bytes(struct reader *reader, size_t size);

/* A column's text; empty if there is none. The accelerator's JSON has some of the columns, and may spoil the event. */
sl_view reader_column(struct reader *reader, enum column column);

/* The bytes of a string node, unescaped. */
sl_view reader_string(struct reader *reader, struct json *json, uint32_t node);

/* The same of a place that must hold a text: null and "not there" are empty, a number or a boolean is as it is written, and an object
 * or an array spoils the event. */
sl_view reader_text_of(struct reader *reader, struct json *json, uint32_t node, const char *key);

/* Entities (entities.c). The text in which the rows of this entity are, NULL if the event has none; the text is opened if
 * it was not. */
struct opened *reader_entity(struct reader *reader, uint32_t entity);

/* The event's own data, opened; NULL if there is none, or it is broken. */
struct opened *reader_unstruct(struct reader *reader);

/* Open one column, unless it is known that this entity is not in it. */
struct opened *reader_open(struct reader *reader, enum opened_text text, uint32_t entity);

/* A row of an entity, all absent, after the rows there are; or filled from the entity's data. */
uint32_t *reader_new_row(struct reader *reader, uint32_t entity);
void reader_add_row(struct reader *reader, const struct json *json, uint32_t entity, uint32_t data);

/* The node of a field of the n-th such entity; 0: not there. */
static inline uint32_t opened_field(const struct reader *reader, const struct opened *opened, uint32_t entity,
                                    uint32_t n, uint32_t field)
{
    struct rows rows = opened->entities[entity];
    if (n >= rows.count)
        return 0;
    return reader->rows[rows.first + n * reader->plan->entities[entity].field_count + field];
}

/* The table behind sl_event (places.c). */
extern const sl_event_table reader_event_table;
sl_view reader_device_class(struct reader *reader);

/* The accelerator's format (accelerator_json.c). */
int8_t accelerator_entity(const struct plan_entity *entity);
bool accelerator_open(struct reader *reader, struct bad_row *bad);
struct opened *accelerator_rows(struct reader *reader, uint32_t entity);
sl_view accelerator_column(struct reader *reader, enum column column);

#endif
