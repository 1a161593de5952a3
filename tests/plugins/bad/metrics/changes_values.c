/* changes_values.c - writes to the values it is given. */
#define IN_COMPUTE ((struct needs *)(uintptr_t)values)->sum = 0;
#define NAME "changes_values"
#include "../count.h"
