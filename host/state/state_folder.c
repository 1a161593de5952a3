/* state_folder.c - see state_folder.h.
 *
 * The lock is the kernel's (flock): it goes with the process, however that ends, and nothing has to be cleaned up. What is
 * written into the file is for people and messages only. */
#include "state/state_folder.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/others_write.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refuse(const char *path, const char *what, int number, const char *advice, struct error *error)
{
    error_what(error, "the state's folder can't be used: %s%s%s", what, number == 0 ? "" : ": ",
               number == 0 ? "" : strerror(number));
    error_found(error, "%s", path);
    error_advice(error, "%s", advice);
    return false;
}

/* A folder inside `at`; -1: *error. `make`: where it does not exist, and so that it is still there after a power cut. */
static int folder_open(int at, const char *name, const char *path, bool make, struct error *error)
{
    struct stat status;
    bool by_list, made = make && mkdirat(at, name, 0700) == 0;
    if (make && !made && errno != EEXIST) {
        (void)refuse(path, "it can't be made", errno,
                     "make it, owned by the user that runs shoplane, or name another as state.folder", error);
        return -1;
    }
    int folder = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || fstat(folder, &status) != 0) {
        (void)refuse(path, "it can't be opened", errno, "name a folder of the user that runs shoplane", error);
        goto refused;
    }
    if (others_write(folder, &status, make, &by_list)) { /* who only looks may be an administrator at a service's folder */
        (void)refuse(path, by_list ? "an access list lets others write it" : "others than you can write it", 0,
                     by_list ? "look with getfacl who that is, and setfacl -b it"
                             : "chown it to the user that runs shoplane, and chmod go-w it", error);
        error_found(error, "%s (mode %04o, owner %u)", path, (unsigned)(status.st_mode & 07777), (unsigned)status.st_uid);
        goto refused;
    }
    if (made) { /* as well as it goes: not every file system syncs folders, nor may we read every folder */
        int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (parent >= 0) {
            (void)fsync(parent);
            (void)close(parent);
        }
    }
    return folder;

refused:
    if (folder >= 0)
        (void)close(folder);
    return -1;
}

static bool open_both(struct state_folder *state, const char *path, bool make, struct error *error)
{
    *state = (struct state_folder){.path = memory_text(path), .folder = -1, .journal = -1, .lock = -1};
    char *journal_path = memory_format("%s/journal", path);
    state->folder = folder_open(AT_FDCWD, path, path, make, error);
    if (state->folder >= 0)
        state->journal = folder_open(state->folder, "journal", journal_path, make, error);
    free(journal_path);
    if (state->journal >= 0)
        return true;
    state_folder_close(state);
    return false;
}

bool state_folder_open(struct state_folder *state, const char *path, struct error *error)
{
    if (!open_both(state, path, true, error))
        return false;
    state->lock = openat(state->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (state->lock < 0) {
        (void)refuse(path, "its file \"lock\" can't be opened", errno,
                     "look who owns it: the user that runs shoplane must be able to write it", error);
        state_folder_close(state);
        return false;
    }
    return true;
}

bool state_folder_look(struct state_folder *state, const char *path, struct error *error)
{
    return open_both(state, path, false, error);
}

void state_folder_close(struct state_folder *state)
{
    const int files[] = {state->lock, state->journal, state->folder};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i] >= 0)
            (void)close(files[i]);
    free(state->path);
    *state = (struct state_folder){.folder = -1, .journal = -1, .lock = -1};
}

/* The first line of the lock file, without control bytes: it goes into messages. */
static void owner_read(int lock, char owner[STATE_OWNER_MAX])
{
    ssize_t size = pread(lock, owner, STATE_OWNER_MAX - 1, 0);
    owner[size < 0 ? 0 : size] = '\0';
    owner[strcspn(owner, "\n")] = '\0';
    for (char *at = owner; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = ' ';
}

bool state_folder_lock(struct state_folder *state, const char *owner, char former[STATE_OWNER_MAX])
{
    size_t size = strlen(owner);
    assert(state->lock >= 0 && size <= 200 && strchr(owner, '\n') == NULL);
    int status;
    do
        status = flock(state->lock, LOCK_EX | LOCK_NB);
    while (status != 0 && errno == EINTR);
    owner_read(state->lock, former);
    if (status != 0)
        return false;
    state->locked = true;
    char line[STATE_OWNER_MAX];
    memcpy(line, owner, size);
    line[size++] = '\n';
    if (pwrite(state->lock, line, size, 0) != (ssize_t)size || ftruncate(state->lock, (off_t)size) != 0)
        log_warn("%s/lock does not say who uses the folder, which is locked all the same: %s", state->path,
                 strerror(errno));
    return true;
}

void state_folder_inherit(struct state_folder *state, int lock)
{
    struct stat inherited, own;
    if (state == NULL || fstat(lock, &inherited) != 0 || fstat(state->lock, &own) != 0 || inherited.st_dev != own.st_dev ||
        inherited.st_ino != own.st_ino) {
        (void)close(lock);
        return;
    }
    (void)close(state->lock);
    (void)fcntl(lock, F_SETFD, FD_CLOEXEC);
    state->lock = lock;
}

/* ---- sweeping ---- */

struct sweep {
    uint64_t below_generation;
    const struct segment_name *bounds;
    size_t bound_count;
};

static bool swept(const struct sweep *sweep, const struct segment_name *name)
{
    for (size_t i = 0; i < sweep->bound_count; i++) {
        const struct segment_name *bound = &sweep->bounds[i];
        if (bound->generation == name->generation && bound->worker == name->worker && strcmp(bound->lane, name->lane) == 0)
            return name->sequence < bound->sequence;
    }
    return name->generation < sweep->below_generation;
}

/* False: not all of it could be deleted. */
static bool sweep_files(const struct state_folder *state, const struct manifest *manifest, const struct sweep *sweep,
                        size_t *deleted)
{
    bool good = true;
    int file = openat(state->journal, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = file < 0 ? NULL : fdopendir(file);
    if (stream == NULL) {
        if (file >= 0)
            (void)close(file);
        return false;
    }
    errno = 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL; errno = 0) {
        struct segment_name name;
        if (!segment_name_parse(entry->d_name, &name) || !swept(sweep, &name) || (manifest != NULL && manifest_names(manifest, &name)))
            continue;
        if (unlinkat(state->journal, entry->d_name, 0) == 0)
            (*deleted)++;
        else
            good = false;
    }
    good = good && errno == 0;
    (void)closedir(stream);
    return good;
}

size_t state_folder_sweep(const struct state_folder *state, const struct manifest *manifest, uint64_t generation)
{
    size_t deleted = 0;
    (void)sweep_files(state, manifest, &(struct sweep){.below_generation = generation}, &deleted);
    return deleted;
}

bool state_folder_sweep_below(const struct state_folder *state, const struct manifest *manifest,
                              const struct segment_name *bounds, size_t count)
{
    size_t deleted = 0;
    return sweep_files(state, manifest, &(struct sweep){.bounds = bounds, .bound_count = count}, &deleted);
}
