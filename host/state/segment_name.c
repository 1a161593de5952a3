/* segment_name.c - how a segment's file is called; see segment.h. */
#include "state/segment.h"
#include "state/text_line.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *segment_name_text(const struct segment_name *name, char out[SEGMENT_NAME_MAX])
{
    (void)snprintf(out, SEGMENT_NAME_MAX, "%s-%010" PRIu64 "-%03" PRIu32 "-%06" PRIu32, name->lane, name->generation,
                   name->worker, name->sequence);
    return out;
}

/* The number after a '-', all digits up to the next '-' or the end. */
static bool number(const char **at, uint64_t most, uint64_t *out)
{
    uint64_t sum = 0;
    const char *digit = *at;
    if (*digit++ != '-')
        return false;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        uint64_t value = (uint64_t)(*digit - '0');
        if (sum > (most - value) / 10)
            return false;
        sum = sum * 10 + value;
    }
    *at = digit;
    *out = sum;
    return true;
}

bool segment_name_parse(const char *text, struct segment_name *name)
{
    struct segment_name read = {0};
    char again[SEGMENT_NAME_MAX];
    uint64_t worker, sequence;
    const char *at = strchr(text, '-');
    if (at == NULL || (size_t)(at - text) >= sizeof read.lane)
        return false;
    memcpy(read.lane, text, (size_t)(at - text));
    if (!lane_name_valid(read.lane) || !number(&at, UINT64_MAX, &read.generation) || !number(&at, UINT32_MAX, &worker) ||
        !number(&at, UINT32_MAX, &sequence) || *at != '\0')
        return false;
    read.worker = (uint32_t)worker;
    read.sequence = (uint32_t)sequence;
    if (strcmp(segment_name_text(&read, again), text) != 0) /* there is one way to write it */
        return false;
    *name = read;
    return true;
}

int segment_name_order(const struct segment_name *a, const struct segment_name *b)
{
    if (a->generation != b->generation)
        return a->generation < b->generation ? -1 : 1;
    if (a->sequence != b->sequence)
        return a->sequence < b->sequence ? -1 : 1;
    return (a->worker > b->worker) - (a->worker < b->worker);
}
