/* sdk_json.c - see sdk_json.h.
 *
 * The line is split, checked to be UTF-8, and written column by column straight into the output, which is cut back if a
 * column is refused. Only derived_contexts is read before its turn, to know which keys of contexts it replaces. */
#include "snowplow/sdk_json.h"

#include "base/decimal.h"
#include "base/memory.h"
#include "snowplow/columns.h"
#include "snowplow/json.h"
#include "snowplow/python_number.h"
#include "snowplow/sdk_contexts.h"
#include "snowplow/tsv.h"

#include <math.h>
#include <stdlib.h>

#define LINE_LIMIT ((size_t)UINT32_MAX - 64) /* what tsv_split() can count */

struct sdk_json {
    struct sdk_contexts contexts, derived, unstruct;
    struct buffer work;                /* for the column at hand */
    struct buffer names[COLUMN_COUNT]; /* each with quotes and colon */
    struct tsv tsv;                    /* of the current line */
    bool derived_good;                 /* of the current line; else derived_bad */
    struct bad_row derived_bad;
};

struct sdk_json *sdk_json_new(void)
{
    struct sdk_json *writer = memory_new(sizeof *writer);
    for (int i = 0; i < COLUMN_COUNT; i++)
        buffer_printf(&writer->names[i], "\"%s\":", columns[i].name);
    return writer;
}

void sdk_json_free(struct sdk_json *writer)
{
    if (writer == NULL)
        return;
    sdk_contexts_free(&writer->contexts);
    sdk_contexts_free(&writer->derived);
    sdk_contexts_free(&writer->unstruct);
    buffer_free(&writer->work);
    for (int i = 0; i < COLUMN_COUNT; i++)
        buffer_free(&writer->names[i]);
    free(writer);
}

/* U+0085, or U+2028 or U+2029: what begins at `at`, before `end`? Its size in bytes, or 0. */
static size_t break_size(const unsigned char *at, const unsigned char *end)
{
    if (end - at >= 2 && at[0] == 0xc2 && at[1] == 0x85)
        return 2;
    return end - at >= 3 && at[0] == 0xe2 && at[1] == 0x80 && (at[2] & 0xfe) == 0xa8 ? 3 : 0;
}

/* Is there one of them, a carriage return or a newline? */
static bool has_breaks(sl_view text)
{
    const unsigned char *at = (const unsigned char *)text.data, *end = at + text.size;
    if (memchr(text.data, '\r', text.size) != NULL || memchr(text.data, '\n', text.size) != NULL)
        return true;
    for (; at < end; at++) {
        uint64_t word;
        while (end - at > 8 && (memcpy(&word, at, 8), (word & 0x8080808080808080u) == 0))
            at += 8;
        if (break_size(at, end) != 0)
            return true;
    }
    return false;
}

/* Make what was written from `start` on free of anything that some reader takes for the end of a line. In JSON the three
 * characters occur only inside strings, and a bare carriage return or newline only outside of them. */
