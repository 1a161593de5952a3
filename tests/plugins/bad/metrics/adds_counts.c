/* adds_counts.c - adds to a collection that other parsers read. */
#define IN_COMPUTE                                                                             \
    sl_counts *ids = values->ids;                                                              \
    sl_text top = sl_counts_top(scratch, ids);                                                 \
    out[0] = sl_cell_i64(ids == NULL ? 0 : sl_counts_add(scratch, &ids, top, 1));
#define NAME "adds_counts"
#include "../count.h"
