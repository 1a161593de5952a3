/* ends.h - the ways in which a plugin of a test ends its host, by -DBY=n. */
#ifndef ENDS_H
#define ENDS_H

#include <err.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef BY
#define BY 1
#endif

static inline int deeper(int depth)
{
    volatile char room[1024];
    room[0] = (char)depth;
    return depth < 0 ? 0 : deeper(depth + 1) + room[0];
}

static inline void end_it(void)
{
    static int *volatile nowhere;
    static volatile int forever = 1;
    switch (BY) {
    case 3: abort();
    case 4: exit(0);
    case 5: _exit(0);
    case 6: quick_exit(0);
    case 7: errx(0, "this line is the plugin's own"); /* exit() within the C library */
    case 8: pthread_exit(NULL);
    case 9:
        while (forever)
            continue;
        return;
    case 10:
        for (;;)
            (void)pause();
    case 11: (void)syscall(SYS_exit_group, 0); return; /* nobody can see that */
    default: *nowhere = BY == 2 ? deeper(1) : 1;
    }
}

#endif
