/* reload_check.c - see reload_check.h. */
#include "cli/reload_check.h"

#include "base/hash.h"
#include "base/standard_error.h"
#include "base/time.h"
#include "cli/restart.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 60000 /* for all but one call of a plugin that takes as long as it may */
#define LINE_KEPT 4096
#define PIECES_A_LOOK 16

extern char **environ;

static bool cant_start(int number, struct error *error)
{
    error_what(error, "the check can't be started: %s", strerror(number));
    error_found(error, "%s", restart_program());
    error_advice(error, "look whether the program is still there");
    return false;
}

bool reload_check_start(struct reload_check *check, const char *config, int64_t call_ms, struct error *error)
{
    char token[32];
    const char *words[] = {"shoplane", "check", "--against-state", "--token", token, "--config", config, NULL};
    char **arguments = (char **)(uintptr_t)words; /* posix_spawn() leaves them as they are */
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, ours;
    int ends[2];
    check->since_ms = time_monotonic_ms();
    check->limit_ms = LIMIT_MS + call_ms;
    check->through = false;
    (void)snprintf(token, sizeof token, "%016llx", (unsigned long long)hash_place(&check->since_ms, sizeof check->since_ms));
    (void)snprintf(check->token, sizeof check->token, "checked %s\n", token);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return cant_start(errno, error);
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    (void)sigemptyset(&none);
    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGPIPE);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &ours);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    restart_keep_descriptors();
    int status = posix_spawn(&check->process, restart_program(), &actions, &attributes, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    (void)close(ends[1]);
    if (status == 0) {
        check->said = ends[0];
        return true;
    }
    (void)close(ends[0]);
    check->process = 0;
    return cant_start(status, error);
}

static void say_line(struct reload_check *check)
{
    size_t size = strlen(check->token);
    char *token = check->line.size < size ? NULL : memmem(check->line.data, check->line.size, check->token, size);
    if (token != NULL) {
        size_t behind = check->line.size - size - (size_t)(token - check->line.data);
        memmove(token, token + size, behind);
        check->line.size -= size;
        check->through = true;
    }
    if (check->line.size > 0)
        (void)standard_error_put(check->line.data, check->line.size);
    buffer_reset(&check->line);
}

/* Pass on what it has written, whole lines, a limited number of bytes. */
static void pass_on(struct reload_check *check)
{
    char bytes[4096];
    ssize_t size = 1;
    for (int piece = 0; piece < PIECES_A_LOOK && size > 0; piece++) {
        size = read(check->said, bytes, sizeof bytes);
        const char *end = size <= 0 ? NULL : memrchr(bytes, '\n', (size_t)size);
        size_t whole = end == NULL ? 0 : (size_t)(end + 1 - bytes);
        if (whole > 0) {
            buffer_put(&check->line, bytes, whole);
            say_line(check);
        }
        if (size > 0)
            buffer_put(&check->line, bytes + whole, (size_t)size - whole);
        if (check->line.size > LINE_KEPT) {
            buffer_byte(&check->line, '\n');
            say_line(check);
        }
    }
}

static void ended(struct reload_check *check)
{
    pass_on(check);
    if (check->line.size > 0) {
        buffer_byte(&check->line, '\n');
        say_line(check);
    }
    buffer_free(&check->line);
    (void)close(check->said);
    check->process = 0;
}

enum reload_verdict reload_check_look(struct reload_check *check, struct error *error)
{
    int status;
    if (check->process == 0)
        return RELOAD_NOTHING;
    pid_t done = waitpid(check->process, &status, WNOHANG);
    pass_on(check);
    if (done == 0 && time_monotonic_ms() - check->since_ms < check->limit_ms)
        return RELOAD_CHECKING;
    error_what(error, "%s", "what the check found is said above");
    if (done == 0) {
        reload_check_stop(check);
        error_what(error, "the check does not end within %lld s: plugins' `open` take too long", (long long)check->limit_ms / 1000);
        return RELOAD_REFUSED;
    }
    ended(check);
    if (done > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && check->through)
        return RELOAD_GOOD;
    if (done > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        error_what(error, "the check ended with status 0 before it was through: a plugin has ended its process");
    if (done > 0 && WIFSIGNALED(status))
        error_what(error, "the check ended by a signal: %s; a plugin's `open` crashes", strsignal(WTERMSIG(status)));
    return RELOAD_REFUSED;
}

void reload_check_stop(struct reload_check *check)
{
    if (check->process == 0)
        return;
    (void)kill(check->process, SIGKILL);
    while (waitpid(check->process, NULL, 0) < 0 && errno == EINTR)
        continue;
    ended(check);
}
