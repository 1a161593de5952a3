/* plugin_file.c - see plugin_file.h. */
#include "plugin/plugin_file.h"

#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/others_write.h"
#include "base/program.h"
#include "plugin/plugin_table.h"

#include <assert.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLUGIN_MAX_BYTES (64 << 20)

static void find_writable(struct findings *findings, const char *id, const char *what, const char *path, const struct stat *status,
                          bool by_list)
{
    struct error *error = &findings_add(findings, FINDING_REFUSES, id)->error;
    error_what(error, "others than you can write its %s (mode %04o, owner %u%s)", what, (unsigned)(status->st_mode & 07777),
               (unsigned)status->st_uid, by_list ? ", and an access list" : "");
    if (path != NULL)
        error_found(error, "%s", path);
    if (by_list)
        error_advice(error, "look with getfacl who that is, and setfacl -b it");
    else
        error_advice(error, "chown it to the user that runs shoplane (or root) and chmod go-w it");
}

static void find_unreadable(struct findings *findings, const char *before, const char *reason)
{
    struct error *error = &findings_add(findings, FINDING_REFUSES, "unreadable")->error;
    error_what(error, "%s%s", before, reason);
}

/* A folder that the file is in, `above` folders up. Where everybody may put files but not touch those of others (sticky, as /tmp),
 * what is ours in it stays; but nothing may be added to the two folders that plugins are looked for in. */
static void check_folder(const char *path, int above, struct findings *findings)
{
    struct stat status;
    bool by_list = false;
    int folder = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0 || fstat(folder, &status) != 0) {
        find_unreadable(findings, "its folder: ", strerror(errno));
    } else {
        bool sticky = above >= 2 && (status.st_mode & S_ISVTX) != 0;
        bool foreign = status.st_uid != 0 && status.st_uid != geteuid(); /* an owner may change the mode */
        if (sticky ? foreign : others_write(folder, &status, true, &by_list))
            find_writable(findings, "folder_writable", "folder", path, &status, by_list);
    }
    if (folder >= 0)
        (void)close(folder);
}

/* Who may write the file, and every folder above it, in any of which all below could be exchanged. */
static void check_permissions(int file, const struct stat *status, struct findings *findings)
{
    char real[PATH_MAX], link[64];
    bool by_list;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, real, sizeof real - 1);
    if (length < 0) {
        find_unreadable(findings, "", strerror(errno));
        return;
    }
    real[length] = '\0';
    if (others_write(file, status, true, &by_list))
        find_writable(findings, "file_writable", "file", NULL, status, by_list);
    char *path = real;
    for (int above = 0; strcmp(path, "/") != 0 && strcmp(path, ".") != 0; above++) {
        path = dirname(path);
        check_folder(path, above, findings);
    }
}

/* All of the file; NULL, and why is a finding. */
static char *read_all(int file, size_t size, struct findings *findings)
{
    char *bytes = memory_new(size + 1);
    for (size_t done = 0; done < size;) {
        ssize_t got = read(file, bytes + done, size - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            find_unreadable(findings, "reading it: ", got < 0 ? strerror(errno) : "it became shorter");
            free(bytes);
            return NULL;
        }
        done += (size_t)got;
    }
    return bytes;
}

char *plugin_file_check(const char *path, size_t *size, struct plugin_elf *elf, struct findings *findings)
{
    struct stat status;
    char *bytes = NULL;
    *elf = (struct plugin_elf){0};
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0 || fstat(file, &status) != 0) {
        find_unreadable(findings, "", strerror(errno));
    } else if (!S_ISREG(status.st_mode) || status.st_size > PLUGIN_MAX_BYTES) {
        error_what(&findings_add(findings, FINDING_REFUSES, "unreadable")->error, "it is not a regular file of at most %d MB",
                   PLUGIN_MAX_BYTES >> 20);
    } else {
        check_permissions(file, &status, findings);
        *size = (size_t)status.st_size;
        bytes = read_all(file, *size, findings);
    }
    if (file >= 0)
        (void)close(file);
    if (bytes != NULL)
        plugin_elf_check(bytes, *size, elf, findings);
    return bytes;
}

