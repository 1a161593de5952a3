/* right_count.c - is right in everything. */
#define NAME "right_count"
#include "../count.h"
