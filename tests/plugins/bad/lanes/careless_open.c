/* careless_open.c - open does not look whether there was memory. */
#define IN_OPEN                  \
    self->memory = malloc(100);  \
    *(volatile char *)self->memory = 1;
#define IN_CLOSE free(self->memory);
#define NAME "careless_open"
#include "../views.h"
