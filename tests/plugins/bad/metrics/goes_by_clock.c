/* goes_by_clock.c - compute says how old the newest record is. */
#define IN_COMPUTE out[0] = sl_cell_i64(window->records > 0 ? (window->now_ms - window->newest_ms) / 1000 : 0);
#define NAME "goes_by_clock"
#include "../count.h"
