/* careless_add.c - add does not look whether there was memory. */
#define IN_ADD                            \
    volatile char *copy = malloc(10);     \
    copy[0] = 1;                          \
    free((void *)(uintptr_t)copy);
#define NAME "careless_add"
#include "../views.h"
