/* changes_settings.c - extract counts in its settings. */
#define IN_EXTRACT ((struct settings *)(uintptr_t)self)->most++;
#define NAME "changes_settings"
#include "../views.h"
