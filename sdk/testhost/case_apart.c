/* case_apart.c - see case_apart.h.
 *
 * Texts come back in files without a name, numbers and the place in shared memory. */
#include "testhost/case_apart.h"

#include "plugin/plugin_call.h"
#include "testhost/case_run.h"
#include "testhost/kept_features.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TICKS_A_SECOND 10

struct shared {
    struct case_progress progress;
    bool ran, complete;
};

struct apart {
    const struct case_file *file;
    struct shared *shared;
    struct case_told told;
    int errors; /* a file: struct error, one behind the other */
};

/* ---- in the process of the case ---- */

static struct strict_place *own_place; /* of the case that this process runs */

static void add_word(char *to, size_t room, const char *word)
{
    size_t used = strlen(to), size = strlen(word);
    if (size > room - used - 1)
        size = room - used - 1;
    memcpy(to + used, word, size);
    to[used + size] = '\0';
}

/* Where this thread is, if the place does not say it yet: fit for a signal handler. */
static void note_place(void)
{
    enum plugin_function function = (enum plugin_function)(atomic_load(&plugin_call.state) % PLUGIN_CALL_FUNCTION);
    const struct plugin_id *plugin = atomic_load(&plugin_call.plugin);
    if (own_place->plugin[0] != '\0' || function == PLUGIN_NO_CALL || plugin == NULL || plugin->lane == NULL)
        return;
    add_word(own_place->plugin, sizeof own_place->plugin, plugin->metric != NULL ? "metric parser " : "lane ");
    add_word(own_place->plugin, sizeof own_place->plugin, plugin->metric != NULL ? plugin->metric : plugin->lane);
    own_place->function[0] = '\0';
    add_word(own_place->function, sizeof own_place->function, plugin_function_word(function));
}

static void on_signal(int number)
{
    note_place();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static _Noreturn void thread_ended(void)
{
    note_place();
    abort();
}

/* The command's own handlers would speak of an end of the host. Those that take more than a number are a sanitizer's: they stay. */
static void watch_signals(void)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGALRM};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK}, before;
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && (before.sa_flags & SA_SIGINFO) == 0)
            (void)sigaction(numbers[i], &action, NULL);
    (void)atexit(note_place);
    (void)at_quick_exit(note_place);
    plugin_call_thread_ended = thread_ended;
}

static _Noreturn void in_child(const struct apart *apart, const char *plugins)
{
    struct error_list errors = {0};
    own_place = &apart->shared->progress.place;
    watch_signals();
    apart->shared->ran = case_run(apart->file, plugins, &apart->shared->progress, &apart->told, &errors);
    if (errors.count > 0)
        (void)!write(apart->errors, errors.items, errors.count * sizeof *errors.items);
    error_list_free(&errors);
    apart->shared->complete = true;
    exit(0); /* a sanitizer looks for what was not freed */
}

/* ---- who waits for it ---- */

/* True: it stood still, and was ended for it. Ticks are counted, not time: a test that is stopped and goes on has not stood still. */
static bool wait_for(pid_t child, const struct case_progress *progress, int timeout_s, int *status)
{
    static const struct timespec tick = {.tv_nsec = 1000000000 / TICKS_A_SECOND};
    uint64_t seen = 0;
    int still = 0, most = timeout_s * TICKS_A_SECOND;
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGCHLD);
    *status = 0;
    for (pid_t ended; (ended = waitpid(child, status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR);) {
        if (sigtimedwait(&ends, NULL, &tick) >= 0 || errno != EAGAIN)
            continue;
        uint64_t steps = atomic_load(&progress->steps);
        still = steps != seen ? 0 : still + 1;
        seen = steps;
        if (still == most)
            (void)kill(child, SIGALRM); /* it says where it is */
        if (still == most + TICKS_A_SECOND)
            (void)kill(child, SIGKILL);
    }
    return still >= most;
}

static pid_t start(const struct apart *apart, const char *plugins)
{
    sigset_t ends, before;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &ends, &before);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)sigprocmask(SIG_SETMASK, &before, NULL);
        in_child(apart, plugins);
    }
    return child;
}

/* The line of the case that this plugin stands on, "lane sale" or "metric parser sale_views"; else that of the first lane. */
static int line_of(const struct case_file *file, const char *plugin)
{
    const char *space = strrchr(plugin, ' '), *name = space == NULL ? plugin : space + 1;
    for (size_t i = 0; i < file->lane_count; i++) {
        bool there = strcmp(file->lanes[i].name, name) == 0;
        for (size_t m = 0; m < file->lanes[i].metric_count; m++)
            there = there || strcmp(file->lanes[i].metrics[m], name) == 0;
        if (there)
            return file->lanes[i].line;
    }
    return file->lanes[0].line;
}

