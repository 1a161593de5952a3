/* undeclared.c - a member of its record is not declared. */
#define MORE_RECORD int64_t twice;
#define IN_EXTRACT record->twice = 2 * record->price;
#define IN_ADD aggregate->sum += record->twice;
#define NAME "undeclared"
#include "../views.h"
