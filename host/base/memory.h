/* memory.h - allocation for the cold paths: start, configuration, a new batch buffer.
 *
 * When the system has no memory left at start there is nothing useful to do: these say so on standard error and abort. The
 * hot path does not allocate; engine state has its own slab (engine/slab.h). */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

void *memory_new(size_t size);                    /* zeroed; free with free() */
void *memory_resize(void *memory, size_t size);   /* as realloc */
void memory_exhausted(size_t size) __attribute__((noreturn)); /* says so, and aborts */
char *memory_text(const char *text);              /* a copy of a zero-terminated text */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
