/* leaks_open.c - close does not free what open allocates. */
#define IN_OPEN                                      \
    self->memory = malloc(100);                      \
    if (self->memory == NULL)                        \
        return sl_refuse(refusal, "there is no memory", "use less");
#define NAME "leaks_open"
#include "../views.h"
