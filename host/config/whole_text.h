/* whole_text.h - the text of a configuration with the files of its @include in place of the words that name them.
 *
 * One text that means the same, wherever it lies. To keep a copy of what runs; never shown: it may hold a password. */
#ifndef CONFIG_WHOLE_TEXT_H
#define CONFIG_WHOLE_TEXT_H

#include "base/error.h"

#include <stddef.h>

/* Zero-terminated, to be overwritten and freed. NULL: a file can't be read (*error), or they include each other. */
char *whole_text_read(const char *path, size_t *size, struct error *error);

#endif
