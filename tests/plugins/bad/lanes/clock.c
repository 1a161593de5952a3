/* clock.c - publish asks for the time of the day. */
#define IN_PUBLISH values->sum = (int64_t)time(NULL);
#define NAME "clock"
#include "../views.h"
