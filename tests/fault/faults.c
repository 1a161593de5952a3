/* faults.c - a library to be preloaded (LD_PRELOAD): calls on files and on sockets of Redis fail when a test says so.
 *
 * SHOPLANE_FAULTS names a file of rules, which a test replaces (by a rename) while the host runs; it is looked at before every
 * call. A line is a rule, the first that fits a call counts:
 *
 *     CALL PART WHEN TIMES WHAT [NUMBER]      pwrite journal/product 2 5 ENOSPC
 *
 * CALL   open, read, write, pread, pwrite, fsync, fdatasync, rename, unlink, mkdir, ftruncate, connect, send, recv
 * PART   of the path (of a socket: of its peer's; of a rename: of the new name); "*" for any
 * WHEN   how many calls that fit go well before; "~50": one in fifty, by chance, from SHOPLANE_FAULTS_SEED
 * TIMES  how often; -1: as long as the rule stands
 * WHAT   the name of an errno; "short N": at most N bytes; "cut N": N bytes, and then the connection is reset; "delay MS";
 *        "large N": ENOSPC for more than N bytes
 *
 * Each fault that was made is a line "CALL PATH WHAT" in the file that SHOPLANE_FAULTS_MADE names. Calls that the C library
 * makes by itself are not seen. Thread-safe. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RULES_MAX 64
#define PATH_SIZE 600

enum kind { FAULT_NONE, FAULT_ERRNO, FAULT_SHORT, FAULT_CUT, FAULT_DELAY, FAULT_LARGE };

struct rule {
    char call[16], part[128], what[16];
    long well, chance, times, number;
    enum kind kind;
};

static const struct {
    const char *name;
    int number;
} errors[] = {{"ENOSPC", ENOSPC}, {"EIO", EIO},       {"EDQUOT", EDQUOT},         {"EROFS", EROFS},
              {"EMFILE", EMFILE}, {"EINTR", EINTR},   {"ECONNRESET", ECONNRESET}, {"EPIPE", EPIPE},
              {"ECONNREFUSED", ECONNREFUSED}};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES_MAX];
static size_t rule_count;
static struct stat seen;
static uint64_t random_state;

static bool parse(char *line, struct rule *rule)
{
    char when[16];
    *rule = (struct rule){0};
    if (sscanf(line, "%15s %127s %15s %ld %15s %ld", rule->call, rule->part, when, &rule->times, rule->what, &rule->number) < 5)
        return false;
    if (when[0] == '~')
        rule->chance = strtol(when + 1, NULL, 10);
    else
        rule->well = strtol(when, NULL, 10);
    rule->kind = strcmp(rule->what, "short") == 0   ? FAULT_SHORT
                 : strcmp(rule->what, "cut") == 0   ? FAULT_CUT
                 : strcmp(rule->what, "delay") == 0 ? FAULT_DELAY
                 : strcmp(rule->what, "large") == 0 ? FAULT_LARGE
                                                    : FAULT_NONE;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0] && rule->kind == FAULT_NONE; i++)
        if (strcmp(rule->what, errors[i].name) == 0) {
            rule->kind = FAULT_ERRNO;
            rule->number = errors[i].number;
        }
    return rule->kind != FAULT_NONE;
}

/* The rules as they are now. A line that can't be read ends the process: the test is wrong. */
static void look(void)
{
    struct stat status;
    const char *path = getenv("SHOPLANE_FAULTS");
    if (path == NULL || stat(path, &status) != 0) {
        rule_count = 0;
        return;
    }
    if (status.st_ino == seen.st_ino && status.st_mtim.tv_sec == seen.st_mtim.tv_sec &&
        status.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
        return;
    FILE *stream = fopen(path, "re");
    char line[400];
    if (stream == NULL)
        return;
    seen = status;
    for (rule_count = 0; fgets(line, sizeof line, stream) != NULL && rule_count < RULES_MAX;)
        if (!parse(line, &rules[rule_count++]))
            abort();
    (void)fclose(stream);
    if (random_state == 0) {
        const char *seed = getenv("SHOPLANE_FAULTS_SEED");
        random_state = seed == NULL ? 1 : strtoull(seed, NULL, 10) * 2 + 1;
    }
}

static bool by_chance(long one_in)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % (uint64_t)one_in == 0;
}

