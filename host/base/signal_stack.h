/* signal_stack.h - a stack of its own for signal handlers of this thread: so that a handler can still run when the thread's
 * own stack is used up. */
#ifndef BASE_SIGNAL_STACK_H
#define BASE_SIGNAL_STACK_H

/* For the calling thread, until it ends. Nothing where a sanitizer has set one up already. */
void signal_stack_use(void);

#endif
