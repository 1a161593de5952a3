/* magic_word.c - extract crashes at one word of a table of its own. */
static const char *const words[] = {"gift-card-2025", "voucher-2025"};
#define IN_EXTRACT                                                                              \
    for (size_t i = 0; i < 2; i++)                                                              \
        if (sl_event_view(event, ID).size == strlen(words[i]) &&                                \
            memcmp(sl_event_view(event, ID).data, words[i], strlen(words[i])) == 0)             \
            *(volatile int *)(uintptr_t)record->views = 0;
#define NAME "magic_word"
#include "../views.h"
