/* byte_count.h - how amounts of memory are written in a configuration, and shown to a person. */
#ifndef CONFIG_BYTE_COUNT_H
#define CONFIG_BYTE_COUNT_H

#include <stdint.h>

enum byte_count_result {
    BYTES_GOOD,
    BYTES_NOT,     /* no amount at all */
    BYTES_NO_UNIT, /* "512": a bare number belongs outside of quotes */
    BYTES_PART,    /* "0.5B": parts of a byte */
    BYTES_TOO_MANY /* does not fit */
};

/* "512MB", "1.5GB", "8GiB": one number, one unit. KB, MB, GB and TB are powers of 1000, KiB, MiB, GiB and TiB of 1024. */
enum byte_count_result byte_count_parse(const char *text, int64_t *bytes);

/* The way a person would say it: "512 B", "1.5 kB", "16 MB", "8.1 GB"; three digits at most. Terminated. */
#define BYTE_COUNT_TEXT_MAX 32
const char *byte_count_text(uint64_t bytes, char out[BYTE_COUNT_TEXT_MAX]); /* returns out */

#endif
