/* reload_check.c - see reload_check.h. */
#include "cli/reload_check.h"

#include "base/time.h"
#include "cli/restart.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 60000 /* an `open` that takes longer hangs */

extern char **environ;

bool reload_check_start(struct reload_check *check, const char *config, struct error *error)
{
    const char *words[] = {"shoplane", "check", "--against-state", "--config", config, NULL};
    char **arguments = (char **)(uintptr_t)words; /* posix_spawn() leaves them as they are */
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, ours;
    (void)sigemptyset(&none);
    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGPIPE);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
    (void)posix_spawnattr_init(&attributes);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &ours);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    restart_keep_descriptors();
    int status = posix_spawn(&check->process, restart_program(), &actions, &attributes, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    check->since_ms = time_monotonic_ms();
    if (status == 0)
        return true;
    check->process = 0;
    error_what(error, "the check can't be started: %s", strerror(status));
    error_found(error, "%s", restart_program());
    error_advice(error, "look whether the program is still there");
    return false;
}

enum reload_verdict reload_check_look(struct reload_check *check, struct error *error)
{
    int status;
    if (check->process == 0)
        return RELOAD_NOTHING;
    pid_t ended = waitpid(check->process, &status, WNOHANG);
    if (ended == 0 && time_monotonic_ms() - check->since_ms < LIMIT_MS)
        return RELOAD_CHECKING;
    error_what(error, "%s", "what the check found is said above");
    if (ended == 0) {
        reload_check_stop(check);
        error_what(error, "the check does not end within %d s: a plugin's `open` hangs", LIMIT_MS / 1000);
        return RELOAD_REFUSED;
    }
    check->process = 0;
    if (ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return RELOAD_GOOD;
    if (ended > 0 && WIFSIGNALED(status))
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
    check->process = 0;
}
