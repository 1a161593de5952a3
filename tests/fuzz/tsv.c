/* tsv.c - any bytes as a message: read or refused with a letter that is JSON; and the tabs are where they are. */
#include "all_places.h"

#include "snowplow/tsv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tabs(sl_view line)
{
    struct tsv tsv;
    uint32_t count = tsv_split(&tsv, line), column = 0;
    size_t start = 0;
    for (size_t i = 0; i <= line.size; i++) {
        if (i < line.size && line.data[i] != '\t')
            continue;
        if (column < COLUMN_COUNT) {
            CHECK(tsv.starts[column] == start);
            CHECK(count > COLUMN_COUNT || tsv.starts[column + 1] == i + 1);
        }
        column++;
        start = i + 1;
    }
    CHECK(column == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reader *reader;
    static int lane;
    if (reader == NULL)
        reader = all_places_reader(&lane);
    char *copy = malloc(size + 1);
    memcpy(copy, data, size);
    char *exact = realloc(copy, size == 0 ? 1 : size);
    sl_view message = {exact, size};
    check_tabs(message);

    struct event_head head;
    struct bad_row bad;
    if (reader_read(reader, message, &head, &bad)) {
        CHECK(head.event_id.size != 0 && head.time_ms >= -62135596800000 && head.time_ms <= 253402300799999);
        (void)all_places_sum(head.name);
        all_places_read(reader, lane);
        if (reader_failed(reader, &bad))
            all_places_letter(&bad, message);
    } else {
        all_places_letter(&bad, message);
    }
    free(exact);
    return 0;
}
