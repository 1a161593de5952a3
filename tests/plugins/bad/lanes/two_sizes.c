/* two_sizes.c - asks one map for structs of two sizes. */
#define MORE_AGGREGATE sl_map *map;
#define IN_ADD (void)sl_map_at(scratch, &aggregate->map, record->id, aggregate->views % 2 == 0 ? 8 : 16);
#define NAME "two_sizes"
#include "../views.h"
