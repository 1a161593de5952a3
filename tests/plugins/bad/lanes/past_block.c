/* past_block.c - reads behind a block that it has allocated: built with -fsanitize=address. */
#define IN_EXTRACT                              \
    volatile char *block = calloc(1, 8);        \
    record->views += block[self->most - 92];    \
    free((void *)(uintptr_t)block);
#define NAME "past_block"
#include "../views.h"
