/* standard_error.h - whole lines to standard error, without waiting for who reads them.
 *
 * Most commands may wait for a slow reader, and do. The host must not: a terminal that is stopped, or a pipe that nobody reads,
 * would stop it while it keeps its lease. So `run` calls standard_error_never_wait(): from then on what does not leave at once
 * is kept, up to STANDARD_ERROR_KEPT bytes, and leaves with a later line or flush. What comes when that is full is dropped and
 * counted; as soon as all that was kept has left, a line says how many lines are missing, at the place where they are. Lines
 * leave in the order in which they came, at most PIPE_BUF bytes a write(2), so that lines of several processes do not mix.
 *
 * Thread-safe; errno is left as it was. What others write to descriptor 2 (a plugin, by itself) goes past all this. */
#ifndef BASE_STANDARD_ERROR_H
#define BASE_STANDARD_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STANDARD_ERROR_KEPT (256 * 1024)

/* `dropped`: lines that a former self of this process has dropped and could not say; usually 0. */
void standard_error_never_wait(uint64_t dropped);

/* One or more whole lines. False: dropped. A text larger than STANDARD_ERROR_KEPT is taken when nothing else is kept. */
bool standard_error_put(const char *text, size_t size);

/* What is kept leaves, as far as there is room. Costs next to nothing where nothing is kept. */
void standard_error_flush(void);

/* Before the process ends or becomes another one: flush for as long as that gets on (every 200 ms something, 2 s in all).
 * Returns how many lines will be missing then: those that were dropped and not said yet, and those that are still kept. */
uint64_t standard_error_drain(void);

/* The last words of a process that can't go on: no lock, no memory, calls of the kernel only, so a signal handler may. At most
 * PIPE_BUF bytes, past what is kept; left out where there is no room. */
void standard_error_last_words(const char *text, size_t size);

#endif
