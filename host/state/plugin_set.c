/* plugin_set.c - see plugin_set.h. */
#include "state/plugin_set.h"

#include "base/memory.h"
#include "state/text_file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define SETS "sets"
#define MARKS "set"
#define MARKS_FIRST "shoplane sets 1\n"
#define MARKS_MOST 4096
#define UNFINISHED "new-"

/* ---- what is in it ---- */

void plugin_set_add(struct plugin_set *set, const char *name, char *bytes, size_t size)
{
    size_t at = 0;
    while (at < set->count && strcmp(set->files[at].name, name) < 0)
        at++;
    if (at < set->count && strcmp(set->files[at].name, name) == 0) {
        free(set->files[at].bytes);
        set->files[at].bytes = bytes;
        set->files[at].size = size;
        return;
    }
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? 16 : set->capacity * 2;
        set->files = memory_resize(set->files, set->capacity * sizeof *set->files);
    }
    memmove(set->files + at + 1, set->files + at, (set->count - at) * sizeof *set->files);
    set->files[at] = (struct set_file){memory_text(name), bytes, size};
    set->count++;
}

void plugin_set_name(struct plugin_set *set)
{
    XXH3_state_t *state = XXH3_createState();
    assert(state != NULL);
    (void)XXH3_128bits_reset(state);
    for (size_t i = 0; i < set->count; i++) {
        uint64_t size = set->files[i].size;
        (void)XXH3_128bits_update(state, set->files[i].name, strlen(set->files[i].name) + 1);
        (void)XXH3_128bits_update(state, &size, sizeof size);
        (void)XXH3_128bits_update(state, set->files[i].bytes, set->files[i].size);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    (void)XXH3_freeState(state);
    (void)snprintf(set->id, sizeof set->id, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
}

void plugin_set_free(struct plugin_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->files[i].bytes != NULL)
            explicit_bzero(set->files[i].bytes, set->files[i].size);
        free(set->files[i].bytes);
        free(set->files[i].name);
    }
    free(set->files);
    *set = (struct plugin_set){0};
}

bool plugin_set_id_valid(const char *id)
{
    return strlen(id) == SET_ID_MAX - 1 && id[strspn(id, "0123456789abcdef")] == '\0';
}

/* ---- in the folder ---- */

/* Make it where it does not exist, and open it; -1: errno. */
static int open_folder(int at, const char *name)
{
    if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
        return -1;
    return openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

static void remove_tree(int at, const char *name)
{
    if (unlinkat(at, name, 0) == 0 || errno == ENOENT)
        return;
    int folder = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *stream = folder < 0 ? NULL : fdopendir(folder);
    if (stream != NULL) {
        for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                remove_tree(folder, entry->d_name);
        (void)closedir(stream);
    } else if (folder >= 0) {
        (void)close(folder);
    }
    (void)unlinkat(at, name, AT_REMOVEDIR);
}

/* A file of the set, with the folders that its name goes through. */
static bool store_file(int folder, const struct set_file *file, bool sync, struct error *error)
{
    char *name = memory_text(file->name), *part = name;
    int at = dup(folder);
    for (char *slash; at >= 0 && (slash = strchr(part, '/')) != NULL; part = slash + 1) {
        *slash = '\0';
        int next = open_folder(at, part);
        (void)close(at);
        at = next;
    }
    bool good = at >= 0;
    if (!good)
        error_what(error, "the folder of %s can't be made: %s", file->name, strerror(errno));
    good = good && text_file_make(at, part, file->bytes, file->size, sync, error) && (!sync || fsync(at) == 0);
    if (at >= 0)
        (void)close(at);
    free(name);
    return good;
}

/* ---- is a copy what its name says ---- */

#define FILE_MOST ((size_t)1 << 30)

static void note_unreadable(struct error *error, const char *path, int number)
{
    error_what(error, "a copy of configuration and plugins can't be read: %s", strerror(number));
    error_found(error, "%s", path);
}

/* All files below it; `path` is its own, from SETS on, and `skip` bytes of it are not part of the files' names. */
static bool read_tree(int at, const char *name, const char *path, size_t skip, struct plugin_set *set, struct error *error)
{
    int folder = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *stream = folder < 0 ? NULL : fdopendir(folder);
    bool good = stream != NULL;
    if (!good)
        note_unreadable(error, path, errno);
    errno = 0;
    for (struct dirent *entry; good && (entry = readdir(stream)) != NULL; errno = 0) {
        struct stat status;
        size_t size = 0;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        char *below = memory_format("%s/%s", path, entry->d_name);
        if (fstatat(folder, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode)) {
            good = read_tree(folder, entry->d_name, below, skip, set, error);
        } else {
            char *bytes = text_file_read(folder, entry->d_name, FILE_MOST, &size);
            good = bytes != NULL;
            if (good)
                plugin_set_add(set, below + skip, bytes, size);
            else
                note_unreadable(error, below, errno);
        }
        free(below);
    }
    if (good && errno != 0) {
        note_unreadable(error, path, errno);
        good = false;
    }
    if (stream != NULL)
        (void)closedir(stream);
    else if (folder >= 0)
        (void)close(folder);
    return good;
}

static bool is_there(int folder, const char *id)
{
    struct stat status;
    char *path = memory_format(SETS "/%s", id);
    bool there = plugin_set_id_valid(id) && fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW) == 0;
    free(path);
    return there;
}

