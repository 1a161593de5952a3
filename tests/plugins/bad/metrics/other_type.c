/* other_type.c - fills a cell with another type than it declares. */
#define IN_COMPUTE out[0] = sl_cell_f64((double)values->views);
#define NAME "other_type"
#include "../count.h"
