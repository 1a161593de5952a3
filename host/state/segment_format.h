/* segment_format.h - the fixed parts of a segment as they are in the file; what they mean is in segment.h. Of the writer and
 * the reader only. */
#ifndef STATE_SEGMENT_FORMAT_H
#define STATE_SEGMENT_FORMAT_H

#include "base/hash.h"

#include <stdint.h>

#define SEGMENT_MAGIC      "SHPLJRNL"
#define SEGMENT_VERSION    1
#define SEGMENT_HEADER_MAX (1u << 20) /* bytes */

struct segment_preface { /* then the text, then a u64 sum */
    char magic[8];
    uint32_t version, size;
};

#define BLOCK_MAGIC 0x4b424853u /* "SHBK" */

struct block_header {
    uint32_t magic, bytes, count, zero;
    int64_t oldest_ms, newest_ms;
    uint64_t entries_sum, sum;
};
_Static_assert(sizeof(struct segment_preface) == 16 && sizeof(struct block_header) == 48, "no padding in the file");

static inline uint64_t block_header_sum(const struct block_header *header, uint64_t seed, uint64_t offset)
{
    return hash_seeded(header, offsetof(struct block_header, sum), seed + offset);
}

#endif