bool plugin_set_verify(int folder, const char *id, struct error *error)
{
    error_what(error, "%s", "");
    if (!is_there(folder, id))
        return false;
    struct plugin_set found = {0};
    char *path = memory_format(SETS "/%s", id);
    bool good = read_tree(folder, path, path, strlen(path) + 1, &found, error);
    if (good) {
        plugin_set_name(&found);
        good = strcmp(found.id, id) == 0;
        if (!good) {
            error_what(error, "a copy of configuration and plugins is damaged: it is not what its name says");
            error_found(error, "%s, whose content is %s", path, found.id);
        }
    }
    if (!good && !is_there(folder, id)) /* a host has deleted it meanwhile */
        error_what(error, "%s", "");
    else if (!good)
        error_advice(error, "nothing: it is not used; the host that runs with this set makes its copy again at its next start");
    plugin_set_free(&found);
    free(path);
    return good;
}

size_t plugin_sets_verify(int folder, struct error_list *damages)
{
    size_t count = 0;
    int sets = openat(folder, SETS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *stream = sets < 0 ? NULL : fdopendir(sets);
    if (stream == NULL && sets >= 0)
        (void)close(sets);
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        struct error error;
        if (!plugin_set_id_valid(entry->d_name))
            continue;
        if (!plugin_set_verify(folder, entry->d_name, &error) && error.what[0] != '\0')
            *error_list_add(damages) = error;
        count++;
    }
    if (stream != NULL)
        (void)closedir(stream);
    return count;
}

/* ---- keeping and forgetting copies ---- */

bool plugin_set_store(int folder, const struct plugin_set *set, bool sync, struct error *error)
{
    assert(plugin_set_id_valid(set->id));
    if (plugin_set_verify(folder, set->id, error))
        return true;
    bool damaged = is_there(folder, set->id);
    char *unfinished = memory_format(UNFINISHED "%s", set->id);
    error_what(error, "%s", "");
    int sets = open_folder(folder, SETS), made = -1;
    if (sets >= 0) {
        remove_tree(sets, unfinished);
        made = open_folder(sets, unfinished);
    }
    bool good = made >= 0;
    for (size_t i = 0; good && i < set->count; i++)
        good = store_file(made, &set->files[i], sync, error);
    if (good && damaged)
        remove_tree(sets, set->id);
    good = good && renameat(sets, unfinished, sets, set->id) == 0 && (!sync || fsync(sets) == 0);
    int number = errno;
    if (!good) {
        char why[sizeof error->what];
        (void)snprintf(why, sizeof why, "%s", error->what[0] != '\0' ? error->what : strerror(number));
        error_what(error, "a copy of what runs can't be kept: %.400s", why);
        error_found(error, SETS "/%s", set->id);
        error_advice(error, "look at the disk of the state's folder; until it is kept there is no way back to it");
        if (sets >= 0)
            remove_tree(sets, unfinished);
    }
    if (made >= 0)
        (void)close(made);
    if (sets >= 0)
        (void)close(sets);
    free(unfinished);
    return good;
}

