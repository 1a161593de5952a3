/* leaks.c - extract allocates and forgets. */
#define IN_EXTRACT self->most > 0 ? (void)(*(volatile uintptr_t *)&(uintptr_t){0} = (uintptr_t)malloc(40)) : (void)0;
#define NAME "leaks"
#include "../views.h"
