/* silent_open.c - open refuses without a reason. */
#define IN_OPEN                 \
    self->memory = malloc(100); \
    if (self->memory == NULL)   \
        return false;
#define IN_CLOSE free(self->memory);
#define NAME "silent_open"
#include "../views.h"
