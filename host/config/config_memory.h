/* config_memory.h - the arena of one configuration: texts and arrays that live exactly as long as it does.
 *
 * Everything that `struct config` points to comes from here and is freed at once. Used by one thread, at start. */
#ifndef CONFIG_CONFIG_MEMORY_H
#define CONFIG_CONFIG_MEMORY_H

#include <stddef.h>

struct config_memory;

struct config_memory *config_memory_new(void);
void config_memory_free(struct config_memory *memory); /* NULL is fine */

void *config_memory_take(struct config_memory *memory, size_t size);            /* zeroed, aligned for any type */
const char *config_memory_text(struct config_memory *memory, const char *text); /* a copy */

#endif
