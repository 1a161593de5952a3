/* right_old_age.c - names an age of three days, which no record reaches in ordinary windows. */
#define AGE        259200000
#define IN_PUBLISH values->views = window->records > 0 && window->now_ms - window->newest_ms >= AGE;
#define NAME       "right_old_age"
#include "../views.h"
