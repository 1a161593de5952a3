/* manifest.c - manifests as files of the state's folder; see manifest.h.
 *
 * What is stored is read again before it replaces anything: a manifest that could not be read back never takes the place of
 * one that can. */
#include "state/manifest.h"

#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MANIFEST_BYTES_MAX (256u << 20) /* a hundred bytes a segment; more is none */
#define FILE_NAME_MAX      48
#define UNFINISHED         ".new"

static const char *file_name(uint64_t generation, const char *suffix, char out[FILE_NAME_MAX])
{
    (void)snprintf(out, FILE_NAME_MAX, "manifest-%" PRIu64 "%s", generation, suffix);
    return out;
}

/* The generation that a file's name says, with `suffix` behind it; 0: it is no such file. */
static uint64_t name_generation(const char *name, const char *suffix)
{
    char again[FILE_NAME_MAX];
    uint64_t generation = 0;
    if (sscanf(name, "manifest-%" SCNu64, &generation) != 1 || strcmp(file_name(generation, suffix, again), name) != 0)
        return 0;
    return generation;
}

static const struct manifest_lane *lane_of(const struct manifest *manifest, const char *name)
{
    for (size_t i = 0; i < manifest->lane_count; i++)
        if (strcmp(manifest->lanes[i].name, name) == 0)
            return &manifest->lanes[i];
    return NULL;
}

bool manifest_names(const struct manifest *manifest, const struct segment_name *name)
{
    const struct manifest_lane *lane = lane_of(manifest, name->lane);
    size_t from = 0, to = lane == NULL ? 0 : lane->segment_count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = segment_name_order(&lane->segments[middle].name, name);
        if (order == 0)
            return true;
        if (order < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return false;
}

bool manifest_is_ahead(const struct manifest *manifest, int64_t time_ms)
{
    bool ahead = manifest->clock_ms > time_ms;
    for (int32_t p = 0; p < manifest->partition_count; p++)
        ahead = ahead || manifest->partitions[p].largest_ms > time_ms;
    return ahead;
}

void manifest_take_back(struct manifest *manifest, int64_t time_ms, int64_t disorder_ms)
{
    if (manifest->clock_ms > time_ms)
        manifest->clock_ms = time_ms - disorder_ms;
    if (manifest->owed_ms > manifest->clock_ms)
        manifest->owed_ms = manifest->clock_ms;
    for (int32_t p = 0; p < manifest->partition_count; p++)
        if (manifest->partitions[p].largest_ms > time_ms)
            manifest->partitions[p].largest_ms = time_ms;
}

/* A stream of its own over a folder that stays open. */
static DIR *list(int folder, const char *path)
{
    int file = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = file < 0 ? NULL : fdopendir(file);
    if (stream == NULL && file >= 0)
        (void)close(file);
    return stream;
}

/* ---- storing ---- */

static bool write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = write(file, data, size);
        if (sent > 0) {
            data += sent;
            size -= (size_t)sent;
        } else if (sent == 0) {
            errno = ENOSPC;
            return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool file_write(int folder, const char *name, const struct buffer *text, bool sync)
{
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return false;
    bool good = write_all(file, text->data, text->size) && (!sync || fsync(file) == 0);
    int number = errno;
    if (close(file) != 0 && good) { /* network file systems report what they could not write here */
        good = false;
        number = errno;
    }
    errno = number;
    return good;
}

bool manifest_store(int folder, const struct manifest *manifest, bool sync, struct error *error)
{
    char unfinished[FILE_NAME_MAX], name[FILE_NAME_MAX];
    struct buffer text = {0};
    bool good = false;
    file_name(manifest->generation, UNFINISHED, unfinished);
    file_name(manifest->generation, "", name);
    manifest_write_text(manifest, &text);
    struct manifest *again = manifest_read_text(text.data, text.size, name, error);
    if (again == NULL)
        goto out;
    const char *step = "written";
    if (!file_write(folder, unfinished, &text, sync))
        goto failed;
    step = "put in its place";
    if (renameat(folder, unfinished, folder, name) != 0)
        goto failed;
    step = "made to last";
    if (sync && fsync(folder) != 0)
        goto failed;
    good = true;
    goto out;

failed:;
    int number = errno;
    error_what(error, "checkpoint %" PRIu64 " is not stored: its manifest can't be %s: %s", manifest->checkpoint, step,
               strerror(number));
    error_advice(error, "%s", number == ENOSPC || number == EDQUOT ? "make room in the file system of the state's folder"
                                                                 : "look at the disk, and at what the kernel says of it");
    error_found(error, "%s", name);
    (void)unlinkat(folder, unfinished, 0);
out:
    manifest_free(again);
    buffer_free(&text);
    return good;
}

/* ---- loading ---- */

/* The file's bytes. NULL: *error, and errno says why. */
static char *file_read(int folder, const char *name, const char *path, size_t *size, struct error *error)
{
    struct stat status;
    char *text = NULL;
    int number = 0;
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0 || fstat(file, &status) != 0) {
        number = errno;
    } else if (!S_ISREG(status.st_mode) || status.st_size > MANIFEST_BYTES_MAX) {
        number = EFBIG;
    } else {
        size_t done = 0;
        text = memory_new((size_t)status.st_size + 1);
        while (number == 0 && done < (size_t)status.st_size) {
            ssize_t got = read(file, text + done, (size_t)status.st_size - done);
            if (got == 0)
                break;
            if (got > 0)
                done += (size_t)got;
            else if (errno != EINTR)
                number = errno;
        }
        *size = done;
    }
    if (file >= 0)
        (void)close(file);
    if (number == 0)
        return text;
    free(text);
    error_what(error, "the manifest can't be read: %s", strerror(number));
    error_found(error, "%s", path);
    errno = number;
    return NULL;
}

static struct manifest *generation_load(int folder, const char *path, uint64_t generation, bool *gone, struct error *error)
{
    char name[FILE_NAME_MAX];
    size_t size = 0;
    char *file_path = memory_format("%s/%s", path, file_name(generation, "", name));
    char *text = file_read(folder, name, file_path, &size, error);
    struct manifest *manifest = NULL;
    if (text == NULL)
        *gone = *gone || errno == ENOENT;
    else
        manifest = manifest_read_text(text, size, file_path, error);
    if (manifest != NULL && manifest->generation != generation) {
        error_what(error, "the manifest can't be used: it is of generation %" PRIu64, manifest->generation);
        error_found(error, "%s:2", file_path);
        manifest_free(manifest);
        manifest = NULL;
    }
    free(text);
    free(file_path);
    return manifest;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left > right ? -1 : left < right;
}

/* All generations that have a manifest, newest first. False: *error. */
static bool generations_list(int folder, const char *path, uint64_t **generations, size_t *count, struct error *error)
{
    size_t capacity = 0;
    DIR *stream = list(folder, ".");
    *generations = NULL;
    *count = 0;
    errno = stream == NULL ? errno : 0;
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL; errno = 0) {
        uint64_t generation = name_generation(entry->d_name, "");
        if (generation == 0)
            continue;
        if (*count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            *generations = memory_resize(*generations, capacity * sizeof **generations);
        }
        (*generations)[(*count)++] = generation;
    }
    int number = errno;
    if (stream != NULL)
        (void)closedir(stream);
    if (number != 0) {
        error_what(error, "the state's folder can't be listed: %s", strerror(number));
        error_found(error, "%s", path);
        return false;
    }
    if (*count > 0)
        qsort(*generations, *count, sizeof **generations, newest_first);
    return true;
}

