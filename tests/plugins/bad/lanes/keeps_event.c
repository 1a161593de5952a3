/* keeps_event.c - extract reads the event before. */
#define IN_OPEN self->memory = calloc(1, 64);
#define IN_CLOSE free(self->memory);
#define IN_EXTRACT                                                  \
    const sl_event **kept = (const sl_event **)(void *)self->memory; \
    if (kept != NULL && *kept != NULL)                              \
        record->price = sl_event_money(*kept, PRICE, 0);            \
    if (kept != NULL)                                               \
        *kept = event;
#define NAME "keeps_event"
#include "../views.h"
