/* file_text.h - the whole text of a small file. */
#ifndef CONFIG_FILE_TEXT_H
#define CONFIG_FILE_TEXT_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

#define FILE_TEXT_MAX (1024 * 1024)

/* Zero-terminated, to be freed; NULL and an error (`found` is the path) if it can't be read, is no regular file, is larger
 * than FILE_TEXT_MAX, holds a zero byte, or has any of the permission bits `refused`. */
char *file_text_read_guarded(const char *path, mode_t refused, size_t *size, struct error *error);
static inline char *file_text_read(const char *path, size_t *size, struct error *error)
{
    return file_text_read_guarded(path, 0, size, error);
}

#endif