/* What was loaded, for as long as the process lives. */
static struct loaded {
    struct plugin_origin origin;
    char *name;
    uint64_t content; /* hash of its bytes */
    int copy;         /* descriptor of them in memory */
} *all_loaded;
static size_t all_loaded_count;

static const struct loaded *loaded_of(const void *table)
{
    for (size_t i = 0; i < all_loaded_count; i++)
        for (enum plugin_kind kind = 0; kind < PLUGIN_KINDS; kind++)
            if (plugin_part(all_loaded[i].origin.plugin, kind) == table)
                return &all_loaded[i];
    return NULL;
}

const struct plugin_origin *plugin_file_origin(const void *table)
{
    const struct loaded *loaded = loaded_of(table);
    return loaded == NULL ? NULL : &loaded->origin;
}

char *plugin_file_bytes(const void *table, size_t *size)
{
    struct stat status;
    const struct loaded *loaded = loaded_of(table);
    if (loaded == NULL || fstat(loaded->copy, &status) != 0)
        return NULL;
    char *bytes = memory_new((size_t)status.st_size + 1);
    for (*size = 0; *size < (size_t)status.st_size;) {
        ssize_t got = pread(loaded->copy, bytes + *size, (size_t)status.st_size - *size, (off_t)*size);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            free(bytes);
            return NULL;
        }
        *size += got > 0 ? (size_t)got : 0;
    }
    return bytes;
}

static const sl_plugin *note_loaded(const struct loaded *loaded)
{
    all_loaded = memory_resize(all_loaded, (all_loaded_count + 1) * sizeof *all_loaded);
    all_loaded[all_loaded_count] = *loaded;
    all_loaded[all_loaded_count].name = memory_text(loaded->name);
    return all_loaded[all_loaded_count++].origin.plugin;
}

static const sl_plugin *loaded_before(const char *name, uint64_t content, enum plugin_kind folder)
{
    for (size_t i = 0; i < all_loaded_count; i++)
        if (all_loaded[i].content == content && all_loaded[i].origin.folder == folder && strcmp(all_loaded[i].name, name) == 0)
            return all_loaded[i].origin.plugin;
    return NULL;
}

uint64_t plugin_file_build(const void *table)
{
    const struct loaded *loaded = loaded_of(table);
    return loaded == NULL ? 0 : loaded->content;
}

/* What glibc says of it: "libshop.so.1: cannot open shared object file: ...", or "...: version `GLIBC_2.38' not found ...". */
static void say_unlinked(const char *reason, struct error *error)
{
    const char *missing = strstr(reason, ": cannot open shared object file"), *version = strstr(reason, "version `");
    if (missing != NULL) {
        int size = (int)(missing - reason);
        error_what(error, "the library %.*s is not there, which it, or a library of its, needs", size, reason);
        error_advice(error, "install what has %.*s, and let the dynamic linker find it (ldconfig -p), or link it statically", size, reason);
    } else if (version != NULL && strstr(version, "not found") != NULL) {
        error_what(error, "it was built against newer libraries than there are here: %.*s", (int)strcspn(version, "("), version);
        error_advice(error, "build it on the oldest system that it is to run on");
    } else {
        error_what(error, "the dynamic linker refuses it: %s", reason);
        error_advice(error, "link it with -Wl,-z,defs to find what is missing; a plugin imports nothing from the host");
    }
}

/* dlopen a copy in memory, whose name tells plugin and content apart from every other. Its descriptor stays open as long as
 * the plugin is loaded: the dynamic linker knows files by the path they were opened under, and takes a second one under
 * the same path for the first. */
static void *load_copy(const char *name, uint64_t content, const char *bytes, size_t size, int *made, struct error *error)
{
    char *copy_name = memory_format("%s-%016llx.so", name, (unsigned long long)content);
    int copy = *made = memfd_create(copy_name, MFD_CLOEXEC);
    free(copy_name);
    if (copy < 0) {
        error_what(error, "no private copy could be made: %s", strerror(errno));
        return NULL;
    }
    for (size_t done = 0; done < size;) {
        ssize_t put = write(copy, bytes + done, size - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            error_what(error, "no private copy could be made: %s", strerror(errno));
            (void)close(copy);
            return NULL;
        }
        done += (size_t)put;
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", copy);
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        const char *reason = dlerror();
        say_unlinked(reason == NULL ? "unknown reason" : reason, error);
        (void)close(copy);
    }
    return handle;
}

