/* restart.c - see restart.h.
 *
 * The note is three variables: SHOPLANE_RESTART="<reason> <since ms> <cause> <set or -> <lock> <unsaid>",
 * SHOPLANE_RESTART_FOLDER, and SHOPLANE_RESTART_WHY. For a crash they are made before they are needed: its handler can do
 * nothing but fill in two numbers and call the kernel. */
#include "cli/restart.h"

#include "base/memory.h"
#include "base/standard_error.h"
#include "cli/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NOTE        "SHOPLANE_RESTART"
#define NOTE_FOLDER "SHOPLANE_RESTART_FOLDER"
#define NOTE_WHY    "SHOPLANE_RESTART_WHY"
#define VARIABLES   3

extern char **environ;

static char *program;
static char **arguments;

static const char *const words[] = {"start", "reload", "partitions-added", "lease-lost", "back", "crash", "takeover"};
static const char *const sentences[] = {"start", "reload", "partitions added", "lease lost", "back to the last good set",
                                        "crash, and back to the last good set", "takeover"};

const char *restart_word(enum restart_reason reason) { return sentences[reason]; }

/* ---- the path ---- */

static bool same_file(const char *path, const struct stat *wanted)
{
    struct stat status;
    return stat(path, &status) == 0 && status.st_dev == wanted->st_dev && status.st_ino == wanted->st_ino;
}

/* The name we were called by, made absolute but not resolved: where it is a link, what it leads to may be exchanged. NULL: it
 * does not lead to us. */
static char *called_path(const char *name)
{
    struct stat self;
    char folder[PATH_MAX];
    if (name == NULL || stat("/proc/self/exe", &self) != 0)
        return NULL;
    const char *slash = strchr(name, '/'), *path = getenv("PATH");
    if (slash != NULL) {
        char *found = name[0] == '/' || getcwd(folder, sizeof folder) == NULL ? memory_text(name)
                                                                              : memory_format("%s/%s", folder, name);
        if (found[0] == '/' && same_file(found, &self))
            return found;
        free(found);
        return NULL;
    }
    while (path != NULL && *path != '\0') {
        size_t size = strcspn(path, ":");
        char *found = memory_format("%.*s/%s", (int)size, path, name);
        if (found[0] == '/' && same_file(found, &self))
            return found;
        free(found);
        path += size + (path[size] == ':');
    }
    return NULL;
}

void restart_prepare(char **argv)
{
    arguments = argv;
    program = called_path(argv[0]);
    if (program != NULL)
        return;
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    path[length < 0 ? 0 : length] = '\0';
    program = memory_text(length <= 0 ? "/proc/self/exe" : path);
}

const char *restart_program(void) { return program; }

/* ---- the note ---- */

void restart_take_note(struct restart_note *note)
{
    char word[32], set[SET_ID_MAX];
    long long since;
    unsigned long long unsaid;
    const char *text = getenv(NOTE), *folder = getenv(NOTE_FOLDER), *why = getenv(NOTE_WHY);
    *note = (struct restart_note){0};
    if (text != NULL && sscanf(text, "%31s %lld %d %32s %d %llu", word, &since, &note->cause, set, &note->lock, &unsaid) == 6) {
        for (size_t i = 1; i < sizeof words / sizeof words[0]; i++)
            if (strcmp(word, words[i]) == 0)
                note->reason = (enum restart_reason)i;
        note->since_ms = since;
        note->unsaid = unsaid;
        if (plugin_set_id_valid(set))
            memcpy(note->set, set, sizeof note->set);
        if (folder != NULL && *folder != '\0')
            note->folder = memory_text(folder);
        if (why != NULL && *why != '\0')
            note->why = memory_text(why);
    }
    (void)unsetenv(NOTE);
    (void)unsetenv(NOTE_FOLDER);
    (void)unsetenv(NOTE_WHY);
}

