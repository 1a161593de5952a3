/* needs_nobody.c - needs a value that no lane publishes. */
#define views nobody
#define NAME "needs_nobody"
#include "../count.h"
