/* text_as_number.c - a text is declared as a number. */
#define MORE_RECORD sl_text again;
#define MORE_FIELDS {"again", "a text, really", SL_I64, (uint32_t)offsetof(struct record, again), 8},
#define IN_EXTRACT record->again = sl_event_text(event, ID);
#define IN_ADD (void)sl_counts_add(scratch, &aggregate->ids, record->again, 1);
#define NAME "text_as_number"
#include "../views.h"
