/* error.c - see error.h. */
#include "base/error.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILL(buffer)                                                                                                  \
    do {                                                                                                              \
        va_list arguments;                                                                                            \
        va_start(arguments, format);                                                                                  \
        (void)vsnprintf((buffer), sizeof(buffer), format, arguments);                                                 \
        va_end(arguments);                                                                                            \
    } while (0)

void error_what(struct error *error, const char *format, ...)
{
    error->found[0] = '\0';
    error->advice[0] = '\0';
    FILL(error->what);
}

void error_found(struct error *error, const char *format, ...) { FILL(error->found); }

void error_advice(struct error *error, const char *format, ...) { FILL(error->advice); }

struct error *error_list_add(struct error_list *list)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        list->items = memory_resize(list->items, list->capacity * sizeof *list->items);
    }
    struct error *error = &list->items[list->count++];
    memset(error, 0, sizeof *error);
    return error;
}

void error_list_free(struct error_list *list)
{
    free(list->items);
    memset(list, 0, sizeof *list);
}