/* The file at a path in the folder of a kind, of which it must have a plugin. */
static const sl_plugin *load(const char *path, enum plugin_kind kind, const char *name, struct error *error)
{
    size_t size;
    struct plugin_elf elf;
    struct findings findings = {0};
    struct loaded loaded = {.origin.folder = kind, .name = (char *)(uintptr_t)name};
    char *bytes = plugin_file_check(path, &size, &elf, &findings);
    const struct finding *refusal = findings_refusal(&findings);
    const sl_plugin *before = NULL;
    void *handle = NULL;
    if (refusal != NULL) {
        *error = refusal->error;
    } else {
        loaded.content = hash_bytes(bytes, size);
        before = loaded_before(name, loaded.content, kind);
        handle = before != NULL ? NULL : load_copy(name, loaded.content, bytes, size, &loaded.copy, error);
    }
    free(bytes);
    findings_free(&findings);
    if (handle == NULL)
        return before;
    const sl_plugin *own = loaded.origin.address = dlsym(handle, SL_PLUGIN_SYMBOL);
    if (own == NULL) { /* it was there when the file was looked at */
        error_what(error, "it has no symbol %s", SL_PLUGIN_SYMBOL);
        error_advice(error, "end its source with SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...)");
        return NULL;
    }
    struct plugin_tables *tables = memory_new(sizeof *tables);
    loaded.origin.plugin = &tables->plugin;
    if (plugin_tables_take(tables, own, kind, name, error))
        return note_loaded(&loaded);
    free(tables);
    return NULL;
}

/* The folder at *at of a list, and *at behind it; to be freed. NULL: no more. */
static char *next_folder(const char **at)
{
    if (**at == '\0')
        return NULL;
    size_t size = strcspn(*at, ":");
    char *folder = memory_format("%.*s", (int)size, *at);
    *at += size + ((*at)[size] == ':');
    return folder;
}

static void refuse(struct error *error, enum plugin_kind kind, const char *name, const char *path, const struct error *reason)
{
    error_what(error, "%s \"%s\" not loaded: %s", plugin_kind_word(kind), name, reason->what);
    error_found(error, "%s%s%s", path, reason->found[0] == '\0' ? "" : ": ", reason->found);
    error_advice(error, "%s", reason->advice);
}

static void not_there(struct error *error, const char *folders, enum plugin_kind kind, const char *name)
{
    const char *at = folders;
    char *first = next_folder(&at), **names = plugin_file_list(folders, kind), list[400] = "";
    for (char **each = names; *each != NULL && strlen(list) + strlen(*each) + 3 < sizeof list; each++) {
        strcat(list, each == names ? "" : ", ");
        strcat(list, *each);
    }
    error_what(error, "there is no %s \"%s\"", plugin_kind_word(kind), name);
    error_found(error, "no file %s%s%s/%s.so", first == NULL ? "" : first, first == NULL ? "" : "/", plugin_kind_folder(kind), name);
    error_advice(error, "%s%s", *names == NULL ? "the folder has no plugins of this kind: set `plugins`" : "there are: ", list);
    free(names);
    free(first);
}

/* In one folder: NULL where it is not there, or is refused, which *error says then; in the folder of another kind a file of the same
 * name may have the plugin too, or not. */
static const sl_plugin *load_from(const char *folder, enum plugin_kind kind, const char *name, struct error *error)
{
    for (enum plugin_kind step = 0; step < PLUGIN_KINDS; step++) {
        enum plugin_kind where = (kind + step) % PLUGIN_KINDS; /* its own first */
        char *path = memory_format("%s/%s/%s.so", folder, plugin_kind_folder(where), name);
        struct error reason = {0};
        bool there = access(path, F_OK) == 0;
        const sl_plugin *plugin = there ? load(path, where, name, &reason) : NULL;
        if (there && plugin == NULL)
            refuse(error, kind, name, path, &reason);
        free(path);
        if (plugin != NULL && plugin_part(plugin, kind) != NULL)
            return plugin;
        if (there && plugin == NULL)
            return NULL;
    }
    return NULL;
}

