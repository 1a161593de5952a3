/* makes_bytes.c - add makes a text of what is not UTF-8: the first byte of a character. */
#define IN_ADD \
    if (sl_text_empty(sl_text_make(scratch, (sl_view){"\xc3", 1}))) \
        aggregate->views = 0;
#define NAME "makes_bytes"
#include "../views.h"
