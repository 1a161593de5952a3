/* standard_error.c - see standard_error.h.
 *
 * Whether a write waits is a property of the open file description, which other processes share: a terminal made non-blocking
 * by us would fail others. So a pipe or a terminal is opened once more, for us alone (/proc/self/fd/2); a socket is written to
 * by send(2), which can be told for each call; and what can't be opened again is written to only when poll(2) says that there is
 * room, for PIPE_BUF bytes in a pipe. A file on a disk does not wait.
 *
 * Invariant: dropped > 0 only while something is kept; all that is dropped comes behind what is kept. */
#include "base/standard_error.h"

#include "base/buffer.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define IDLE_MS  200
#define LIMIT_MS 2000
#define LOOK_MS  10

static struct {
    pthread_mutex_t lock;
    bool never_waits, is_socket, may_block;
    int descriptor;
    struct buffer kept;
    size_t gone;      /* bytes of kept that have left already */
    uint64_t dropped; /* lines that came after what is kept */
} output = {.lock = PTHREAD_MUTEX_INITIALIZER, .descriptor = STDERR_FILENO};

static uint64_t lines_of(const char *text, size_t size)
{
    uint64_t lines = 0;
    for (const char *end; (end = memchr(text, '\n', size)) != NULL; lines++) {
        size -= (size_t)(end + 1 - text);
        text = end + 1;
    }
    return lines;
}

/* ---- writes that wait ---- */

static bool put_all(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t put = write(STDERR_FILENO, text, size);
        if (put < 0 && errno == EAGAIN) { /* somebody who shares it does not want to wait */
            struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
            (void)poll(&room, 1, -1);
        } else if (put < 0 && errno != EINTR) {
            return false; /* there is nobody left to tell */
        }
        if (put > 0) {
            text += put;
            size -= (size_t)put;
        }
    }
    return true;
}

/* ---- writes that do not ---- */

/* How many bytes have left; 0: there is no room, -1: an error. */
static ssize_t put_some(const char *text, size_t size)
{
    struct pollfd room = {.fd = output.descriptor, .events = POLLOUT};
    ssize_t put;
    do {
        if (output.is_socket)
            put = send(output.descriptor, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);
        else if (output.may_block && poll(&room, 1, 0) <= 0)
            return 0;
        else
            put = write(output.descriptor, text, size);
    } while (put < 0 && errno == EINTR);
    return put < 0 && errno == EAGAIN ? 0 : put;
}

/* As much of it as has room. Returns the bytes that have left. An error is as good as a full pipe: it may be over later. Inlined
 * where the text is short, gcc warns of the search in a long one. */
__attribute__((noinline)) static size_t put_lines(const char *text, size_t size)
{
    size_t done = 0;
    while (done < size) {
        size_t piece = size - done;
        if (piece > PIPE_BUF) {
            const char *end = memrchr(text + done, '\n', PIPE_BUF);
            piece = end == NULL ? PIPE_BUF : (size_t)(end + 1 - (text + done));
        }
        ssize_t put = put_some(text + done, piece);
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    return done;
}

static size_t kept_size(void) { return output.kept.size - output.gone; }

static void keep(const char *text, size_t size)
{
    if (size == 0)
        return;
    if (output.gone > 0) {
        memmove(output.kept.data, output.kept.data + output.gone, kept_size());
        output.kept.size -= output.gone;
        output.gone = 0;
    }
    buffer_put(&output.kept, text, size);
}

static void put_or_keep(const char *text, size_t size)
{
    size_t done = put_lines(text, size);
    keep(text + done, size - done);
}

static void flush_kept(void)
{
    if (kept_size() > 0)
        output.gone += put_lines(output.kept.data + output.gone, kept_size());
    if (kept_size() > 0)
        return;
    output.gone = 0;
    if (output.kept.capacity > STANDARD_ERROR_KEPT * 2)
        buffer_free(&output.kept); /* one large text was in it */
    buffer_reset(&output.kept);
    if (output.dropped == 0)
        return;
    char time[TIME_TEXT_MAX], line[TIME_TEXT_MAX + 128];
    (void)time_text(time_wall_ms(), time);
    int size = snprintf(line, sizeof line, "%s shoplane: warning: %" PRIu64 " lines are missing here: standard error took no more\n",
                        time, output.dropped);
    output.dropped = 0;
    put_or_keep(line, (size_t)size);
}

/* ---- what the others call ---- */

void standard_error_never_wait(uint64_t dropped)
{
    struct stat status;
    int number = errno;
    (void)pthread_mutex_lock(&output.lock);
    if (!output.never_waits && fstat(STDERR_FILENO, &status) == 0) {
        output.is_socket = S_ISSOCK(status.st_mode);
        if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
            int again = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
            output.may_block = again < 0;
            output.descriptor = again < 0 ? STDERR_FILENO : again;
        }
    }
    output.never_waits = true;
    output.dropped += dropped;
    flush_kept();
    (void)pthread_mutex_unlock(&output.lock);
    errno = number;
}

bool standard_error_put(const char *text, size_t size)
{
    int number = errno;
    bool taken = true;
    (void)pthread_mutex_lock(&output.lock);
    if (!output.never_waits) {
        taken = put_all(text, size);
    } else {
        flush_kept();
        if (kept_size() == 0)
            put_or_keep(text, size);
        else if (output.dropped == 0 && kept_size() + size <= STANDARD_ERROR_KEPT)
            keep(text, size);
        else
            taken = false;
        if (!taken)
            output.dropped += lines_of(text, size);
    }
    (void)pthread_mutex_unlock(&output.lock);
    errno = number;
    return taken;
}

void standard_error_flush(void)
{
    int number = errno;
    (void)pthread_mutex_lock(&output.lock);
    flush_kept();
    (void)pthread_mutex_unlock(&output.lock);
    errno = number;
}

uint64_t standard_error_drain(void)
{
    int number = errno;
    int64_t began_ms = time_monotonic_ms(), moved_ms = began_ms;
    size_t before = SIZE_MAX;
    uint64_t missing;
    for (;;) {
        (void)pthread_mutex_lock(&output.lock);
        flush_kept();
        size_t now = kept_size();
        missing = output.dropped + (now == 0 ? 0 : lines_of(output.kept.data + output.gone, now));
        (void)pthread_mutex_unlock(&output.lock);
        int64_t now_ms = time_monotonic_ms();
        if (now < before)
            moved_ms = now_ms;
        before = now;
        if (now == 0 || now_ms - moved_ms >= IDLE_MS || now_ms - began_ms >= LIMIT_MS)
            break;
        struct pollfd room = {.fd = output.descriptor, .events = POLLOUT};
        if (poll(&room, 1, LOOK_MS) > 0 && (room.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
            break; /* nobody will ever read it */
    }
    errno = number;
    return missing;
}

void standard_error_last_words(const char *text, size_t size)
{
    struct pollfd room = {.fd = output.descriptor, .events = POLLOUT};
    int number = errno;
    if (poll(&room, 1, 0) > 0)
        (void)put_some(text, size);
    errno = number;
}
