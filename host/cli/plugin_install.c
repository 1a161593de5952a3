/* plugin_install.c - `shoplane plugin install`: what was built goes to where the host looks: all of it or nothing, each file whole and
 * at once. A host that runs has its own copy of what it loaded, and takes up the new one when it is told to. */
#include "base/memory.h"
#include "cli/command.h"
#include "cli/project.h"
#include "cli/report.h"
#include "plugin/lane_set.h"
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
    "Copies the plugins that were built in a folder, the current one by default, to where the host looks for them: all of them\n"
    "checked and loaded once before, with each other, then put in place by a rename, readable for all and writable for you\n"
    "alone. If one is refused, none is installed. Running hosts are not disturbed: `shoplane reload` tells one to take them up.\n\n"
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

/* One file of what is built. */
struct piece {
    enum plugin_kind kind; /* of its folder */
    const sl_plugin *plugin;
    char *name, *folder; /* the folder it goes to */
    char *new;           /* its name there until it is in place */
    char *path;          /* then, whole */
    bool staged, replaces;
};
struct pieces {
    struct piece *items;
    size_t count;
};

static void pieces_free(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++) {
        free(pieces->items[i].name);
        free(pieces->items[i].folder);
        free(pieces->items[i].new);
        free(pieces->items[i].path);
    }
    free(pieces->items);
}

/* Its bytes, as they were loaded, beside the file it will be, if the host would take it. */
static bool stage(struct piece *piece, const char *to, struct error *error)
{
    size_t size = 0;
    if (!make_folder(to, error) || !make_folder(piece->folder, error))
        return false;
    char *path = memory_format("%s/%s", piece->folder, piece->new);
    char *bytes = plugin_file_bytes(plugin_part(piece->plugin, piece->kind), &size);
    int at = open(piece->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)unlinkat(at, piece->new, 0); /* of one that was interrupted */
    bool good = bytes != NULL && text_file_make(at, piece->new, bytes, size, true, error);
    piece->staged = true;
    if (!good)
        (void)project_fail(error, "it can't be written", piece->folder, ADVICE_WRITE);
    else if (fchmodat(at, piece->new, 0644, 0) != 0)
        good = project_fail(error, "it can't be made readable", path, ADVICE_WRITE);
    else
        good = host_takes(path, error);
    if (at >= 0)
        (void)close(at);
    free(bytes);
    free(path);
    return good;
}

