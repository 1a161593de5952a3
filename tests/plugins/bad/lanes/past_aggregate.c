/* past_aggregate.c - add writes behind its aggregate. */
#define IN_ADD ((char *)aggregate)[sizeof *aggregate + 3] = 1;
#define NAME "past_aggregate"
#include "../views.h"
