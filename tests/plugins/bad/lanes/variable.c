/* variable.c - add counts in a variable. */
static int calls;
#define IN_ADD calls++;
#define NAME "variable"
#include "../views.h"
