/* backup.c - `shoplane state backup` and `restore`. A copy is made beside the place where it will be, and renamed into it
 * when it is whole: whoever looks sees all of it or nothing. */
#include "base/memory.h"
#include "base/time.h"
#include "cli/state.h"
#include "cli/table.h"
#include "config/byte_count.h"
#include "state/state_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* --- places --- */

static char *without_slashes(const char *path)
{
    char *copy = memory_text(path);
    for (size_t size = strlen(copy); size > 1 && copy[size - 1] == '/'; size--)
        copy[size - 1] = '\0';
    return copy;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

static void remove_all(const char *folder) { (void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS); }

/* A new folder beside `place`; to be freed. NULL: *error. */
static char *make_beside(const char *place, struct error *error)
{
    char *folder = memory_format("%s.partial-XXXXXX", place);
    if (mkdtemp(folder) != NULL)
        return folder;
    error_what(error, "a folder can't be made beside %.300s: %s", place, strerror(errno));
    error_found(error, "%.400s", folder);
    error_advice(error, "name a place in a folder that exists and that this user may write");
    free(folder);
    return NULL;
}

/* So that a renaming is still true after a power cut. */
static void sync_parent(const char *place)
{
    char *parent = memory_text(place);
    char *slash = strrchr(parent, '/');
    if (slash != NULL)
        slash[slash == parent ? 1 : 0] = '\0';
    int folder = open(slash == NULL ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        (void)fsync(folder);
        (void)close(folder);
    }
    free(parent);
}

/* Rename where nothing is yet. Not every file system knows how to refuse by itself. */
static bool rename_new(const char *from, const char *to)
{
    struct stat status;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (lstat(to, &status) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

static bool renamed(bool good, const char *from, const char *to, struct error *error)
{
    if (good)
        return true;
    error_what(error, "%.200s can't be renamed to %.200s: %s", from, to, strerror(errno));
    error_found(error, "%.400s", to);
    error_advice(error, "look at who may write the folder it is in, and whether it is a mount point");
    return false;
}

/* --- copying --- */

/* Copy into a folder that is there, and has no state. 0, 1 or 130; what went wrong was said. */
static int copy_into(const struct state_folder *from, const struct state_folder *to, struct state_copied *copied)
{
    struct error error;
    struct state_watch watch;
    struct state_progress progress = state_watch_begin(&watch, "copying");
    bool good = state_copy(from, to, &progress, copied, &error);
    state_watch_end(&watch);
    if (good)
        return 0;
    if (error.what[0] == '\0')
        return 130;
    report_error(&error);
    return 1;
}

/* The same into a new folder beside `place`; *beside is its path, to be freed, or NULL. */
static int copy_beside(const struct state_folder *from, const char *place, char **beside, struct state_copied *copied)
{
    struct error error;
    struct state_folder to;
    *beside = make_beside(place, &error);
    if (*beside == NULL || !state_folder_open(&to, *beside, &error)) {
        report_error(&error);
        return 1;
    }
    int status = copy_into(from, &to, copied);
    state_folder_close(&to);
    return status;
}

static void say(const char *place, const struct state_copied *copied)
{
    char when[TIME_TEXT_MAX], size[BYTE_COUNT_TEXT_MAX], number[GROUPED_MAX];
    (void)time_text(copied->manifest->written_ms, when);
    (void)printf("%s: generation %llu, checkpoint %llu of %s; %s segments, %s, every sum is right\n", place,
                 (unsigned long long)copied->manifest->generation, (unsigned long long)copied->manifest->checkpoint, when,
                 grouped(copied->segments, number), byte_count_text(copied->bytes, size));
    if (copied->begun_again > 0)
        (void)printf("  begun again %u times, with a newer checkpoint each: the host deleted what had expired\n",
                     copied->begun_again);
}

int state_backup(const char *target, const char *folder)
{
    struct error error;
    struct state_folder from;
    struct state_copied copied = {0};
    struct stat status;
    char *place = without_slashes(target), *beside = NULL;
    int result = 1;
    if (lstat(place, &status) == 0) {
        error_what(&error, "the backup is not made: there is something at its place already");
        error_found(&error, "%.400s", place);
        error_advice(&error, "name a place where nothing is; it is made");
        report_error(&error);
        free(place);
        return 1;
    }
    if (!state_folder_look(&from, folder, &error)) {
        report_error(&error);
        free(place);
        return 1;
    }
    result = copy_beside(&from, place, &beside, &copied);
    if (result == 0 && !renamed(rename_new(beside, place), beside, place, &error)) {
        report_error(&error);
        result = 1;
    }
    if (result == 0) {
        sync_parent(place);
        say(place, &copied);
    } else if (beside != NULL) {
        remove_all(beside);
    }
    manifest_free(copied.manifest);
    state_folder_close(&from);
    free(beside);
    free(place);
    return result;
}

/* --- restoring --- */

/* Where the former state goes: "/var/lib/shoplane.before-20261125T100000Z". */
static char *former_place(const char *place)
{
    char when[32];
    time_t now = (time_t)(time_wall_ms() / 1000);
    struct tm utc;
    struct stat status;
    (void)gmtime_r(&now, &utc);
    (void)strftime(when, sizeof when, "%Y%m%dT%H%M%SZ", &utc);
    char *former = memory_format("%s.before-%s", place, when);
    for (unsigned i = 2; lstat(former, &status) == 0; i++) {
        free(former);
        former = memory_format("%s.before-%s-%u", place, when, i);
    }
    return former;
}

/* Put `beside` at `place`, in one step where the file system can. *former is where what was there is then; to be freed. */
static bool exchange(const char *beside, const char *place, char **former, struct error *error)
{
    *former = former_place(place);
    if (renameat2(AT_FDCWD, beside, AT_FDCWD, place, RENAME_EXCHANGE) == 0) {
        if (!rename_new(beside, *former)) {
            free(*former);
            *former = memory_text(beside);
        }
        return true;
    }
    if (errno != EINVAL && errno != ENOSYS)
        return renamed(false, beside, place, error);
    if (!renamed(rename_new(place, *former), place, *former, error))
        return false;
    if (renamed(rename_new(beside, place), beside, place, error))
        return true;
    (void)rename_new(*former, place);
    return false;
}

/* Open the folder that is there and lock it; refused if somebody uses it, or if it holds state and must not. */
static bool take_folder(struct state_folder *to, const char *place, bool replace, bool *holds, struct error *error)
{
    char former[STATE_OWNER_MAX], *owner = memory_format("shoplane-restore:%ld", (long)getpid());
    bool good = state_folder_open(to, place, error);
    if (good && !state_folder_lock(to, owner, former)) {
        error_what(error, "nothing is restored: a process uses the folder");
        error_found(error, "%.300s, by %.150s", place, former);
        error_advice(error, "stop it first; its own state is replaced only by --replace");
        state_folder_close(to);
        good = false;
    }
    *holds = good && state_exists(to);
    if (good && *holds && !replace) {
        error_what(error, "nothing is restored: the folder holds state");
        error_found(error, "%.400s", place);
        error_advice(error, "look at it with: shoplane state %.300s; --replace renames it, and restores", place);
        state_folder_close(to);
        good = false;
    }
    free(owner);
    return good;
}

/* `to` is open and locked; it holds state. */
static int restore_replacing(const struct state_folder *from, const char *place, struct state_copied *copied)
{
    struct error error;
    char *beside, *former = NULL;
    int result = copy_beside(from, place, &beside, copied);
    if (result == 0) {
        if (exchange(beside, place, &former, &error)) {
            sync_parent(place);
            (void)printf("%s: what was in %s before\n", former, place);
        } else {
            report_error(&error);
            result = 1;
        }
    }
    if (result != 0 && beside != NULL)
        remove_all(beside);
    free(former);
    free(beside);
    return result;
}

static int restore_new(const struct state_folder *from, const char *place, struct state_copied *copied)
{
    struct error error;
    char *beside;
    int result = copy_beside(from, place, &beside, copied);
    if (result == 0 && !renamed(rename_new(beside, place), beside, place, &error)) {
        report_error(&error);
        result = 1;
    }
    if (result == 0)
        sync_parent(place);
    else if (beside != NULL)
        remove_all(beside);
    free(beside);
    return result;
}

int state_restore(const char *source, const char *folder, bool replace)
{
    struct error error;
    struct state_folder from, to;
    struct state_copied copied = {0};
    struct stat status;
    bool holds = false;
    char resolved[PATH_MAX], *place = without_slashes(folder);
    if (realpath(place, resolved) != NULL) { /* a link's file system may be another than that of its target */
        free(place);
        place = memory_text(resolved);
    }
    int result = 1;
    if (!state_folder_look(&from, source, &error)) {
        report_error(&error);
    } else if (lstat(place, &status) != 0) {
        result = restore_new(&from, place, &copied);
        state_folder_close(&from);
    } else if (!take_folder(&to, place, replace, &holds, &error)) {
        report_error(&error);
        state_folder_close(&from);
    } else {
        result = holds ? restore_replacing(&from, place, &copied) : copy_into(&from, &to, &copied);
        state_folder_close(&to);
        state_folder_close(&from);
    }
    if (result == 0)
        say(place, &copied);
    manifest_free(copied.manifest);
    free(place);
    return result;
}
