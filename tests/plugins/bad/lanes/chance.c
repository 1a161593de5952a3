/* chance.c - extract throws dice. */
#define IN_EXTRACT record->views = rand();
#define NAME "chance"
#include "../views.h"