void plugin_set_forget_others(int folder, const char *keep, const char *keep_too)
{
    int sets = openat(folder, SETS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    DIR *stream = sets < 0 ? NULL : fdopendir(sets);
    if (stream == NULL) {
        if (sets >= 0)
            (void)close(sets);
        return;
    }
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        const char *name = entry->d_name;
        bool ours = plugin_set_id_valid(name) || strncmp(name, UNFINISHED, sizeof UNFINISHED - 1) == 0;
        if (ours && strcmp(name, keep) != 0 && strcmp(name, keep_too) != 0)
            remove_tree(sets, name);
    }
    (void)closedir(stream);
}

/* ---- the marks ---- */

/* "word text\n" at *at: the text, and *at behind it. */
static bool take_line(const char **at, const char *word, char *out, size_t size)
{
    size_t length = strlen(word);
    const char *end = strchr(*at, '\n');
    if (end == NULL || strncmp(*at, word, length) != 0 || (*at)[length] != ' ' || (size_t)(end - *at) - length - 1 >= size)
        return false;
    (void)snprintf(out, size, "%.*s", (int)((size_t)(end - *at) - length - 1), *at + length + 1);
    *at = end + 1;
    return true;
}

static bool take_id(const char **at, const char *word, char id[SET_ID_MAX])
{
    if (!take_line(at, word, id, SET_ID_MAX))
        return false;
    if (strcmp(id, "-") == 0)
        id[0] = '\0';
    return id[0] == '\0' || plugin_set_id_valid(id);
}

void set_marks_read(int folder, struct set_marks *marks, struct error *error)
{
    size_t size = 0;
    *marks = (struct set_marks){0};
    error_what(error, "%s", "");
    char *text = text_file_read(folder, MARKS, MARKS_MOST, &size);
    if (text == NULL && errno == ENOENT)
        return;
    const char *reason = text == NULL ? strerror(errno) : "it is damaged, or of a newer version";
    const char *at = text;
    if (text == NULL || strlen(text) != size || strncmp(at, MARKS_FIRST, sizeof MARKS_FIRST - 1) != 0)
        goto refused;
    at += sizeof MARKS_FIRST - 1;
    if (!take_id(&at, "good", marks->good) || !take_id(&at, "trying", marks->trying) ||
        !take_id(&at, "failed", marks->failed) || !take_line(&at, "reason", marks->reason, sizeof marks->reason) ||
        strcmp(at, "end\n") != 0)
        goto refused;
    if (strcmp(marks->reason, "-") == 0)
        marks->reason[0] = '\0';
    free(text);
    return;

refused:
    *marks = (struct set_marks){0};
    error_what(error, "which set of plugins is good is not known: the file \"" MARKS "\" can't be read: %s", reason);
    error_found(error, "%s", MARKS);
    error_advice(error, "nothing: the set that is installed counts as new");
    free(text);
}

bool set_marks_store(int folder, const struct set_marks *marks, bool sync, struct error *error)
{
    char *reason = memory_text(marks->reason);
    for (char *at = reason; *at != '\0'; at++)
        if ((unsigned char)*at < ' ')
            *at = ' ';
#define OR_NONE(text) ((text)[0] == '\0' ? "-" : (text))
    char *text = memory_format(MARKS_FIRST "good %s\ntrying %s\nfailed %s\nreason %s\nend\n", OR_NONE(marks->good),
                               OR_NONE(marks->trying), OR_NONE(marks->failed), OR_NONE(reason));
#undef OR_NONE
    bool good = text_file_replace(folder, MARKS, text, strlen(text), sync, error);
    free(text);
    free(reason);
    return good;
}
