/* undefined.c - shifts too far: built with -fsanitize=undefined. */
#define IN_EXTRACT record->views = (int32_t)1 << (record->views + 31 + (int)self->most);
#define NAME "undefined"
#include "../views.h"
