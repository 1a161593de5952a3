/* not_a_number.c - divides without looking. */
#define IN_COMPUTE out[1] = sl_cell_f64((double)values->sum / (double)values->views);
#define NAME "not_a_number"
#include "../count.h"
