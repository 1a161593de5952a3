/* manifest.c - any text as a manifest: refused with its place, or read and written again as the very same text. Each input is
 * tried as it is, and with its sum put right, since no mutation gets behind a sum by itself. */
#include "state/manifest.h"

#include "base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_text(const char *text, size_t size)
{
    struct error error;
    memset(&error, 0, sizeof error);
    struct manifest *manifest = manifest_read_text(text, size, "manifest-7", &error);
    if (manifest == NULL) {
        CHECK(error.what[0] != '\0' && strncmp(error.found, "manifest-7:", 11) == 0);
        return;
    }
    struct buffer again = {0};
    manifest_write_text(manifest, &again);
    CHECK(again.size == size && memcmp(again.data, text, size) == 0);
    buffer_free(&again);
    for (size_t i = 0; i < manifest->lane_count; i++) {
        const struct manifest_lane *lane = &manifest->lanes[i];
        CHECK((lane->stopped != NULL) == (lane->condition == LANE_OFF && manifest->partition_count > 0));
        for (size_t s = 0; s < lane->segment_count; s++) {
            char name[SEGMENT_NAME_MAX];
            struct segment_name parsed;
            CHECK(segment_name_parse(segment_name_text(&lane->segments[s].name, name), &parsed));
        }
        struct schema_copy copy;
        CHECK(record_schema_compare(&lane->schema, &lane->schema, &copy, &error) == SCHEMA_SAME);
    }
    manifest_free(manifest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *exact = malloc(size == 0 ? 1 : size);
    CHECK(exact != NULL);
    memcpy(exact, data, size);
    try_text(exact, size);

    struct buffer summed = {0};
    size_t lines = size;
    static const char last[] = "end 0123456789abcdef\n";
    if (size >= sizeof last - 1 && memcmp(exact + size - (sizeof last - 1), "end ", 4) == 0)
        lines = size - (sizeof last - 1);
    buffer_put(&summed, exact, lines);
    buffer_printf(&summed, "end %016" PRIx64 "\n", hash_bytes(summed.data, lines));
    free(exact);
    exact = malloc(summed.size);
    CHECK(exact != NULL);
    memcpy(exact, summed.data, summed.size);
    try_text(exact, summed.size);
    free(exact);
    buffer_free(&summed);
    return 0;
}
