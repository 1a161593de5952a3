/* more_cells.c - fills more cells than it has features. */
#define IN_COMPUTE out[2] = sl_cell_i64(1);
#define NAME "more_cells"
#include "../count.h"
