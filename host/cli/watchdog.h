/* watchdog.h - a thread that looks whether the others get on: calls of plugins that do not come back, workers that stand still.
 *
 * A call of more than 5 s is said while it lasts, again after 10, 20, 40 ... s, with plugin, function, message and key. Beyond a
 * limit the process ends as by a crash of that plugin (crash.h): so its lease goes to who stands by, and what the plugin hung at is
 * noted. Only while all get on, systemd hears that the process is alive (base/supervisor.h). A worker that stands still outside of plugins is said and ended likewise. Time that this thread itself did not get (a
 * process that was stopped) does not count. */
#ifndef CLI_WATCHDOG_H
#define CLI_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

/* At the start of a command, before plugins are loaded: the calling thread is looked at too. */
void watchdog_start(void);
/* Calls may take so long; 0: they are only said. */
void watchdog_limit(int64_t limit_ms);
/* A set is being tried: a call that takes long speaks against it sooner. */
void watchdog_trial(bool trying);

/* How long the thread that stands longest stands where it is. */
int64_t watchdog_longest_ms(void);

#endif