static bool put_in_place(const struct piece *piece, struct error *error)
{
    char *base = memory_format("%s.so", piece->name);
    int at = open(piece->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = (renameat(at, piece->new, at, base) == 0 && fsync(at) == 0) ||
                project_fail(error, "it can't be put in its place", piece->path, ADVICE_WRITE);
    if (at >= 0)
        (void)close(at);
    free(base);
    return good;
}

/* All, or none as long as they are only written. */
static bool put_all(struct pieces *pieces, const char *to, struct error *error)
{
    bool good = true;
    for (size_t i = 0; i < pieces->count && good; i++)
        good = stage(&pieces->items[i], to, error);
    for (size_t i = 0; i < pieces->count && good; i++)
        good = put_in_place(&pieces->items[i], error);
    for (size_t i = 0; i < pieces->count && !good; i++) {
        char *path = memory_format("%s/%s", pieces->items[i].folder, pieces->items[i].new);
        if (pieces->items[i].staged)
            (void)unlink(path);
        free(path);
    }
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

static bool add_piece(struct pieces *pieces, const char *from, const char *to, enum plugin_kind kind, const char *name,
                      struct error *error)
{
    const sl_plugin *plugin = plugin_file_load(from, kind, name, error);
    if (plugin == NULL || !not_in_the_way(plugin, to, kind, name, error))
        return false;
    pieces->items = memory_resize(pieces->items, (pieces->count + 1) * sizeof *pieces->items);
    struct piece *piece = &pieces->items[pieces->count++];
    *piece = (struct piece){.kind = kind, .plugin = plugin, .name = memory_text(name)};
    piece->folder = memory_format("%s/%s", to, plugin_kind_folder(kind));
    piece->new = memory_format(".%s.so.new", name);
    piece->path = memory_format("%s/%s.so", piece->folder, name);
    piece->replaces = access(piece->path, F_OK) == 0;
    return true;
}

/* ---- do they go together ---- */

static bool inputs_good(const sl_lane *lane, struct error *error)
{
    struct plan *plan = plan_new();
    bool good = plan_add_inputs(plan, lane->inputs, error) >= 0;
    plan_free(plan);
    return good;
}

static bool installed_lane_fits(const char *to, const sl_metric *metric)
{
    char **names = plugin_file_list(to, PLUGIN_LANE);
    bool fits = false;
    for (char **name = names; *name != NULL && !fits; name++) {
        size_t has;
        struct error ignored;
        const sl_plugin *plugin = plugin_file_load(to, PLUGIN_LANE, *name, &ignored);
        fits = plugin != NULL && lane_publishes(plugin->lane, metric, &has, &ignored);
    }
    free(names);
    return fits;
}

/* A parser that comes with lanes stands on one of them, or on one that is there already. False: *error is about the nearest of them. */
static bool stands(const struct pieces *pieces, const sl_metric *metric, const char *to, struct error *error)
{
    size_t most = 0;
    bool any = false;
    for (size_t i = 0; i < pieces->count; i++) {
        struct error missing;
        size_t has = 0;
        const sl_lane *lane = pieces->items[i].plugin->lane;
        if (lane == NULL)
            continue;
        if (lane_publishes(lane, metric, &has, &missing))
            return true;
        if (!any || has > most) {
            *error = missing;
            most = has;
        }
        any = true;
    }
    return !any || installed_lane_fits(to, metric);
}

/* What a host would find when a configuration names them. */
static size_t refused_together(const struct pieces *pieces, const char *to)
{
    size_t refused = 0;
    for (size_t i = 0; i < pieces->count; i++) {
        struct error error = {0};
        const sl_plugin *plugin = pieces->items[i].plugin;
        bool good = (plugin->lane == NULL || inputs_good(plugin->lane, &error)) &&
                    (plugin->metric == NULL || stands(pieces, plugin->metric, to, &error));
        if (good)
            continue;
        report_error(&error);
        refused++;
    }
    return refused;
}

static void tell(const struct piece *piece, bool dry)
{
    for (enum plugin_kind part = 0; part < PLUGIN_KINDS; part++)
        if (plugin_part(piece->plugin, part) != NULL)
            (void)printf("%s %s \"%s\" %s to %s%s\n", dry ? "would install" : "installed", plugin_kind_word(part),
                         piece->name, plugin_part_version(piece->plugin, part), piece->path,
                         piece->replaces ? ", in place of the one there" : "");
}

static int install(const char *project, const char *to, bool dry)
{
    char *from = memory_format("%s/" PROJECT_PLUGINS, project);
    struct pieces pieces = {0};
    struct error error = {0};
    size_t refused = 0;
    int status = 0;
    for (enum plugin_kind kind = 0; kind < PLUGIN_KINDS; kind++) {
        char **names = plugin_file_list(from, kind);
        for (char **name = names; *name != NULL; name++)
            if (!add_piece(&pieces, from, to, kind, *name, &error)) {
                report_error(&error);
                error = (struct error){0};
                refused++;
            }
        free(names);
    }
    if (refused == 0)
        refused = refused_together(&pieces, to);
    if (pieces.count + refused == 0) {
        (void)fprintf(stderr, "shoplane: there is nothing to install\n  found    no plugins in %s\n  do this  shoplane plugin build\n", from);
        status = 2;
    } else if (refused > 0 || (!dry && !put_all(&pieces, to, &error))) {
        if (refused == 0)
            report_error(&error);
        (void)fprintf(stderr, "shoplane: nothing was installed\n");
        status = 1;
    }
    for (size_t i = 0; status == 0 && i < pieces.count; i++)
        tell(&pieces.items[i], dry);
    if (status == 0 && !dry)
        (void)printf("  next     name them in the host's configuration, then: shoplane check, shoplane reload\n");
    pieces_free(&pieces);
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
