/* signals.h - what the process is told by signals, for whoever looks: SIGTERM and SIGINT to stop, SIGHUP to reload.
 *
 * A handler only counts; nobody waits for a signal, and any thread may take it. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <stdbool.h>

/* At the start of a command that runs until it is told to stop. */
void signals_install(void);

/* Set by the first signal to stop, and for good. */
extern volatile bool signals_stop;

int signals_stops(void);        /* how often we were told to stop */
bool signals_take_reload(void); /* told to reload since this was last asked? */
const char *signals_last(void); /* the name of the last one to stop: "Terminated" */

#endif
