/* reading.h - the beginning and the end of a reading: the text becomes a tree, mistakes become a list of errors. */
#ifndef CONFIG_READING_H
#define CONFIG_READING_H

#include "config/setting.h"

/* Parse. False: it is no libconfig text; the mistake is noted. `memory` stays the caller's. `folder` is where files of
 * @include are looked for; NULL: the working folder. */
bool reading_begin(struct reading *reading, const char *text, const char *path, const char *folder,
                   struct config_memory *memory);
/* Hand the mistakes over, by file and line. Returns how many. */
size_t reading_end(struct reading *reading, struct error_list *errors);

#endif
