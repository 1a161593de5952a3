/* bad_row.c - see bad_row.h. */
#include "snowplow/bad_row.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "snowplow/json.h"

#include <stdarg.h>
#include <stdio.h>

/* Of the schema. */
#define FIELD_COUNT_MOST 1024
#define KEY_MOST         32

const char *bad_reason_word(enum bad_reason reason)
{
    static const char *const words[BAD_REASONS] = {
        [BAD_NOT_TSV] = "not_tsv", [BAD_COLUMNS] = "columns", [BAD_ENCODING] = "encoding",
        [BAD_SIZE] = "size",       [BAD_TIME] = "time",       [BAD_FUTURE] = "future",
        [BAD_JSON] = "json",       [BAD_SCHEMA] = "schema",   [BAD_VALUE] = "value",
        [BAD_PLUGIN] = "plugin",
    };
    return (unsigned)reason < BAD_REASONS ? words[reason] : "unknown";
}

void bad_row_set(struct bad_row *bad, enum bad_reason reason, const char *key, sl_view value, const char *format, ...)
{
    bad->reason = reason;
    bad->fields = 0;
    (void)snprintf(bad->key, sizeof bad->key, "%s", key);
    size_t size = utf8_fitting(value, sizeof bad->value - 1);
    if (size != 0)
        memcpy(bad->value, value.data, size);
    bad->value[size] = '\0';
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(bad->message, sizeof bad->message, format, arguments);
    va_end(arguments);
}

/* A JSON string of bytes that may not be UTF-8: each byte that begins no character becomes U+FFFD. */
static void put_text(struct buffer *out, const char *data, size_t size)
{
    if (size == 0) {
        buffer_literal(out, "\"\"");
        return;
    }
    if (utf8_is((sl_view){data, size})) {
        buffer_json_text(out, data, size);
        return;
    }
    struct buffer repaired = {0};
    for (size_t i = 0; i < size;) {
        size_t length = utf8_character(data + i, size - i);
        if (length == 0)
            buffer_literal(&repaired, "\xef\xbf\xbd");
        else
            buffer_put(&repaired, data + i, length);
        i += length == 0 ? 1 : length;
    }
    buffer_json_text(out, repaired.data, repaired.size);
    buffer_free(&repaired);
}

static void put_base64(struct buffer *out, sl_view bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = (const unsigned char *)bytes.data;
    char *to = buffer_add(out, (bytes.size + 2) / 3 * 4);
    for (size_t left = bytes.size; left > 0; at += 3, to += 4) {
        uint32_t three = (uint32_t)at[0] << 16 | (left > 1 ? (uint32_t)at[1] << 8 : 0) | (left > 2 ? at[2] : 0);
        to[0] = digits[three >> 18];
        to[1] = digits[three >> 12 & 63];
        to[2] = left > 1 ? digits[three >> 6 & 63] : '=';
        to[3] = left > 2 ? digits[three & 63] : '=';
        left -= left > 3 ? 3 : left;
    }
}

/* What does not close its brace. */
static void put_reason(const struct bad_row *bad, struct buffer *out)
{
    if (bad->reason == BAD_NOT_TSV) {
        buffer_literal(out, "{\"type\":\"NotTSV\"");
        return;
    }
    if (bad->reason == BAD_COLUMNS) {
        buffer_printf(out, "{\"type\":\"FieldNumberMismatch\",\"fieldCount\":%d",
                      bad->fields > FIELD_COUNT_MOST ? FIELD_COUNT_MOST : (int)bad->fields);
        return;
    }
    buffer_literal(out, "{\"type\":\"RowDecodingError\",\"errors\":[{\"type\":\"InvalidValue\",\"key\":");
    put_text(out, bad->key, utf8_fitting((sl_view){bad->key, strlen(bad->key)}, KEY_MOST));
    buffer_literal(out, ",\"value\":");
    put_text(out, bad->value, strlen(bad->value));
    buffer_literal(out, ",\"message\":");
    put_text(out, bad->message, strlen(bad->message));
    buffer_literal(out, "}]");
}

static void put_failure(const struct bad_row *bad, sl_view payload, struct buffer *out)
{
    put_reason(bad, out);
    if (payload.size > 0 && !utf8_is(payload)) {
        buffer_literal(out, ",\"payloadBase64\":\"");
        put_base64(out, payload);
        buffer_byte(out, '"');
    }
    buffer_byte(out, '}');
}

void bad_row_write(const struct bad_row *bad, sl_view payload, const char *processor_version, struct buffer *out)
{
    buffer_literal(out,
                   "{\"schema\":\"iglu:com.snowplowanalytics.snowplow.badrows/loader_parsing_error/jsonschema/2-0-0\","
                   "\"data\":{\"processor\":{\"artifact\":\"shoplane\",\"version\":");
    put_text(out, processor_version, strlen(processor_version));
    buffer_literal(out, "},\"failure\":");
    put_failure(bad, payload, out);
    buffer_literal(out, ",\"payload\":");
    put_text(out, payload.data, payload.size);
    buffer_literal(out, "}}");
}
