/* plugin_install.c - `shoplane plugin install`: what was built goes to where the host looks, each file whole and at once. A host
 * that runs has its own copy of what it loaded, and takes up the new one when it is told to. */
#include "base/memory.h"
#include "cli/command.h"
#include "cli/project.h"
#include "cli/report.h"
#include "state/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "shoplane plugin install [FOLDER] [OPTIONS]\n\n"
    "Copies the plugins that were built in a folder, the current one by default, to where the host looks for them: checked\n"
    "and loaded once before, then put in place by a rename, readable for all and writable for you alone. Running hosts are not\n"
    "disturbed: `shoplane reload` tells one to take them up.\n\n"
    "  --to FOLDER   another plugin folder; default: $SHOPLANE_PLUGINS, else the one this program looks into\n"
    "  --dry-run     only say what would be done\n";

#define ADVICE_WRITE "run it as the user who owns that folder (root for an installed host), or name another with --to"

static bool make_folder(const char *path, struct error *error)
{
    return mkdir(path, 0755) == 0 || errno == EEXIST || project_fail(error, "the folder can't be made", path, ADVICE_WRITE);
}

/* Would the host take a file of this name from there? */
static bool host_takes(const char *path, struct error *error)
{
    struct plugin_elf elf;
    struct findings findings = {0};
    size_t size;
    free(plugin_file_check(path, &size, &elf, &findings));
    const struct finding *refusal = findings_refusal(&findings);
    if (refusal != NULL) {
        *error = refusal->error;
        error_found(error, "%s", path);
    }
    bool takes = refusal == NULL;
    findings_free(&findings);
    return takes;
}

/* Its bytes, as they were loaded, beside the file it will be; then, if the host would take it, in its place, to last. */
static bool put_in_place(const char *folder, const char *name, const void *table, struct error *error)
{
    size_t size = 0;
    char *file = memory_format("%s.so", name), *new = memory_format(".%s.so.new", name), *path = memory_format("%s/%s", folder, new);
    char *bytes = plugin_file_bytes(table, &size);
    int at = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)unlinkat(at, new, 0); /* of one that was interrupted */
    bool good = bytes != NULL && text_file_make(at, new, bytes, size, true, error);
    if (!good)
        (void)project_fail(error, "it can't be written", folder, ADVICE_WRITE);
    else if (fchmodat(at, new, 0644, 0) != 0)
        good = project_fail(error, "it can't be made readable", path, ADVICE_WRITE);
    else
        good = host_takes(path, error);
    if (good && (renameat(at, new, at, file) != 0 || fsync(at) != 0))
        good = project_fail(error, "it can't be put in its place", path, ADVICE_WRITE);
    if (!good)
        (void)unlinkat(at, new, 0);
    if (at >= 0)
        (void)close(at);
    free(bytes);
    free(path);
    free(new);
    free(file);
    return good;
}

/* Of what else is in the file a plugin with a file of its own would be in the way: it comes first. */
static bool not_in_the_way(const sl_plugin *plugin, const char *to, enum plugin_kind kind, const char *name, struct error *error)
{
    bool good = true;
    for (enum plugin_kind part = 0; part < PLUGIN_KINDS && good; part++) {
        char *path = memory_format("%s/%s/%s.so", to, plugin_kind_folder(part), name);
        if (part != kind && plugin_part(plugin, part) != NULL && access(path, F_OK) == 0) {
            error_what(error, "the %s \"%s\" in it would not be used: there is one with a file of its own", plugin_kind_word(part), name);
            error_found(error, "%s", path);
            error_advice(error, "delete that file, or give the plugin another name");
            good = false;
        }
        free(path);
    }
    return good;
}

static bool install_one(const char *from, const char *to, enum plugin_kind kind, const char *name, bool dry, struct error *error)
{
    const sl_plugin *plugin = plugin_file_load(from, kind, name, error);
    if (plugin == NULL)
        return false;
    char *folder = memory_format("%s/%s", to, plugin_kind_folder(kind)), *path = memory_format("%s/%s.so", folder, name);
    bool replaces = access(path, F_OK) == 0;
    bool good = not_in_the_way(plugin, to, kind, name, error) &&
                (dry || (make_folder(to, error) && make_folder(folder, error) && put_in_place(folder, name, plugin_part(plugin, kind), error)));
    for (enum plugin_kind part = 0; good && part < PLUGIN_KINDS; part++)
        if (plugin_part(plugin, part) != NULL)
            (void)printf("%s %s \"%s\" %s to %s%s\n", dry ? "would install" : "installed", plugin_kind_word(part), name,
                         plugin_part_version(plugin, part), path, replaces ? ", in place of the one there" : "");
    free(path);
    free(folder);
    return good;
}

static int install(const char *project, const char *to, bool dry)
{
    char *from = memory_format("%s/" PROJECT_PLUGINS, project);
    size_t count = 0;
    int status = 0;
    for (enum plugin_kind kind = 0; kind < PLUGIN_KINDS; kind++) {
        char **names = plugin_file_list(from, kind);
        for (char **name = names; *name != NULL; name++, count++) {
            struct error error = {0};
            if (install_one(from, to, kind, *name, dry, &error))
                continue;
            report_error(&error);
            status = 1;
        }
        free(names);
    }
    if (count == 0) {
        (void)fprintf(stderr, "shoplane: there is nothing to install\n  found    no plugins in %s\n  do this  shoplane plugin build\n", from);
        status = 2;
    }
    if (status == 0 && !dry)
        (void)printf("  next     name them in the host's configuration, then: shoplane check, shoplane reload\n");
    free(from);
    return status;
}

int command_plugin_install(int argc, char **argv)
{
    static const struct option known[] = {{"to", required_argument, NULL, 't'}, {"dry-run", no_argument, NULL, 'd'},
                                          {"help", no_argument, NULL, 'h'},     {0}};
    const char *named = NULL;
    bool dry = false;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 't': named = optarg; break;
        case 'd': dry = true; break;
        case 'h': (void)fputs(usage, stdout); return 0;
        default: return command_usage("plugin install", "that option is not known");
        }
    }
    if (argc - optind > 1)
        return command_usage("plugin install", "it takes one folder");
    char *to = named == NULL ? plugin_folder_default() : memory_text(named), *real = realpath(to, NULL);
    int status = install(optind < argc ? argv[optind] : ".", real != NULL ? real : to, dry); /* for people, without .. */
    free(real);
    free(to);
    return status;
}
