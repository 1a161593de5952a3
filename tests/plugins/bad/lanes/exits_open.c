/* exits_open.c - open ends the process, as if all were well. */
#define IN_OPEN exit(0);
#define NAME "exits_open"
#include "../views.h"
