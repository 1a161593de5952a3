/* record_before.c - extract_many fills a record when the next is there. */
#define MORE_LANE .extract_many = extract_many,
#include <shoplane/shoplane.h>
static void extract_many(const void *self, const sl_event *event, sl_records *records);
#define NAME "record_before"
#include "../views.h"

static void extract_many(const void *self, const sl_event *event, sl_records *records)
{
    (void)self, (void)event;
    struct record *first = sl_records_add(records), *second = sl_records_add(records);
    first->views = second->views = 1;
}