static void note(const struct rule *rule, const char *path)
{
    const char *made = getenv("SHOPLANE_FAULTS_MADE");
    char line[PATH_SIZE + 64];
    int size = snprintf(line, sizeof line, "%s %s %s\n", rule->call, path, rule->what);
    int file = made == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, made, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        return;
    (void)!syscall(SYS_write, file, line, (size_t)size);
    (void)close(file);
}

static void path_of_file(int file, char path[PATH_SIZE])
{
    char link[64];
    struct sockaddr_un peer;
    socklen_t size = sizeof peer;
    memset(&peer, 0, sizeof peer);
    if (getpeername(file, (struct sockaddr *)&peer, &size) == 0 && peer.sun_family == AF_UNIX) {
        (void)snprintf(path, PATH_SIZE, "%.108s", peer.sun_path);
        return;
    }
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_SIZE - 1);
    path[length < 0 ? 0 : length] = '\0';
}

static void path_at(int folder, const char *name, char path[PATH_SIZE])
{
    char base[PATH_SIZE] = "";
    if (name[0] != '/' && folder != AT_FDCWD)
        path_of_file(folder, base);
    (void)snprintf(path, PATH_SIZE, "%.300s%s%.290s", base, base[0] == '\0' ? "" : "/", name);
}

/* What is to happen to this call? `name` NULL: it is on the file itself. errno is kept. */
static struct rule fault_of(const char *call, int file, const char *name, size_t bytes)
{
    struct rule found = {0};
    char path[PATH_SIZE] = "";
    int number = errno;
    (void)pthread_mutex_lock(&lock);
    look();
    for (size_t i = 0; i < rule_count && found.kind == FAULT_NONE; i++) {
        struct rule *rule = &rules[i];
        if (rule->times == 0 || strcmp(rule->call, call) != 0)
            continue;
        if (path[0] == '\0' && name == NULL)
            path_of_file(file, path);
        else if (path[0] == '\0')
            path_at(file, name, path);
        if (strcmp(rule->part, "*") != 0 && strstr(path, rule->part) == NULL)
            continue;
        if (rule->kind == FAULT_LARGE && bytes <= (size_t)rule->number)
            continue;
        if (rule->chance > 0 ? !by_chance(rule->chance) : rule->well > 0) {
            rule->well -= rule->well > 0;
            continue;
        }
        rule->times -= rule->times > 0;
        found = *rule;
        note(rule, path);
    }
    (void)pthread_mutex_unlock(&lock);
    errno = number;
    if (found.kind == FAULT_DELAY) {
        struct timespec moment = {.tv_sec = found.number / 1000, .tv_nsec = found.number % 1000 * 1000000};
        (void)nanosleep(&moment, NULL);
    }
    return found;
}

static struct rule fault(const char *call, int file, const char *name) { return fault_of(call, file, name, 0); }

/* True: the call fails with what is in errno. */
static bool failed(const struct rule *rule)
{
    if (rule->kind == FAULT_ERRNO || rule->kind == FAULT_LARGE)
        errno = rule->kind == FAULT_LARGE ? ENOSPC : (int)rule->number;
    return rule->kind == FAULT_ERRNO || rule->kind == FAULT_LARGE;
}

static size_t shortened(const struct rule *rule, size_t size)
{
    bool less = rule->kind == FAULT_SHORT || rule->kind == FAULT_CUT;
    return less && size > (size_t)rule->number ? (size_t)rule->number : size;
}

/* ---- files ---- */

static int opened(int folder, const char *name, int flags, mode_t mode)
{
    struct rule rule = fault("open", folder, name);
    return failed(&rule) ? -1 : (int)syscall(SYS_openat, folder, name, flags, mode);
}

#define MODE_OF(mode, flags)                                  \
    mode_t mode = 0;                                          \
    do {                                                      \
        va_list arguments;                                    \
        va_start(arguments, flags);                           \
        if (((flags) & (O_CREAT | __O_TMPFILE)) != 0)         \
            mode = (mode_t)va_arg(arguments, unsigned);       \
        va_end(arguments);                                    \
    } while (0)