/* A start makes a manifest before it makes a segment: segments without any manifest are no new folder. True: *error. */
static bool manifest_gone(int folder, const char *path, struct error *error)
{
    char example[SEGMENT_NAME_MAX] = "";
    size_t count = 0;
    DIR *stream = list(folder, "journal");
    int number = stream != NULL || errno == ENOENT ? 0 : errno;
    errno = 0;
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL; errno = 0) {
        struct segment_name name;
        if (segment_name_parse(entry->d_name, &name) && count++ == 0)
            (void)segment_name_text(&name, example);
    }
    if (stream != NULL) {
        number = errno;
        (void)closedir(stream);
    }
    if (number != 0) {
        error_what(error, "the folder of journals can't be listed: %s", strerror(number));
        error_found(error, "%s/journal", path);
    } else if (count > 0) {
        error_what(error, "the manifest of the state is gone: there are journals, and nothing says what of them counts");
        error_found(error, "%s: no file manifest-N, and %zu file%s in journal/, such as %s", path, count, count == 1 ? "" : "s",
                    example);
        error_advice(error, "bring the manifest back, or restore a backup (shoplane state restore)");
    }
    return number != 0 || count > 0;
}

struct manifest *manifest_load(int folder, const char *path, struct error *passed_over, struct error *error)
{
    struct manifest *manifest = NULL;
    bool gone = true; /* a host at work deletes old manifests once a newer one is there: then look again */
    memset(passed_over, 0, sizeof *passed_over);
    memset(error, 0, sizeof *error);
    for (int look = 0; look < 3 && manifest == NULL && gone; look++) {
        uint64_t *generations;
        size_t count;
        gone = false;
        memset(error, 0, sizeof *error);
        if (generations_list(folder, path, &generations, &count, error)) {
            for (size_t i = 0; i < count && manifest == NULL; i++) {
                struct error reason;
                memset(&reason, 0, sizeof reason);
                manifest = generation_load(folder, path, generations[i], &gone, &reason);
                if (manifest == NULL && i == 0)
                    *error = reason;
            }
            if (count == 0) /* or a host has begun in a new folder while we looked */
                gone = manifest_gone(folder, path, error);
        }
        free(generations);
    }
    if (manifest != NULL && error->what[0] != '\0') {
        *passed_over = *error;
        error_advice(passed_over, "generation %" PRIu64 ", checkpoint %" PRIu64 ", is used instead", manifest->generation,
                     manifest->checkpoint);
        memset(error, 0, sizeof *error);
    }
    return manifest;
}

static bool highest_of(DIR *stream, uint64_t *highest)
{
    if (stream == NULL)
        return false;
    errno = 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL; errno = 0) {
        struct segment_name segment;
        uint64_t generation = name_generation(entry->d_name, "");
        if (generation == 0)
            generation = name_generation(entry->d_name, UNFINISHED);
        if (generation == 0 && segment_name_parse(entry->d_name, &segment))
            generation = segment.generation;
        if (generation > *highest)
            *highest = generation;
    }
    int number = errno;
    (void)closedir(stream);
    errno = number;
    return number == 0;
}

uint64_t manifest_highest_generation(int folder)
{
    uint64_t highest = 0;
    if (!highest_of(list(folder, "."), &highest))
        return UINT64_MAX;
    bool good = highest_of(list(folder, "journal"), &highest) || errno == ENOENT;
    return good ? highest : UINT64_MAX;
}

void manifest_forget_before(int folder, uint64_t generation)
{
    DIR *stream = list(folder, ".");
    if (stream == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        uint64_t finished = name_generation(entry->d_name, ""), unfinished = name_generation(entry->d_name, UNFINISHED);
        if ((finished != 0 && finished < generation) || (unfinished != 0 && unfinished < generation))
            (void)unlinkat(folder, entry->d_name, 0);
    }
    (void)closedir(stream);
}
