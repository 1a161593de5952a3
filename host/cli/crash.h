/* crash.h - an end that nobody ordered has a name: a signal, an exit() of a plugin, a call that does not come back.
 *
 * Whatever it is, one line on standard error names plugin, function, message and key (plugin/plugin_call.h); a note goes to the
 * state's folder (state/crash_notes.h); then either the last good set runs on (restart_on_crash), or the process ends by that
 * signal, else with CRASH_STATUS. Nothing but the host ends the process with status 0.
 *
 * Built with a sanitizer, signals are the sanitizer's, and a plugin's _exit() is not seen. */
#ifndef CLI_CRASH_H
#define CLI_CRASH_H

#include "plugin/plugin_call.h"

#define CRASH_STATUS 70

/* At the start of a command that calls plugins. */
void crash_watch(void);
/* From now on crashes are noted in this folder (a descriptor); -1: no more. */
void crash_note_in(int folder);

/* Whoever ends the process says so before: main() before it returns, others instead of calling _exit(). */
void crash_ending(void);
_Noreturn void crash_end_process(int status);

/* What a listed thread is doing, "lane product, extract, partition 3, offset 12, key ann". From another thread. False: it has not
 * answered within a second, or is in no plugin any more. */
#define CRASH_PLACE_MAX 1024
bool crash_ask(const struct listed_call *listed, char place[CRASH_PLACE_MAX]);
/* The process ends since this thread stands still. */
_Noreturn void crash_hang(const struct listed_call *listed);

#endif