static void breaks_escape(struct sdk_json *writer, struct buffer *out, size_t start)
{
    struct buffer *work = &writer->work;
    buffer_reset(work);
    buffer_put(work, out->data + start, out->size - start);
    out->size = start;
    const unsigned char *at = (const unsigned char *)work->data, *end = at + work->size;
    while (at < end) {
        size_t size = break_size(at, end);
        if (size != 0) {
            buffer_put(out, size == 2 ? "\\u0085" : at[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
            at += size;
        } else {
            buffer_byte(out, *at == '\r' || *at == '\n' ? ' ' : (char)*at);
            at++;
        }
    }
}

static void timestamp_write(struct sdk_json *writer, sl_view text, struct buffer *out)
{
    struct buffer *work = &writer->work;
    buffer_reset(work);
    buffer_put(work, text.data, text.size);
    for (size_t i = 0; i < work->size; i++)
        if (work->data[i] == ' ')
            work->data[i] = 'T';
    buffer_byte(work, 'Z');
    buffer_json_text(out, work->data, work->size);
}

/* So that a reader gets the same double, and sees that it is one: 5.0, not 5. */
static void double_write(double number, struct buffer *out)
{
    if (isinf(number)) {
        buffer_printf(out, number < 0 ? "-1e999" : "1e999");
        return;
    }
    if (number == 0 && signbit(number) != 0)
        buffer_byte(out, '-');
    size_t start = out->size;
    char text[DECIMAL_MAX];
    buffer_put(out, text, decimal_f64(number, text));
    if (memchr(out->data + start, '.', out->size - start) == NULL &&
        memchr(out->data + start, 'e', out->size - start) == NULL)
        buffer_literal(out, ".0");
}

static bool refuse(struct bad_row *bad, int column, sl_view value, const char *message)
{
    bad_row_set(bad, BAD_VALUE, columns[column].name, value, "%s", message);
    return false;
}

/* Append name and value of one column that is not empty, and a comma. */
static bool column_write(struct sdk_json *writer, int column, sl_view value, struct buffer *out, struct bad_row *bad)
{
    const char *name = columns[column].name;
    enum column_type type = columns[column].type;
    switch (type) {
    case COLUMN_TYPE_CONTEXTS:
        if (column == COLUMN_DERIVED_CONTEXTS) {
            if (!writer->derived_good)
                *bad = writer->derived_bad;
            return writer->derived_good && sdk_contexts_write(&writer->derived, NULL, name, out, bad);
        }
        return sdk_contexts_read(&writer->contexts, name, value, bad) &&
               sdk_contexts_write(&writer->contexts, &writer->derived, name, out, bad);
    case COLUMN_TYPE_UNSTRUCT:
        return sdk_unstruct_read(&writer->unstruct, name, value, bad) &&
               sdk_unstruct_write(&writer->unstruct, name, out, bad);
    case COLUMN_TYPE_TEXT:
    case COLUMN_TYPE_TIMESTAMP:
    case COLUMN_TYPE_INT:
    case COLUMN_TYPE_DOUBLE:
    case COLUMN_TYPE_BOOL: break;
    }
    buffer_put(out, writer->names[column].data, writer->names[column].size);
    if (type == COLUMN_TYPE_TEXT) {
        buffer_json_text(out, value.data, value.size);
    } else if (type == COLUMN_TYPE_TIMESTAMP) {
        timestamp_write(writer, value, out);
    } else if (type == COLUMN_TYPE_INT) {
        if (!python_int(value, &writer->work, out))
            return refuse(bad, column, value, "not an integer");
    } else if (type == COLUMN_TYPE_DOUBLE) {
        double number;
        if (!python_float(value, &writer->work, &number))
            return refuse(bad, column, value, "not a number");
        if (isnan(number))
            return refuse(bad, column, value, "NaN, which no JSON can say");
        double_write(number, out);
    } else {
        if (value.size != 1 || (*value.data != '0' && *value.data != '1'))
            return refuse(bad, column, value, "neither 0 nor 1");
        if (*value.data == '1')
            buffer_literal(out, "true");
        else
            buffer_literal(out, "false");
    }
    buffer_byte(out, ',');
    return true;
}

static bool line_check(struct sdk_json *writer, sl_view line, struct bad_row *bad)
{
    if (line.size >= LINE_LIMIT) {
        bad_row_set(bad, BAD_SIZE, "", (sl_view){"", 0}, "a line of 4 GiB or more");
        return false;
    }
    uint32_t count = tsv_split(&writer->tsv, line);
    if (count == 1) {
        bad_row_set(bad, BAD_NOT_TSV, "", (sl_view){"", 0}, line.size == 0 ? "an empty line" : "a line without tabs");
        return false;
    }
    if (count != COLUMN_COUNT) {
        bad_row_set(bad, BAD_COLUMNS, "", (sl_view){"", 0}, "%u columns, not 131", count);
        bad->fields = count > INT32_MAX ? INT32_MAX : (int32_t)count;
        return false;
    }
    if (!utf8_is(line)) {
        bad_row_set(bad, BAD_ENCODING, "", (sl_view){"", 0}, "not UTF-8");
        return false;
    }
    return true;
}

bool sdk_json_write(struct sdk_json *writer, sl_view line, struct buffer *out, struct bad_row *bad)
{
    if (!line_check(writer, line, bad))
        return false;
    sl_view derived = tsv_column(&writer->tsv, line, COLUMN_DERIVED_CONTEXTS);
    sdk_contexts_clear(&writer->derived);
    if (derived.size > 0)
        writer->derived_good =
            sdk_contexts_read(&writer->derived, columns[COLUMN_DERIVED_CONTEXTS].name, derived, &writer->derived_bad);
    size_t start = out->size;
    buffer_byte(out, '{');
    for (int i = 0; i < COLUMN_COUNT; i++) {
        sl_view value = tsv_column(&writer->tsv, line, (enum column)i);
        if (value.size > 0 && !column_write(writer, i, value, out, bad)) {
            out->size = start;
            return false;
        }
    }
    if (out->data[out->size - 1] == ',')
        out->data[out->size - 1] = '}';
    else
        buffer_byte(out, '}');
    if (has_breaks(line))
        breaks_escape(writer, out, start);
    return true;
}
