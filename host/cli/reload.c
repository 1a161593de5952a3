/* reload.c - `shoplane reload`: the running host takes up what is installed now, configuration and plugins.
 *
 * Checked here first, so that the person sees the mistakes; then SIGHUP to the host, which checks once more in its own
 * surroundings and restarts. What became of it is read from its state folder (state/notice.h). */
#include "base/memory.h"
#include "base/time.h"
#include "cli/check.h"
#include "cli/command.h"
#include "cli/crash.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "cli/watchdog.h"
#include "state/notice.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS      30000
#define LOOK_EVERY_MS 10
#define SAID_EVERY_MS 5000

static const char usage[] = "shoplane reload [--config FILE]\n\n"
                            "Checks the configuration and its plugins as `check --against-state` does; then the host that\n"
                            "uses its state.folder, on this machine, restarts with what is installed now, its state kept.\n"
                            "Waits until it is known whether that is good, says how long features stood\n"
                            "still, or why the host went back to the last good set. Status 0: the new set runs.\n";

/* The process that uses the folder; 0: none, *error. */
static pid_t find_host(const struct state_folder *folder, struct error *error)
{
    char owner[STATE_OWNER_MAX] = "", host[65] = "", here[65] = "";
    long pid = 0;
    int lock = openat(folder->folder, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t size = lock < 0 ? -1 : pread(lock, owner, sizeof owner - 1, 0);
    bool used = lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0;
    if (lock >= 0)
        (void)close(lock);
    owner[size < 0 ? 0 : size] = '\0';
    owner[strcspn(owner, "\n")] = '\0';
    (void)gethostname(here, sizeof here - 1);
    if (!used || sscanf(owner, "%64[^:]:%ld:", host, &pid) != 2 || pid <= 1) {
        error_what(error, "no host runs with this state");
        error_found(error, "%s%s%s", folder->path, owner[0] == '\0' ? "" : ": last used by ", owner);
        error_advice(error, "start it: shoplane run");
        return 0;
    }
    if (strcmp(host, here[0] == '\0' ? "localhost" : here) != 0) {
        error_what(error, "the host runs on another machine");
        error_found(error, "%s: used by %s, this is %s", folder->path, owner, here);
        error_advice(error, "run `shoplane reload` there");
        return 0;
    }
    return (pid_t)pid;
}

/* What the host says; false: it has ended. */
static bool look(const struct state_folder *folder, pid_t host, struct notice *notice)
{
    struct timespec moment = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    (void)nanosleep(&moment, NULL);
    (void)notice_read(folder->folder, notice);
    return kill(host, 0) == 0 || errno != ESRCH;
}

static int say(int status, const char *what, const char *found, const char *advice)
{
    struct error error;
    error_what(&error, "%s", what);
    error_found(&error, "%s", found);
    error_advice(&error, "%s", advice);
    report_error(&error);
    return status;
}

/* What it is that takes so long. */
static void say_waiting(int64_t waited_s, bool new, const struct notice *now)
{
    const char *what = !new          ? "the host checks the new set"
                       : now->writes ? "the new set runs; until events have gone through it, it is not known whether it is good"
                                     : "the host has restarted, and has not written yet";
    (void)fprintf(stderr, "  %" PRId64 " s of at most %d s  %s\n", waited_s, LIMIT_MS / 1000, what);
}

static int wait_for_it(const struct state_folder *folder, pid_t host, const char *wanted, const struct notice *before)
{
    struct notice now = *before;
    int64_t began_ms = time_monotonic_ms(), told_ms = began_ms;
    bool said = false;
    for (;;) {
        bool lives = look(folder, host, &now), new = now.start != before->start;
        bool over = time_monotonic_ms() - began_ms > LIMIT_MS;
        if (!lives)
            return say(1, "the host has ended", "", "look at its log");
        if (new && now.back[0] != '\0')
            return say(1, "the new set does not run; the host went back to the last good one", now.back,
                       "mend what is wrong and reload again; the host's log says more");
        if (!new && now.refusals != before->refusals)
            return say(1, "the host refused to reload, and runs on as before", "", "its log says why");
        if (time_monotonic_ms() - told_ms >= SAID_EVERY_MS) {
            told_ms += SAID_EVERY_MS;
            say_waiting((told_ms - began_ms) / 1000, new, &now);
        }
        if (!new && over)
            return say(1, "the host has not restarted within 30 s", "", "look at its log");
        if (!new)
            continue;
        if (strcmp(now.set, wanted) != 0 && (now.writes || over))
            return say(1, "the host restarted, but with another set: what is installed changed meanwhile", now.set,
                       "reload again");
        if (!said && now.writes) {
            said = true;
            (void)printf("features stood still for %" PRId64 " ms\n", now.stood_ms < 0 ? 0 : now.stood_ms);
            (void)fflush(stdout);
        }
        if (now.writes && (!now.trial || over)) {
            (void)printf("set %s runs%s\n", wanted,
                         now.trial ? "; whether it is good is not known yet: nothing came to try it with, or no checkpoint was made" : " and is good");
            return 0;
        }
        if (over)
            return say(1, "the host has restarted, but writes nothing yet", "", "look at its log: is Redis there?");
    }
}

static int reload(const char *path)
{
    struct loaded loaded;
    struct state_folder folder;
    struct error error = {0};
    struct notice before;
    char wanted[SET_ID_MAX];
    if (!check_start(path, true, &loaded))
        return 2;
    memcpy(wanted, loaded.set.id, sizeof wanted);
    const char *place = loaded.config->state.folder;
    bool found = access(place, F_OK) == 0 && state_folder_look(&folder, place, &error);
    if (!found && error.what[0] == '\0') {
        error_what(&error, "no host runs with this state");
        error_found(&error, "%s: there is no such folder", place);
        error_advice(&error, "start it: shoplane run");
    }
    loaded_free(&loaded);
    pid_t host = found ? find_host(&folder, &error) : 0;
    int status = 1;
    if (host == 0) {
        report_error(&error);
    } else {
        (void)notice_read(folder.folder, &before);
        if (kill(host, SIGHUP) == 0)
            status = wait_for_it(&folder, host, wanted, &before);
        else
            (void)say(1, "the host can't be told", strerror(errno), "run this as the user that runs the host");
    }
    if (found)
        state_folder_close(&folder);
    return status;
}

int command_reload(int argc, char **argv)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *named = NULL;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (option != 'c')
            return command_usage("reload", "that option is not known");
        named = optarg;
    }
    if (optind < argc)
        return command_usage("reload", "\"%s\" is one word too many; the file goes behind --config", argv[optind]);
    crash_watch();
    watchdog_start();
    char *path = setup_config_path(named);
    int status = reload(path);
    free(path);
    return status;
}
