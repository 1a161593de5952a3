/* bad_row.h - why a message could not be taken, and the dead letter that says so.
 *
 * The letter is Snowplow's own: iglu:com.snowplowanalytics.snowplow.badrows/loader_parsing_error/jsonschema/2-0-0, what a
 * consumer of enriched TSV emits (shared facts: kafka_and_bad_rows.md):
 *     {"schema":...,"data":{"processor":{"artifact":"shoplane","version":...},"failure":{...},"payload":"<the message>"}}
 * failure is {"type":"NotTSV"} | {"type":"FieldNumberMismatch","fieldCount":n} |
 *            {"type":"RowDecodingError","errors":[{"type":"InvalidValue","key":...,"value":...,"message":...}]}
 * and where the message is not UTF-8 also has "payloadBase64": its bytes, which `payload` can't hold. (The schema takes further
 * members in `failure`, and nowhere else.) */
#ifndef SNOWPLOW_BAD_ROW_H
#define SNOWPLOW_BAD_ROW_H

#include <shoplane/types.h>

/* What letters are counted by. Words for reports: bad_reason_word(). */
enum bad_reason {
    BAD_NOT_TSV,      /* "not_tsv": neither TSV nor the accelerator's JSON; an empty message */
    BAD_COLUMNS,      /* "columns": not 131 */
    BAD_ENCODING,     /* "encoding": not UTF-8, or with a NUL byte */
    BAD_SIZE,         /* "size": the message, an id, or a text that is kept is larger than it may be */
    BAD_TIME,         /* "time": no readable time */
    BAD_FUTURE,       /* "future": too far ahead of the message */
    BAD_JSON,         /* "json": a JSON column or message that is not JSON, or nested too deep */
    BAD_SCHEMA,       /* "schema": a schema that is not an Iglu URI, or missing */
    BAD_VALUE,        /* "value": a value of the wrong type or out of range */
    BAD_PLUGIN,       /* "plugin": a plugin crashed at it twice */
    BAD_REASONS       /* how many there are */
};
const char *bad_reason_word(enum bad_reason reason);

struct bad_row {
    enum bad_reason reason;
    int32_t fields;    /* BAD_COLUMNS: how many there were */
    char key[64];      /* the column or place; may be empty */
    char value[256];   /* what was found there, as much as fits (cut at a character's start); may be empty */
    char message[256]; /* a sentence for a person */
};

void bad_row_set(struct bad_row *bad, enum bad_reason reason, const char *key, sl_view value, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* Append the letter as one line of JSON (without newline) to a growing buffer. The payload is the message whole; bytes that
 * are not UTF-8 are U+FFFD there, and themselves in payloadBase64. NUL is \u0000. `processor_version` is the host's. */
struct buffer;
void bad_row_write(const struct bad_row *bad, sl_view payload, const char *processor_version, struct buffer *out);

#endif
