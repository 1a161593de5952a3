/* standard_error.c - lines to a pipe, a socket and a terminal that nobody reads for a while: in order, whole, and those that are
 * missing are counted where they are missing. Each case is a process of its own, whose descriptor 2 is what it is about. */
#include "base/standard_error.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LINES 20000 /* of 32 bytes: more than pipe and buffer hold */

static void put_numbered(int from, int to, uint64_t *refused)
{
    char line[64];
    for (int i = from; i < to; i++) {
        int size = snprintf(line, sizeof line, "line %06d ..................\n", i);
        *refused += !standard_error_put(line, (size_t)size);
    }
}

/* The child's side: `go` is a pipe by which the parent says that it reads now. */
static void child(int descriptor, int said, int go)
{
    uint64_t refused = 0;
    char byte;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)dup2(descriptor, STDERR_FILENO);
    standard_error_never_wait(0);
    put_numbered(0, LINES, &refused);
    (void)!write(said, &refused, sizeof refused);
    while (read(go, &byte, 1) == 1) { /* the parent has taken something */
        standard_error_flush();
        (void)!write(said, "", 1);
    }
    put_numbered(LINES, LINES + 1, &refused);
    uint64_t missing = standard_error_drain();
    (void)!write(said, &missing, sizeof missing);
    _exit(0);
}

struct heard {
    uint64_t lines, missing; /* "line N", all of the gaps' */
    int next;                /* number of the line that should come next */
    bool mixed;
};

static void hear_line(struct heard *heard, char *line)
{
    int number;
    unsigned long long missing;
    const char *gap = strstr(line, "warning: ");
    if (sscanf(line, "line %d ..................", &number) == 1 && strlen(line) == 30) {
        heard->mixed = heard->mixed || number != heard->next;
        heard->next = number + 1;
        heard->lines++;
    } else if (gap != NULL && sscanf(gap, "warning: %llu lines are missing here", &missing) == 1) {
        heard->missing += missing;
        heard->next += (int)missing;
    } else {
        heard->mixed = true;
    }
}

static void everything_is_accounted_for(int reading, int writing)
{
    int said[2], go[2];
    uint64_t refused = 0, missing = 0;
    assert_int_equal(pipe(said), 0);
    assert_int_equal(pipe(go), 0);
    pid_t process = fork();
    if (process == 0) {
        (void)close(go[1]);
        child(writing, said[1], go[0]);
    }
    (void)close(said[1]);
    assert_int_equal(read(said[0], &refused, sizeof refused), sizeof refused); /* it did not wait, though nobody reads */
    assert_true(refused > 1000 && refused < LINES);

    struct heard heard = {0};
    static char text[1 << 20];
    size_t size = 0;
    (void)fcntl(reading, F_SETFL, O_NONBLOCK);
    for (bool more = true; more;) {
        char byte;
        ssize_t got = read(reading, text + size, sizeof text - size);
        if (got > 0)
            size += (size_t)got;
        more = got > 0;
        assert_int_equal(write(go[1], "", 1), 1);
        assert_int_equal(read(said[0], &byte, 1), 1);
    }
    (void)close(go[1]);
    assert_int_equal(read(said[0], &missing, sizeof missing), sizeof missing);
    assert_int_equal(missing, 0);
    ssize_t got = read(reading, text + size, sizeof text - size);
    size += got > 0 ? (size_t)got : 0;
    for (char *line = text, *end; (end = memchr(line, '\n', size - (size_t)(line - text))) != NULL; line = end + 1) {
        *end = '\0';
        if (end > line && end[-1] == '\r') /* a terminal's */
            end[-1] = '\0';
        hear_line(&heard, line);
    }
    assert_false(heard.mixed);
    assert_int_equal(heard.missing, refused);
    assert_int_equal(heard.lines, LINES + 1 - refused);
    assert_int_equal(heard.next, LINES + 1);
    int status;
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_int_equal(status, 0);
    (void)close(said[0]);
    (void)close(go[0]);
}

static void a_pipe_that_nobody_reads(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    everything_is_accounted_for(ends[0], ends[1]);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0); /* others who share it still wait */
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_socket_that_nobody_reads(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    everything_is_accounted_for(ends[0], ends[1]);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void a_terminal_that_is_stopped(void **state)
{
    (void)state;
    int control = posix_openpt(O_RDWR | O_NOCTTY);
    if (control < 0 || grantpt(control) != 0 || unlockpt(control) != 0)
        skip();
    int terminal = open(ptsname(control), O_RDWR | O_NOCTTY);
    if (terminal < 0)
        skip();
    everything_is_accounted_for(control, terminal);
    (void)close(control);
    (void)close(terminal);
}

/* What leaves before the process ends is bounded in time, and what does not is counted. */
static void the_end_does_not_wait_for_ever(void **state)
{
    int ends[2], said[2];
    uint64_t missing = 0, refused = 0;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(pipe(said), 0);
    pid_t process = fork();
    if (process == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        standard_error_never_wait(7);
        put_numbered(0, LINES, &refused);
        missing = standard_error_drain();
        standard_error_last_words("no room\n", 8);
        (void)!write(said[1], &missing, sizeof missing);
        _exit(0);
    }
    assert_int_equal(read(said[0], &missing, sizeof missing), sizeof missing);
    int status;
    assert_int_equal(waitpid(process, &status, 0), process);
    static char text[1 << 20];
    ssize_t size = read(ends[0], text, sizeof text - 1);
    assert_true(size > 0);
    uint64_t lines = 0;
    for (ssize_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    assert_non_null(strstr(text, "warning: 7 lines are missing here")); /* of a former self */
    assert_int_equal(lines - 1 + missing, LINES);
    for (int i = 0; i < 2; i++) {
        (void)close(ends[i]);
        (void)close(said[i]);
    }
}

/* Before anybody asked for it, it waits, as a command in a pipeline must. */
static void otherwise_a_slow_reader_is_waited_for(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    pid_t process = fork();
    if (process == 0) {
        uint64_t refused = 0;
        (void)dup2(ends[1], STDERR_FILENO);
        put_numbered(0, LINES, &refused);
        _exit(refused == 0 ? 0 : 1);
    }
    (void)close(ends[1]);
    static char text[1 << 16];
    size_t size = 0;
    for (ssize_t got; (got = read(ends[0], text, sizeof text)) > 0;)
        size += (size_t)got;
    int status;
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_int_equal(status, 0);
    assert_int_equal(size, (size_t)LINES * 31);
    (void)close(ends[0]);
}

static void lines_of_the_log_keep_errno(void **state)
{
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]); /* before anything is written: nobody reads it */
    pid_t process = fork();
    if (process == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        (void)dup2(ends[1], STDERR_FILENO);
        standard_error_never_wait(0);
        errno = ENOENT;
        log_info("nobody will ever read this");
        bool kept = errno == ENOENT;
        _exit(kept && standard_error_drain() == 1 && errno == ENOENT ? 0 : 1);
    }
    (void)close(ends[1]);
    int status;
    assert_int_equal(waitpid(process, &status, 0), process);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pipe_that_nobody_reads),
        cmocka_unit_test(a_socket_that_nobody_reads),
        cmocka_unit_test(a_terminal_that_is_stopped),
        cmocka_unit_test(the_end_does_not_wait_for_ever),
        cmocka_unit_test(otherwise_a_slow_reader_is_waited_for),
        cmocka_unit_test(lines_of_the_log_keep_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
