/* other_age.c - what it says changes a millisecond after the age that it names. */
#define AGE        60000
#define IN_PUBLISH values->views = window->records > 0 && window->now_ms - window->newest_ms > AGE;
#define NAME       "other_age"
#include "../views.h"