/* The environment with the note in front. */
static char **make_environment(const char *note, const char *folder, const char *why)
{
    size_t count = 0;
    while (environ[count] != NULL)
        count++;
    char **made = memory_new((count + VARIABLES + 1) * sizeof *made);
    made[0] = memory_format(NOTE "=%s", note);
    made[1] = memory_format(NOTE_FOLDER "=%s", folder == NULL ? "" : folder);
    made[2] = memory_format(NOTE_WHY "=%s", why == NULL ? "" : why);
    memcpy(made + VARIABLES, environ, count * sizeof *made);
    return made;
}

static void free_environment(char **made)
{
    for (int i = 0; i < VARIABLES; i++)
        free(made[i]);
    free(made);
}

/* ---- execve ---- */

struct directory_entry { /* of getdents64 */
    uint64_t inode;
    int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[];
};

/* Only what a signal handler may do. */
void restart_keep_descriptors(void)
{
#if defined(SYS_close_range)
    if (syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0)
        return;
#endif
    char block[2048] __attribute__((aligned(8)));
    int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (long size; folder >= 0 && (size = syscall(SYS_getdents64, folder, block, sizeof block)) > 0;)
        for (long at = 0; at < size;) {
            const struct directory_entry *entry = (const void *)(block + at);
            int number = 0;
            for (const char *digit = entry->name; *digit >= '0' && *digit <= '9'; digit++)
                number = number * 10 + (*digit - '0');
            if (number > 2)
                (void)fcntl(number, F_SETFD, FD_CLOEXEC);
            at += entry->size;
        }
}

static void keep_lock(int lock)
{
    if (lock > 2)
        (void)fcntl(lock, F_SETFD, 0);
}

/* Those that the new self handles must not end it before it does; no other is blocked. */
static void set_mask(sigset_t *before)
{
    static const int waiting[] = {SIGHUP, SIGTERM, SIGINT};
    sigset_t mask;
    (void)sigemptyset(&mask);
    for (size_t i = 0; i < sizeof waiting / sizeof waiting[0]; i++)
        (void)sigaddset(&mask, waiting[i]);
    (void)pthread_sigmask(SIG_SETMASK, &mask, before);
}

void restart_now(const struct restart_note *note)
{
    sigset_t before;
    char *text = memory_format("%s %lld %d %s %d %llu", words[note->reason], (long long)note->since_ms, note->cause,
                               note->set[0] == '\0' ? "-" : note->set, note->lock, (unsigned long long)standard_error_drain());
    char **environment = make_environment(text, note->folder, note->why);
    free(text);
    (void)fflush(NULL);
    restart_keep_descriptors();
    keep_lock(note->lock);
    set_mask(&before);
    errno = EINTR;
    if (!signals_stop)
        (void)execve(program, arguments, environment);
    int number = errno;
    restart_keep_descriptors();
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    free_environment(environment);
    errno = number;
}

/* ---- crashes ---- */

static struct {
    char **environment;
    char *since, *cause; /* in it: 20 and 3 digits to be filled in */
    int lock;
    atomic_bool armed;
} crash;

static void put_digits(char *to, int digits, uint64_t number)
{
    for (int i = digits - 1; i >= 0; i--, number /= 10)
        to[i] = (char)('0' + number % 10);
}

void restart_after_crash(int cause)
{
    struct timespec now = {0};
    if (!atomic_load(&crash.armed))
        return;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    put_digits(crash.since, 20, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
    put_digits(crash.cause, 3, (uint64_t)cause);
    restart_keep_descriptors();
    keep_lock(crash.lock);
    set_mask(NULL);
    (void)execve(program, arguments, crash.environment);
}

void restart_on_crash(const struct restart_note *note)
{
    if (atomic_load(&crash.armed))
        return;
    char *text = memory_format("%s %020d %03d %s %d 0", words[RESTART_CRASH], 0, 0, note->set, note->lock);
    crash.lock = note->lock;
    crash.environment = make_environment(text, note->folder, NULL);
    free(text);
    crash.since = crash.environment[0] + strlen(NOTE "=") + strlen(words[RESTART_CRASH]) + 1;
    crash.cause = crash.since + 21;
    atomic_store(&crash.armed, true);
}

void restart_on_crash_no_more(void)
{
    atomic_store(&crash.armed, false); /* its environment stays: a thread may be ending the process at this moment */
}
