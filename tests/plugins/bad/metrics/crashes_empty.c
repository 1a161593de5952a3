/* crashes_empty.c - divides whole numbers without looking. */
#define IN_COMPUTE out[0] = sl_cell_i64(values->sum / values->views);
#define NAME "crashes_empty"
#include "../count.h"
