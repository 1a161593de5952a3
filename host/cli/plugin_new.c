/* plugin_new.c - `shoplane plugin new`: a folder with a plugin that works, to be changed into one's own. It is made from the files
 * of sdk/template, where @NAME@ stands for the plugin's name, in texts and in names of files. */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/program.h"
#include "cli/command.h"
#include "cli/project.h"
#include "cli/report.h"
#include "config/file_text.h"
#include "plugin/plugin_table.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "shoplane plugin new lane|metric NAME [OPTIONS]\n\n"
    "Makes the folder NAME with a plugin that builds and works, its golden case, its configuration and a README: a lane with a\n"
    "metric parser on it, or a metric parser on the lane `product`. Change it into what you want.\n\n"
    "  --folder FOLDER   make it there; default: the current one\n\n"
    "NAME is what the configuration will call it: lower-case letters, digits, _, the first a letter.\n";

#define NAME_MAX_HERE 40 /* the template's features are longer than it */

/* @NAME@ in a text. */
static char *named(const char *text, const char *name)
{
    struct buffer out = {0};
    for (const char *mark; (mark = strstr(text, "@NAME@")) != NULL; text = mark + strlen("@NAME@")) {
        buffer_put(&out, text, (size_t)(mark - text));
        buffer_put(&out, name, strlen(name));
    }
    buffer_put(&out, text, strlen(text) + 1);
    return out.data;
}

static bool write_text(const char *path, const char *text, struct error *error)
{
    FILE *file = fopen(path, "wxe");
    if (file == NULL)
        return project_fail(error, "a file can't be made", path, "choose another place with --folder");
    bool good = fwrite(text, 1, strlen(text), file) == strlen(text);
    if (fclose(file) != 0 || !good)
        return project_fail(error, "a file can't be written", path, "look for a full disk");
    return true;
}

static bool copy_file(const char *from, const char *base, const char *to, const char *name, struct error *error)
{
    char *source = memory_format("%s/%s", from, base), *own = named(strcmp(base, "gitignore") == 0 ? ".gitignore" : base, name);
    char *target = memory_format("%s/%s", to, own);
    size_t size;
    char *text = file_text_read(source, &size, error);
    char *mine = text == NULL ? NULL : named(text, name);
    bool good = mine != NULL && write_text(target, mine, error);
    free(mine);
    free(text);
    free(target);
    free(own);
    free(source);
    return good;
}

static int only_files(const struct dirent *entry) { return entry->d_name[0] != '.'; }

/* All files of the template; what was begun is taken away again where something fails. */
static bool copy_all(const char *from, const char *to, const char *name, struct error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(from, &entries, only_files, alphasort);
    if (count <= 0)
        return project_fail(error, "the template can't be read", from, "install shoplane again");
    bool good = true;
    for (int i = 0; i < count; i++) {
        good = good && copy_file(from, entries[i]->d_name, to, name, error);
        if (good)
            continue;
        for (int j = 0; j <= i; j++) {
            char *own = named(strcmp(entries[j]->d_name, "gitignore") == 0 ? ".gitignore" : entries[j]->d_name, name);
            char *path = memory_format("%s/%s", to, own);
            (void)unlink(path);
            free(path);
            free(own);
        }
    }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return good;
}

/* A folder that appears whole or not at all. */
static bool make(const char *template, const char *folder, const char *name, struct error *error)
{
    char *path = memory_format("%s/%s", folder, name), *new = memory_format("%s/.%s-%d", folder, name, (int)getpid());
    bool good = false;
    if (access(path, F_OK) == 0) {
        error_what(error, "there is something of this name already");
        error_found(error, "%s", path);
        error_advice(error, "take another name, or another place with --folder");
    } else if (mkdir(new, 0777) != 0) {
        (void)project_fail(error, "no folder can be made", new, "choose another place with --folder");
    } else {
        good = copy_all(template, new, name, error);
        if (good && rename(new, path) != 0)
            good = project_fail(error, "the folder can't be put in its place", path, "take another name, or another place with --folder");
        if (!good)
            (void)rmdir(new);
    }
    free(new);
    free(path);
    return good;
}

static bool is_installed(const char *name, enum plugin_kind kind)
{
    char *folder = plugin_folder_default(), **names = plugin_file_list(folder, kind);
    bool found = false;
    for (char **at = names; *at != NULL; at++)
        found = found || strcmp(*at, name) == 0;
    free(names);
    free(folder);
    return found;
}

static bool check_name(const char *name, struct error *error)
{
    if (plugin_name_valid(name) && strlen(name) <= NAME_MAX_HERE)
        return true;
    error_what(error, "a plugin can't be called \"%s\"", name);
    error_advice(error, "lower-case letters, digits and _, the first a letter, at most %d of them: wishlist, sale_share", NAME_MAX_HERE);
    return false;
}

/* Installed, or as built; NULL: neither is there. */
static char *template_of(enum plugin_kind kind)
{
    char *installed = memory_format("../" SHOPLANE_TEMPLATE_SUBFOLDER "/%s", plugin_kinds[kind].keyword);
    char *built = memory_format("../sdk/template/%s", plugin_kinds[kind].keyword);
    const char *const near[] = {installed, built};
    char *found = program_near(near, 2);
    free(built);
    free(installed);
    return found;
}

static int create(enum plugin_kind kind, const char *name, const char *folder)
{
    struct error error = {0};
    char *template = template_of(kind);
    bool good = check_name(name, &error);
    if (good && template == NULL) {
        error_what(&error, "the templates are not there");
        error_found(&error, "no %s beside this program", SHOPLANE_TEMPLATE_SUBFOLDER);
        error_advice(&error, "install shoplane as a whole: cmake --install build");
        good = false;
    }
    good = good && make(template, folder, name, &error);
    free(template);
    if (!good) {
        report_error(&error);
        return 1;
    }
    (void)printf("%s \"%s\" is in %s%s%s/; its README.md says what is what\n", plugin_kind_word(kind), name,
                 strcmp(folder, ".") == 0 ? "" : folder, strcmp(folder, ".") == 0 ? "" : "/", name);
    if (is_installed(name, kind))
        (void)printf("  note     a %s of this name is installed: `shoplane plugin install` would take its place\n", plugin_kind_word(kind));
    (void)printf("  next     cd %s%s%s && shoplane plugin build && shoplane plugin test\n", strcmp(folder, ".") == 0 ? "" : folder,
                 strcmp(folder, ".") == 0 ? "" : "/", name);
    return 0;
}

int command_plugin_new(int argc, char **argv)
{
    static const struct option known[] = {{"folder", required_argument, NULL, 'f'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *folder = ".";
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        if (option != 'f')
            return command_usage("plugin new", "that option is not known");
        folder = optarg;
    }
    if (argc - optind != 2)
        return command_usage("plugin new", "it takes two words: lane or metric, and a name");
    enum plugin_kind kind = plugin_kind_of_keyword(argv[optind]);
    if (kind == PLUGIN_KINDS)
        return command_usage("plugin new", "\"%s\" is no kind of plugin: lane or metric", argv[optind]);
    return create(kind, argv[optind + 1], folder);
}
