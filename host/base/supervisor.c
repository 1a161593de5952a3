/* supervisor.c - see supervisor.h. */
#include "base/supervisor.h"

#include "base/time.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void supervisor_tell(const char *lines)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size = path == NULL ? 0 : strlen(path);
    if ((size < 2) || size > sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, size);
    if (path[0] == '@') /* a name that is no file */
        address.sun_path[0] = '\0';
    int out = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (out < 0)
        return;
    (void)sendto(out, lines, strlen(lines), MSG_NOSIGNAL | MSG_DONTWAIT, (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
    (void)close(out);
}

/* What the unit wants, if it is this process that it wants it of; 0: nothing. */
static int64_t wanted_ms(void)
{
    const char *every = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
    if (every == NULL || (process != NULL && strtoll(process, NULL, 10) != (long long)getpid()))
        return 0;
    return strtoll(every, NULL, 10) / 1000;
}

void supervisor_alive(void)
{
    static int64_t every_ms = -1, next_ms;
    int64_t now_ms = time_monotonic_ms();
    if (every_ms < 0)
        every_ms = wanted_ms() / 3; /* one may be late */
    if (every_ms == 0 || now_ms < next_ms)
        return;
    next_ms = now_ms + every_ms;
    supervisor_tell("WATCHDOG=1");
}
