/* past_record.c - extract writes behind its record. */
#define IN_EXTRACT ((char *)record)[sizeof *record] = 1;
#define NAME "past_record"
#include "../views.h"
