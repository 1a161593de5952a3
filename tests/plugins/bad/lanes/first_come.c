/* first_come.c - what it publishes depends on who came first. */
#define MORE_RECORD int64_t number;
#define MORE_FIELDS SL_FIELD(struct record, number, SL_I64, "of its arrival"),
#define IN_OPEN                              \
    self->memory = calloc(1, 16);            \
    if (self->memory == NULL)                \
        return sl_refuse(refusal, "there is no memory", "use less");
#define IN_CLOSE free(self->memory);
#define IN_EXTRACT                                               \
    uint64_t *last = (uint64_t *)(void *)self->memory;           \
    if (last[1] != event->at.id) {                               \
        last[1] = event->at.id;                                  \
        last[0]++;                                               \
    }                                                            \
    record->number = (int64_t)last[0];
#define IN_PUBLISH values->sum = aggregate->sum;
#define IN_ADD     aggregate->sum += record->number;
#define NAME "first_come"
#include "../views.h"
