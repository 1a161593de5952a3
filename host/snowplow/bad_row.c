/* bad_row.c - see bad_row.h. */
#include "snowplow/bad_row.h"

#include "base/buffer.h"
#include "base/utf8.h"
#include "snowplow/json.h"

#include <stdarg.h>
#include <stdio.h>

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

static void put_failure(const struct bad_row *bad, struct buffer *out)
{
    if (bad->reason == BAD_NOT_TSV) {
        buffer_literal(out, "{\"type\":\"NotTSV\"}");
        return;
    }
    if (bad->reason == BAD_COLUMNS) {
        buffer_printf(out, "{\"type\":\"FieldNumberMismatch\",\"fieldCount\":%d}", (int)bad->fields);
        return;
    }
    buffer_literal(out, "{\"type\":\"RowDecodingError\",\"errors\":[{\"type\":\"InvalidValue\",\"key\":");
    put_text(out, bad->key, strlen(bad->key));
    buffer_literal(out, ",\"value\":");
    put_text(out, bad->value, strlen(bad->value));
    buffer_literal(out, ",\"message\":");
    put_text(out, bad->message, strlen(bad->message));
    buffer_literal(out, "}]}");
}

void bad_row_write(const struct bad_row *bad, sl_view payload, const char *processor_version, struct buffer *out)
{
    buffer_literal(out,
                   "{\"schema\":\"iglu:com.snowplowanalytics.snowplow.badrows/loader_parsing_error/jsonschema/2-0-0\","
                   "\"data\":{\"processor\":{\"artifact\":\"shoplane\",\"version\":");
    put_text(out, processor_version, strlen(processor_version));
    buffer_literal(out, "},\"failure\":");
    put_failure(bad, out);
    buffer_literal(out, ",\"payload\":");
    put_text(out, payload.data, payload.size);
    buffer_literal(out, "}}");
}
