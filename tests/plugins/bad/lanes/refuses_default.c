/* refuses_default.c - open refuses its own default. */
#define IN_OPEN return sl_refuse(refusal, "most is too much", "most = 5;");
#define NAME "refuses_default"
#include "../views.h"
