/* plugin_new.c - `shoplane plugin new`: a folder with a plugin that works, to be changed into one's own. It is made from the files
 * of sdk/template, where @NAME@ stands for the plugin's name, in texts and in names of files. */
#include "base/buffer.h"
#include "base/memory.h"
#include "base/program.h"
#include "cli/command.h"
#include "cli/plugin_like.h"
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
    "  --metric NAME     what the parser of a new lane is called; default: the lane's name and _views, or _features\n"
    "  --like NAME       begin with the sources of what is there: a lane or a parser that comes with Shoplane, or one of a recipe\n"
    "                    of the guide, if that is in C; LANE/PARSER: with that parser\n"
    "  --folder FOLDER   make it there; default: the current one\n\n"
    "NAME is what the configuration will call it: lower-case letters, digits, _, the first a letter.\n";

#define NAME_MAX_HERE 40 /* the template's features are longer than it */

/* What a new plugin is made of. */
struct making {
    enum plugin_kind kind;
    const char *name;
    char *metric;     /* of the parser on a new lane */
    const char *like; /* NULL: the template */
    bool metric_named;
    char *template;
};

static void put_named(struct buffer *out, const char *text, const char *mark, const char *name)
{
    for (const char *found; (found = strstr(text, mark)) != NULL; text = found + strlen(mark)) {
        buffer_put(out, text, (size_t)(found - text));
        buffer_put(out, name, strlen(name));
    }
    buffer_put(out, text, strlen(text) + 1);
}

/* @NAME@ and @METRIC@ in a text. */
static char *named(const char *text, const struct making *making)
{
    struct buffer half = {0}, out = {0};
    put_named(&half, text, "@NAME@", making->name);
    put_named(&out, half.data, "@METRIC@", making->metric);
    buffer_free(&half);
    return out.data;
}

static bool copy_file(const char *base, const char *to, const struct making *making, struct error *error)
{
    char *source = memory_format("%s/%s", making->template, base);
    char *own = named(strcmp(base, "gitignore") == 0 ? ".gitignore" : base, making), *target = memory_format("%s/%s", to, own);
    size_t size;
    char *text = file_text_read(source, &size, error);
    char *mine = text == NULL ? NULL : named(text, making);
    bool good = mine != NULL && project_write(target, mine, error);
    free(mine);
    free(text);
    free(target);
    free(own);
    free(source);
    return good;
}

static int only_files(const struct dirent *entry) { return entry->d_name[0] != '.'; }
static int all_files(const struct dirent *entry) { return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0; }

/* All files of the template. */
static bool copy_all(const char *to, const struct making *making, struct error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(making->template, &entries, only_files, alphasort);
    bool good = count > 0 || project_fail(error, "the template can't be read", making->template, "install shoplane again");
    for (int i = 0; i < count; i++) {
        good = good && copy_file(entries[i]->d_name, to, making, error);
        free(entries[i]);
    }
    free(entries);
    return good;
}

static void take_away(const char *folder)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, all_files, NULL);
    for (int i = 0; i < count; i++) {
        char *path = memory_format("%s/%s", folder, entries[i]->d_name);
        (void)unlink(path);
        free(path);
        free(entries[i]);
    }
    free(entries);
    (void)rmdir(folder);
}

static bool fill(const char *to, const struct making *making, struct error *error)
{
    if (making->like == NULL)
        return copy_all(to, making, error);
    const struct plugin_like like = {making->kind, making->like, making->name, making->metric_named ? making->metric : NULL};
    return plugin_like_fill(&like, to, error);
}

/* A folder that appears whole or not at all. */
static bool make(const char *folder, const struct making *making, struct error *error)
{
    char *path = memory_format("%s/%s", folder, making->name);
    char *new = memory_format("%s/.%s-%d", folder, making->name, (int)getpid());
    bool good = false;
    if (access(path, F_OK) == 0) {
        error_what(error, "there is something of this name already");
        error_found(error, "%s", path);
        error_advice(error, "take another name, or another place with --folder");
    } else if (mkdir(new, 0777) != 0) {
        (void)project_fail(error, "no folder can be made", new, "choose another place with --folder");
    } else {
        good = fill(new, making, error);
        if (good && rename(new, path) != 0)
            good = project_fail(error, "the folder can't be put in its place", path, "take another name, or another place with --folder");
        if (!good)
            take_away(new);
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

static int create(struct making *making, const char *folder)
{
    struct error error = {0};
    const char *name = making->name;
    making->template = template_of(making->kind);
    bool good = check_name(name, &error) && (!making->metric_named || check_name(making->metric, &error));
    if (good && making->template == NULL) {
        error_what(&error, "the templates are not there");
        error_found(&error, "no %s beside this program", SHOPLANE_TEMPLATE_SUBFOLDER);
        error_advice(&error, "install shoplane as a whole: cmake --install build");
        good = false;
    }
    good = good && make(folder, making, &error);
    free(making->template);
    if (!good) {
        report_error(&error);
        return 1;
    }
    (void)printf("%s \"%s\" is in %s%s%s/; its README.md says what is what\n", plugin_kind_word(making->kind), name,
                 strcmp(folder, ".") == 0 ? "" : folder, strcmp(folder, ".") == 0 ? "" : "/", name);
    if (is_installed(name, making->kind))
        (void)printf("  note     a %s of this name is installed: `shoplane plugin install` would take its place\n", plugin_kind_word(making->kind));
    (void)printf("  next     cd %s%s%s && shoplane plugin build && shoplane plugin test\n", strcmp(folder, ".") == 0 ? "" : folder,
                 strcmp(folder, ".") == 0 ? "" : "/", name);
    return 0;
}

int command_plugin_new(int argc, char **argv)
{
    static const struct option known[] = {{"folder", required_argument, NULL, 'f'}, {"like", required_argument, NULL, 'l'},
                                          {"metric", required_argument, NULL, 'm'}, {"help", no_argument, NULL, 'h'},      {0}};
    const char *folder = ".", *metric = NULL, *like = NULL;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'h') {
            (void)fputs(usage, stdout);
            return 0;
        }
        switch (option) {
        case 'f': folder = optarg; break;
        case 'l': like = optarg; break;
        case 'm': metric = optarg; break;
        default: return command_usage("plugin new", "that option is not known");
        }
    }
    if (argc - optind != 2)
        return command_usage("plugin new", "it takes two words: lane or metric, and a name");
    enum plugin_kind kind = plugin_kind_of_keyword(argv[optind]);
    if (kind == PLUGIN_KINDS)
        return command_usage("plugin new", "\"%s\" is no kind of plugin: lane or metric", argv[optind]);
    if (metric != NULL && kind != PLUGIN_LANE)
        return command_usage("plugin new", "--metric is for a new lane: the name of its parser");
    if (metric != NULL && strcmp(metric, argv[optind + 1]) == 0)
        return command_usage("plugin new", "lane and parser are files of their own: give them different names");
    struct making making = {.kind = kind, .name = argv[optind + 1], .like = like, .metric_named = metric != NULL};
    making.metric = metric != NULL ? memory_text(metric) : memory_format("%s_views", making.name);
    int status = create(&making, folder);
    free(making.metric);
    return status;
}
