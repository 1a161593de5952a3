/* memory.c - see memory.h. */
#include "base/memory.h"

#include "base/standard_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void memory_exhausted(size_t size)
{
    char line[96];
    int length = snprintf(line, sizeof line, "shoplane: out of memory: %zu bytes could not be allocated\n", size);
    standard_error_last_words(line, (size_t)length);
    abort();
}

static void *checked(void *memory, size_t size)
{
    if (memory == NULL && size != 0)
        memory_exhausted(size);
    return memory;
}

void *memory_new(size_t size) { return checked(calloc(1, size), size); }

void *memory_resize(void *memory, size_t size) { return checked(realloc(memory, size), size); }

char *memory_text(const char *text)
{
    size_t size = strlen(text) + 1;
    return memcpy(memory_new(size), text, size);
}

char *memory_format(const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = memory_new((size_t)(size < 0 ? 0 : size) + 1);
    (void)vsnprintf(text, (size_t)(size < 0 ? 0 : size) + 1, format, again);
    va_end(again);
    return text;
}
