/* project_plugins.c - see project_plugins.h. */
#include "cli/project_plugins.h"

#include "base/memory.h"
#include "cli/project.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const char adds[] = "shoplane_add_plugin";

static bool ends_in(const char *name, const char *end)
{
    size_t size = strlen(name), of_end = strlen(end);
    return size > of_end && strcmp(name + size - of_end, end) == 0;
}

/* Cases beside sources. */
static bool has_cases_and_sources(void)
{
    bool cases = false, sources = false;
    DIR *folder = opendir(".");
    for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        const char *name = entry->d_name;
        cases = cases || ends_in(name, ".case");
        sources = sources || ends_in(name, ".c") || ends_in(name, ".cpp") || ends_in(name, ".rs") ||
                  strcmp(name, "Cargo.toml") == 0;
    }
    if (folder != NULL)
        (void)closedir(folder);
    return cases && sources;
}

static void read_lists(struct buffer *lists)
{
    bool comment = false;
    FILE *file = fopen("CMakeLists.txt", "re");
    for (int byte; file != NULL && (byte = getc(file)) != EOF;) {
        comment = byte == '#' || (comment && byte != '\n');
        if (!comment && byte != '\0')
            buffer_byte(lists, (char)byte);
    }
    if (file != NULL)
        (void)fclose(file);
    buffer_byte(lists, '\0');
}

void project_plugins_read(struct project_plugins *project, const char *folders)
{
    *project = (struct project_plugins){.folders = folders};
    read_lists(&project->lists);
    project->here = strcasestr(project->lists.data, adds) != NULL || has_cases_and_sources();
}

void project_plugins_free(struct project_plugins *project)
{
    buffer_free(&project->lists);
    buffer_free(&project->told);
}

bool project_plugins_first(struct project_plugins *project, const char *text)
{
    size_t size = strlen(text) + 1;
    for (size_t at = 0; at < project->told.size; at += strlen(project->told.data + at) + 1)
        if (strcmp(project->told.data + at, text) == 0)
            return false;
    buffer_put(&project->told, text, size);
    return true;
}

/* The next word of a call of CMake; size 0: there is none. */
static sl_view next_word(const char **at)
{
    *at += strspn(*at, " \t\r\n\"");
    sl_view word = {*at, strcspn(*at, " \t\r\n\")")};
    *at += word.size;
    return word;
}

static bool word_is(sl_view word, const char *text)
{
    return word.size == strlen(text) && memcmp(word.data, text, word.size) == 0;
}

/* The words behind shoplane_add_plugin(lane NAME: its sources. NULL: CMakeLists.txt does not name it. */
static const char *sources_of(const struct project_plugins *project, enum plugin_kind kind, const char *name)
{
    for (const char *at = project->lists.data; (at = strcasestr(at, adds)) != NULL;) {
        at += strlen(adds);
        at += strspn(at, " \t\r\n");
        if (*at != '(')
            continue;
        at++;
        bool same = word_is(next_word(&at), kind == PLUGIN_LANE ? "lane" : "metric");
        same = word_is(next_word(&at), name) && same;
        if (same)
            return at;
    }
    return NULL;
}

/* Its file in one of the folders, the first that has it; free it. NULL: none has. */
static char *file_of(const char *folders, enum plugin_kind kind, const char *name)
{
    while (*folders != '\0') {
        size_t size = strcspn(folders, ":");
        for (size_t i = 0; i < PLUGIN_KINDS; i++) {
            enum plugin_kind of = (enum plugin_kind)(((size_t)kind + i) % PLUGIN_KINDS);
            char *path = memory_format("%.*s/%s/%s.so", (int)size, folders, plugin_kind_folder(of), name);
            if (access(path, F_OK) == 0)
                return path;
            free(path);
        }
        folders += size + (folders[size] == ':');
    }
    return NULL;
}

static void tell_older(struct project_plugins *project, const char *path, const char *sources, struct buffer *out)
{
    struct stat built, source;
    for (sl_view word; (word = next_word(&sources)).size > 0;) {
        char *name = memory_format("%.*s", (int)word.size, word.data), *text = NULL;
        if (stat(path, &built) == 0 && stat(name, &source) == 0 &&
            (source.st_mtim.tv_sec > built.st_mtim.tv_sec ||
             (source.st_mtim.tv_sec == built.st_mtim.tv_sec && source.st_mtim.tv_nsec > built.st_mtim.tv_nsec)))
            text = memory_format("warning: %s is older than %s; build it: shoplane plugin build\n", path, name);
        if (text != NULL && project_plugins_first(project, text))
            buffer_put(out, text, strlen(text));
        free(text);
        free(name);
    }
}

bool project_plugins_look(struct project_plugins *project, enum plugin_kind kind, const char *name, struct buffer *out,
                          struct error *error)
{
    if (!project->here)
        return true;
    char *built = file_of(PROJECT_PLUGINS, kind, name),
         *elsewhere = built == NULL ? file_of(project->folders, kind, name) : NULL;
    const char *sources = sources_of(project, kind, name);
    bool good = built != NULL || sources == NULL;
    if (!good) {
        error_what(error, "the %s \"%s\" of this folder is not built", plugin_kind_word(kind), name);
        error_found(error, "CMakeLists.txt names it, and there is no %s/%s/%s.so", PROJECT_PLUGINS,
                    plugin_kind_folder(kind), name);
        error_advice(error, "build it: shoplane plugin build");
    } else if (elsewhere != NULL) {
        char *text = memory_format("note: %s \"%s\" is not built here: it comes from %s\n", plugin_kind_word(kind),
                                   name, elsewhere);
        if (project_plugins_first(project, text))
            buffer_put(out, text, strlen(text));
        free(text);
    } else if (built != NULL && sources != NULL) {
        tell_older(project, built, sources, out);
    }
    free(built);
    free(elsewhere);
    return good;
}
