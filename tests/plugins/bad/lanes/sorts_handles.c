/* sorts_handles.c - publishes the text whose handle is the least. */
#define MORE_AGGREGATE sl_text least;
#define IN_ADD                                                                                    \
    if (sl_text_empty(aggregate->least) || record->id.handle < aggregate->least.handle)           \
        aggregate->least = record->id;
#define IN_PUBLISH values->top = aggregate->least;
#define NAME "sorts_handles"
#include "../views.h"