int open(const char *name, int flags, ...)
{
    MODE_OF(mode, flags);
    return opened(AT_FDCWD, name, flags, mode);
}

int open64(const char *name, int flags, ...)
{
    MODE_OF(mode, flags);
    return opened(AT_FDCWD, name, flags, mode);
}

int openat(int folder, const char *name, int flags, ...)
{
    MODE_OF(mode, flags);
    return opened(folder, name, flags, mode);
}

ssize_t read(int file, void *out, size_t size)
{
    struct rule rule = fault("read", file, NULL);
    return failed(&rule) ? -1 : syscall(SYS_read, file, out, shortened(&rule, size));
}

ssize_t pread(int file, void *out, size_t size, off_t offset)
{
    struct rule rule = fault("pread", file, NULL);
    return failed(&rule) ? -1 : syscall(SYS_pread64, file, out, shortened(&rule, size), offset);
}

ssize_t write(int file, const void *data, size_t size)
{
    struct rule rule = fault_of("write", file, NULL, size);
    return failed(&rule) ? -1 : syscall(SYS_write, file, data, shortened(&rule, size));
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset)
{
    struct rule rule = fault_of("pwrite", file, NULL, size);
    return failed(&rule) ? -1 : syscall(SYS_pwrite64, file, data, shortened(&rule, size), offset);
}

int fsync(int file)
{
    struct rule rule = fault("fsync", file, NULL);
    return failed(&rule) ? -1 : (int)syscall(SYS_fsync, file);
}

int fdatasync(int file)
{
    struct rule rule = fault("fdatasync", file, NULL);
    return failed(&rule) ? -1 : (int)syscall(SYS_fdatasync, file);
}

int ftruncate(int file, off_t size)
{
    struct rule rule = fault("ftruncate", file, NULL);
    return failed(&rule) ? -1 : (int)syscall(SYS_ftruncate, file, size);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    struct rule rule = fault("rename", to_folder, to);
    return failed(&rule) ? -1 : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

int unlinkat(int folder, const char *name, int flags)
{
    struct rule rule = fault("unlink", folder, name);
    return failed(&rule) ? -1 : (int)syscall(SYS_unlinkat, folder, name, flags);
}

int mkdirat(int folder, const char *name, mode_t mode)
{
    struct rule rule = fault("mkdir", folder, name);
    return failed(&rule) ? -1 : (int)syscall(SYS_mkdirat, folder, name, mode);
}

/* ---- sockets ---- */

static bool reset(const struct rule *rule, int file)
{
    if (rule->kind != FAULT_CUT && !(rule->kind == FAULT_ERRNO && (rule->number == ECONNRESET || rule->number == EPIPE)))
        return false;
    (void)shutdown(file, SHUT_RDWR);
    return true;
}

int connect(int file, const struct sockaddr *address, socklen_t size)
{
    const struct sockaddr_un *local = (const void *)address;
    struct rule rule = {0};
    if (address->sa_family == AF_UNIX)
        rule = fault("connect", AT_FDCWD, local->sun_path);
    return failed(&rule) ? -1 : (int)syscall(SYS_connect, file, address, size);
}

ssize_t send(int file, const void *data, size_t size, int flags)
{
    struct rule rule = fault("send", file, NULL);
    ssize_t sent = rule.kind == FAULT_ERRNO ? -1 : syscall(SYS_sendto, file, data, shortened(&rule, size), flags, NULL, 0);
    int number = errno;
    (void)reset(&rule, file);
    errno = number;
    return failed(&rule) ? -1 : sent;
}

ssize_t recv(int file, void *out, size_t size, int flags)
{
    struct rule rule = fault("recv", file, NULL);
    ssize_t got = rule.kind == FAULT_ERRNO ? -1 : syscall(SYS_recvfrom, file, out, shortened(&rule, size), flags, NULL, NULL);
    int number = errno;
    if (reset(&rule, file)) { /* what has come meanwhile is not read any more */
        char lost[4096];
        while (syscall(SYS_recvfrom, file, lost, sizeof lost, MSG_DONTWAIT, NULL, NULL) > 0)
            ;
    }
    errno = number;
    return failed(&rule) ? -1 : got;
}