const sl_plugin *plugin_file_load(const char *folders, enum plugin_kind kind, const char *name, struct error *error)
{
    assert(plugin_name_valid(name)); /* or it could lead out of the folder */
    const sl_plugin *plugin = NULL;
    struct error refusal = {0};
    const char *at = folders;
    for (char *folder; plugin == NULL && refusal.what[0] == '\0' && (folder = next_folder(&at)) != NULL; free(folder))
        plugin = load_from(folder, kind, name, &refusal);
    if (plugin == NULL && refusal.what[0] == '\0')
        not_there(error, folders, kind, name);
    else if (plugin == NULL)
        *error = refusal;
    return plugin;
}

static char *peek(const char *path, size_t *size)
{
    struct stat status;
    struct findings findings = {0};
    char *bytes = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= PLUGIN_MAX_BYTES) {
        *size = (size_t)status.st_size;
        bytes = read_all(file, *size, &findings);
    }
    findings_free(&findings);
    if (file >= 0)
        (void)close(file);
    return bytes;
}

char *plugin_file_peek(const char *folders, enum plugin_kind kind, const char *name, size_t number, enum plugin_kind *folder, size_t *size,
                       uint64_t *build)
{
    char *bytes = NULL;
    for (char *in; bytes == NULL && (in = next_folder(&folders)) != NULL; free(in))
        for (enum plugin_kind step = 0; step < PLUGIN_KINDS && bytes == NULL; step++) {
            *folder = (kind + step) % PLUGIN_KINDS;
            char *path = memory_format("%s/%s/%s.so", in, plugin_kind_folder(*folder), name);
            if (access(path, F_OK) == 0 && number-- == 0)
                bytes = peek(path, size);
            free(path);
        }
    if (bytes != NULL)
        *build = hash_bytes(bytes, *size);
    return bytes;
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Names of plugins in one folder behind those that are in `text` already, each with its zero. */
static void list_folder(const char *folder, enum plugin_kind kind, struct buffer *text, size_t *count)
{
    char *path = memory_format("%s/%s", folder, plugin_kind_folder(kind));
    struct dirent **entries = NULL;
    int found = scandir(path, &entries, NULL, NULL);
    free(path);
    for (int i = 0; i < found; i++) {
        size_t length = strlen(entries[i]->d_name);
        if (length > 3 && strcmp(entries[i]->d_name + length - 3, ".so") == 0) {
            buffer_put(text, entries[i]->d_name, length - 3);
            buffer_byte(text, '\0');
            ++*count;
        }
        free(entries[i]);
    }
    free(entries);
}

char **plugin_file_list(const char *folders, enum plugin_kind kind)
{
    struct buffer text = {0};
    size_t count = 0, kept = 0;
    for (char *folder; (folder = next_folder(&folders)) != NULL; free(folder))
        list_folder(folder, kind, &text, &count);
    char **names = memory_new((count + 1) * sizeof *names + text.size);
    char *at = (char *)(names + count + 1);
    buffer_put(&text, "", 1); /* never NULL */
    memcpy(at, text.data, text.size - 1);
    buffer_free(&text);
    for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
        names[i] = at;
    qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) /* the same in two folders is one */
        if (kept == 0 || strcmp(names[kept - 1], names[i]) != 0)
            names[kept++] = names[i];
    names[kept] = NULL;
    return names;
}

char *plugin_folder_default(void)
{
    const char *named = getenv("SHOPLANE_PLUGINS");
    if (named != NULL && *named != '\0')
        return memory_text(named);
    static const char *const near[] = {"plugins", "../" SHOPLANE_PLUGIN_SUBFOLDER}; /* built; installed */
    char *found = program_near(near, sizeof near / sizeof near[0]);
    return found != NULL ? found : memory_text(SHOPLANE_PLUGIN_FOLDER);
}
