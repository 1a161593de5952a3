/* never.c - extract keeps nothing. */
#define IN_EXTRACT return false;
#define NAME "never"
#include "../views.h"
