/* sdk_json.c - `shoplane parse` on any bytes: no crash, and what comes out is one line of JSON.
 *
 * The input's first byte says whether it is a whole line or one column of a line that is otherwise empty ('0' to '4'): so
 * the fuzzer need not learn to count to 131 first. */
#include "snowplow/sdk_json.h"
#include "base/buffer.h"
#include "snowplow/columns.h"
#include "snowplow/json_text.h"

#include <stdlib.h>

#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct sdk_json *writer, sl_view line)
{
    struct buffer out = {0}, letter = {0}, again = {0};
    struct bad_row bad;
    struct json_text json;
    struct json_text_value value;
    buffer_byte(&out, '!');
    if (sdk_json_write(writer, line, &out, &bad)) {
        sl_view object = {out.data + 1, out.size - 1};
        MUST(memchr(object.data, '\n', object.size) == NULL && memchr(object.data, '\r', object.size) == NULL);
        json_text_begin(&json, object);
        MUST(json_text_kind(&json) == JSON_TEXT_OBJECT);
        MUST(json_text_value(&json, &value) && json_text_end(&json));
        MUST(!value.has_nan && !value.has_infinity);
        MUST(sdk_json_write(writer, line, &again, &bad)); /* no memory of the line before */
        MUST(again.size == object.size && memcmp(again.data, object.data, object.size) == 0);
    } else {
        MUST(out.size == 1 && bad.reason < BAD_REASONS);
        bad_row_write(&bad, line, "0.0.0", &letter);
        json_text_begin(&json, (sl_view){letter.data, letter.size});
        MUST(json_text_value(&json, &value) && json_text_end(&json));
        MUST(memchr(letter.data, '\n', letter.size) == NULL);
    }
    buffer_free(&out);
    buffer_free(&letter);
    buffer_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum column columns_of_choice[] = {COLUMN_CONTEXTS, COLUMN_UNSTRUCT_EVENT, COLUMN_DERIVED_CONTEXTS,
                                                    COLUMN_TXN_ID, COLUMN_TR_TOTAL};
    static struct sdk_json *writer;
    if (writer == NULL)
        writer = sdk_json_new();
    if (size == 0)
        return 0;
    sl_view rest = {(const char *)data + 1, size - 1};
    if (*data >= '0' && *data <= '4') {
        struct buffer line = {0};
        for (int i = 0; i < COLUMN_COUNT; i++) {
            if (i > 0)
                buffer_byte(&line, '\t');
            if (i == (int)columns_of_choice[*data - '0'])
                buffer_put(&line, rest.data, rest.size);
        }
        check_line(writer, (sl_view){line.data, line.size});
        buffer_free(&line);
    } else
        check_line(writer, rest);
    return 0;
}
