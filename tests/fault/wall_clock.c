/* wall_clock.c - a library to be preloaded (LD_PRELOAD): the wall clock is wrong by as much as a test says while the host runs.
 *
 * SHOPLANE_WALL_CLOCK names a file of 8 bytes: milliseconds, in the machine's order of bytes, that the wall clock is ahead. It
 * is mapped once; a test changes the number in place. Other clocks are as they are. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *ahead_ms;

__attribute__((constructor)) static void open_file(void)
{
    const char *name = getenv("SHOPLANE_WALL_CLOCK");
    int file = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return;
    void *place = mmap(NULL, sizeof *ahead_ms, PROT_READ, MAP_SHARED, file, 0);
    if (place != MAP_FAILED)
        ahead_ms = place;
    (void)close(file);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int status = (int)syscall(SYS_clock_gettime, clock, now);
    if (status != 0 || clock != CLOCK_REALTIME || ahead_ms == NULL)
        return status;
    int64_t ms = *ahead_ms, ns = now->tv_nsec + ms % 1000 * 1000000;
    now->tv_sec += ms / 1000 + (ns < 0 ? -1 : ns / 1000000000);
    now->tv_nsec = (long)(ns < 0 ? ns + 1000000000 : ns % 1000000000);
    return 0;
}
