/* right.c - is right in everything. */
#define NAME "right"
#include "../views.h"
