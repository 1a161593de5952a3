/* beyond_table.c - calls what the host's table does not have. */
#define IN_EXTRACT                                                                                                \
    typedef void (*slot)(void);                                                                                   \
    slot next;                                                                                                    \
    memcpy(&next, (const char *)event->table + ((sizeof(sl_event_table) + 7) & ~(size_t)7), sizeof next);         \
    next();
#define NAME "beyond_table"
#include "../views.h"
