/* signal_stack.c - see signal_stack.h. The memory is the thread's own static storage: it needs no clearing away. */
#include "base/signal_stack.h"

#include <signal.h>
#include <stddef.h>

#define STACK_BYTES 32768 /* a handler here needs two kilobytes; the kernel's frame of wide registers some more */

void signal_stack_use(void)
{
    static _Thread_local char stack[STACK_BYTES];
    stack_t now, own = {.ss_sp = stack, .ss_size = sizeof stack};
    if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE) != 0)
        (void)sigaltstack(&own, NULL);
}
