/* counts_calls.c - what it publishes depends on how often it was called. */
#define IN_OPEN                              \
    self->memory = calloc(1, 8);             \
    if (self->memory == NULL)                \
        return sl_refuse(refusal, "there is no memory", "use less");
#define IN_CLOSE   free(self->memory);
#define IN_ADD     ++*(int64_t *)(void *)self->memory;
#define IN_PUBLISH values->views = *(int64_t *)(void *)self->memory;
#define NAME "counts_calls"
#include "../views.h"
