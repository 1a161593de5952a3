/* text_file.h - small files of the state's folder that are replaced as a whole: a reader sees the former text or the new one.
 *
 * Plain calls; no thread. `folder` is a descriptor. */
#ifndef STATE_TEXT_FILE_H
#define STATE_TEXT_FILE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* All bytes of a regular file of at most `most` bytes, zero-terminated, to be freed. NULL: errno says why (EFBIG: larger,
 * EINVAL: not a regular file). */
char *text_file_read(int folder, const char *name, size_t most, size_t *size);

/* Written beside it (mode 0600), renamed over it; `sync`: so that it is there after a power cut. False: the former one stands,
 * and *error says why. */
bool text_file_replace(int folder, const char *name, const void *bytes, size_t size, bool sync, struct error *error);

/* A new file that must not be there yet. */
bool text_file_make(int folder, const char *name, const void *bytes, size_t size, bool sync, struct error *error);

#endif
