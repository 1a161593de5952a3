/* right_ages.c - goes by the clock, and names the age at which what it says changes. */
#define AGE        60000
#define IN_PUBLISH values->views = window->records > 0 && window->now_ms - window->newest_ms >= AGE;
#define NAME       "right_ages"
#include "../views.h"