static void tell_end(const struct apart *apart, bool still, int timeout_s, int status, struct buffer *out)
{
    const struct case_file *file = apart->file;
    const struct case_progress *progress = &apart->shared->progress;
    const struct strict_place *place = &progress->place;
    const char *who = place->plugin[0] == '\0' ? "the test host, in no plugin," : place->plugin;
    bool named = place->plugin[0] != '\0', by_event = progress->moments > 0 && place->step < file->event_count;
    buffer_printf(out, "%s:%d: %s ", file->path,
                  by_event                ? file->events[place->step].line
                  : progress->moments > 0 ? file->expects[progress->moments - 1].line
                                          : line_of(file, place->plugin),
                  who);
    if (still)
        buffer_printf(out, "does not come back%s%s within %d s", named ? " from " : "", named ? place->function : "",
                      timeout_s);
    else
        buffer_printf(out, "ends the process%s%s: ", named ? " in " : "", named ? place->function : "");
    if (!still && place->slot)
        buffer_literal(out, "it calls what is behind the end of a table of the host");
    else if (!still && WIFSIGNALED(status))
        buffer_printf(out, "%s", strsignal(WTERMSIG(status)));
    else if (!still)
        buffer_printf(out, "with status %d", WEXITSTATUS(status));
    buffer_printf(out, "%s\n    do this   ", progress->starving ? ", when its allocations fail" : "");
    if (still)
        buffer_literal(
            out, "each call must end soon, whatever the event holds; for a slow machine there is --timeout SECONDS");
    else if (place->slot)
        buffer_literal(out, "its minor of the SDK has what is before struct_size, and no more");
    else if (WIFSIGNALED(status))
        buffer_printf(out, "run it in gdb: gdb -ex 'set follow-fork-mode child' --args shoplane plugin test %s",
                      file->path);
    else
        buffer_literal(out, "no exit() in a plugin: each call comes back, and `open` may refuse");
    buffer_byte(out, '\n');
    if (by_event)
        buffer_printf(out, "    at        %s\n", file->events[place->step].text);
    if (progress->moments < file->expect_count)
        buffer_literal(out, "    the rest of this case was not run\n");
}

static void read_whole(int file, struct buffer *out)
{
    struct stat status;
    if (fstat(file, &status) != 0 || status.st_size <= 0)
        return;
    size_t size = (size_t)status.st_size;
    buffer_grow(out, size);
    ssize_t got = pread(file, out->data + out->size, size, 0);
    out->size += got > 0 ? (size_t)got : 0;
}

static void read_errors(int file, struct error_list *errors)
{
    struct error error;
    for (off_t at = 0; pread(file, &error, sizeof error, at) == (ssize_t)sizeof error; at += (off_t)sizeof error)
        *error_list_add(errors) = error;
}

static void look_at_end(const struct apart *apart, bool still, int timeout_s, int status, struct case_result *result,
                        struct buffer *out)
{
    const struct case_progress *progress = &apart->shared->progress;
    bool died = !apart->shared->complete || status != 0;
    read_whole(apart->told.text, out);
    if (died)
        tell_end(apart, still, timeout_s, status, out);
    size_t moments = progress->moments + (died && progress->moments == 0); /* it ended before the first */
    *result = (struct case_result){.moments = moments, .differ = progress->differ + died, .unseen = progress->unseen};
}

bool case_run_apart(const struct case_file *file, const char *plugins, int timeout_s, struct case_result *result,
                    struct buffer *out, struct buffer *spelling, struct error_list *errors)
{
    *result = (struct case_result){0};
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct apart apart = {
        .file = file,
        .shared = shared,
        .told = {.text = memfd_create("text", MFD_CLOEXEC), .spelling = memfd_create("spelling", MFD_CLOEXEC)},
        .errors = memfd_create("errors", MFD_CLOEXEC)};
    bool able = shared != MAP_FAILED && apart.told.text >= 0 && apart.told.spelling >= 0 && apart.errors >= 0;
    if (able)
        shared->progress.place.step = KEPT_NO_STEP;
    int status;
    pid_t child = able ? start(&apart, plugins) : -1;
    bool ran = false;
    if (child < 0) {
        error_what(error_list_add(errors), "no process for a case can be made: %s", strerror(errno));
    } else {
        bool still = wait_for(child, &shared->progress, timeout_s, &status);
        look_at_end(&apart, still, timeout_s, status, result, out);
        read_whole(apart.told.spelling, spelling);
        read_errors(apart.errors, errors);
        ran = shared->ran || !shared->complete;
    }
    (void)close(apart.told.text);
    (void)close(apart.told.spelling);
    (void)close(apart.errors);
    if (shared != MAP_FAILED)
        (void)munmap(shared, sizeof *shared);
    return ran;
}
