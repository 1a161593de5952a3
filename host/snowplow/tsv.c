/* tsv.c - see tsv.h. Sixty-four bytes at a time: a bit for each tab, then the bits one by one. */
#include "snowplow/tsv.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Bit i is set if block[i] is a tab. */
static uint64_t tabs_of(const char block[64])
{
    uint64_t bits = 0;
#ifdef __SSE2__
    const __m128i tab = _mm_set1_epi8('\t');
    for (int i = 0; i < 64; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(block + i));
        bits |= (uint64_t)(uint16_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, tab)) << i;
    }
#else
    const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
    for (int i = 0; i < 64; i += 8) {
        uint64_t bytes;
        memcpy(&bytes, block + i, 8);
        bytes ^= 0x0909090909090909u;
        uint64_t tabs = ~(((bytes & low) + low) | bytes | low); /* the high bit of every byte that was a tab */
        bits |= (((tabs >> 7) * 0x0102040810204080u) >> 56) << i;
    }
#endif
    return bits;
}

uint32_t tsv_split(struct tsv *tsv, sl_view line)
{
    uint32_t count = 1; /* starts[count] is the next to be found */
    tsv->starts[0] = 0;
    for (size_t at = 0; at < line.size; at += 64) {
        const char *block = line.data + at;
        char last[64];
        if (line.size - at < 64) {
            memset(last, 0, sizeof last);
            memcpy(last, block, line.size - at);
            block = last;
        }
        uint64_t tabs = tabs_of(block);
        if (count + 64 > COLUMN_COUNT) { /* may be too many */
            for (; tabs != 0; tabs &= tabs - 1, count++)
                if (count <= COLUMN_COUNT)
                    tsv->starts[count] = (uint32_t)at + (uint32_t)__builtin_ctzll(tabs) + 1;
            continue;
        }
        for (; tabs != 0; tabs &= tabs - 1)
            tsv->starts[count++] = (uint32_t)at + (uint32_t)__builtin_ctzll(tabs) + 1;
    }
    if (count <= COLUMN_COUNT)
        tsv->starts[count] = (uint32_t)line.size + 1;
    return count;
}
