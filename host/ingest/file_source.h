/* file_source.h - what of the file source is a parameter beyond source.h: its clock and its sizes. */
#ifndef INGEST_FILE_SOURCE_H
#define INGEST_FILE_SOURCE_H

#include "ingest/source.h"

struct file_source_options {
    int64_t (*wall_ms)(void);    /* stamps messages; default time_wall_ms */
    int64_t (*running_ms)(void); /* says since when a pipe is silent; default time_boot_ms */
    size_t chunk_bytes; /* this much is read at once, and a batch has no more unless one line has; default 1 MiB */
    size_t line_max;    /* of a longer line only this much is given, with a warning; default 64 MiB */
};

/* file_source_new() with options; a zeroed member means its default. */
struct source *file_source_new_with(const char *const *paths, size_t count, size_t batch_messages, int workers,
                                    const struct file_source_options *options, struct error *error);

#endif
