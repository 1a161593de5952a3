/* changes_record.c - add writes to the record. */
#define IN_ADD ((struct record *)(uintptr_t)record)->price = 0;
#define NAME "changes_record"
#include "../views.h"
