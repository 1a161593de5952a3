/* keeps_records.c - extract_many asks for a record when its event is over. */
#define MORE_LANE .extract_many = extract_many,
#include <shoplane/shoplane.h>
static void extract_many(const void *self, const sl_event *event, sl_records *records);
#define IN_OPEN self->memory = calloc(1, 64);
#define IN_CLOSE free(self->memory);
#define NAME "keeps_records"
#include "../views.h"

static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    sl_records **kept = (sl_records **)(void *)((const struct settings *)self)->memory;
    (void)event;
    if (kept != NULL && *kept != NULL)
        (void)sl_records_add(*kept);
    if (kept != NULL)
        *kept = records;
}
