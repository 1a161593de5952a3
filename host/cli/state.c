/* state.c - `shoplane state`: what a folder of durable state holds, whether all of it is whole, and copies of it. Nothing is
 * started, and but for `restore` nothing is changed: a host may be at work on the folder. */
#include "cli/state.h"

#include "base/memory.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/setup.h"
#include "cli/table.h"
#include "config/byte_count.h"
#include "state/plugin_set.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "shoplane state [FOLDER] [--quick] [--schema] [--json]  what is there: checkpoint, offsets, lanes with records and keys\n"
    "shoplane state [FOLDER] --verify                       read all of it, and the copies in sets/; each damage\n"
    "shoplane state backup TARGET [--folder FOLDER]         a consistent copy, while a host runs; TARGET is made\n"
    "shoplane state restore SOURCE [--folder FOLDER]        put a backup into the folder; no host may be running on it\n\n"
    "  --config FILE     the configuration whose state.folder is meant where no FOLDER is named\n"
    "  --quick           from the manifest only: entries of the segments in place of records and keys; takes no time\n"
    "  --schema          what the records of each lane look like, too\n"
    "  --json            for scripts\n"
    "  --replace         restore: the folder holds state; rename it to FOLDER.before-TIME\n\n"
    "Nothing is started, and but for `restore` nothing is changed. Run `restore` as the user that runs Shoplane.\n"
    "Status 0: fine; 1: something is damaged or could not be done; 2: it was called wrongly; 130: it was interrupted.\n";

/* --- progress --- */

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static bool watch_show(void *context, uint64_t done, uint64_t total)
{
    struct state_watch *watch = context;
    progress_bytes(&watch->line, watch->doing, done, total);
    return !interrupted;
}

struct state_progress state_watch_begin(struct state_watch *watch, const char *doing)
{
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESTART};
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    watch->doing = doing;
    progress_start(&watch->line, false);
    return (struct state_progress){watch_show, watch};
}

void state_watch_end(struct state_watch *watch) { progress_end(&watch->line); }

/* --- which folder --- */

char *state_folder_meant(const char *folder, const char *named)
{
    if (folder != NULL)
        return memory_text(folder);
    struct error_list errors = {0};
    char *meant = NULL, *path = setup_config_path(named);
    struct config *config = config_read_partial(path, &errors);
    if (config != NULL && config->state.folder != NULL) {
        meant = memory_text(config->state.folder); /* other mistakes of the file are of no importance here */
        error_list_free(&errors);
    } else if (errors.count > 0) {
        report_errors(&errors);
    } else {
        struct error error;
        error_what(&error, "the configuration has no folder for state: it is in memory only");
        error_found(&error, "%s: no group state", path);
        error_advice(&error, "name the folder, as in: shoplane state /var/lib/shoplane; or another file with --config");
        report_error(&error);
    }
    config_free(config);
    free(path);
    return meant;
}

/* --- looking --- */

/* The newest manifest that can be read. NULL: it was said why there is none. `whole`: false if a newer one is damaged. */
static struct manifest *load(const struct state_folder *state, bool *whole)
{
    struct error passed_over, error;
    struct manifest *manifest = manifest_load(state->folder, state->path, &passed_over, &error);
    *whole = passed_over.what[0] == '\0';
    if (!*whole)
        report_error(&passed_over);
    if (manifest == NULL) {
        if (error.what[0] == '\0') {
            error_what(&error, "there is no state in %.300s yet: no checkpoint was made there", state->path);
            error_advice(&error, "name the folder of the setting state.folder");
        }
        report_error(&error);
    }
    return manifest;
}

/* Read the manifest and all that it names; begin again where the host has moved on meanwhile. 0, 1 or 130. */
static int survey(const struct state_folder *state, struct manifest **manifest, struct survey *found, bool *whole)
{
    struct state_watch watch;
    struct state_progress progress = state_watch_begin(&watch, "reading");
    enum survey_result result;
    for (;;) {
        *manifest = load(state, whole);
        if (*manifest == NULL) {
            state_watch_end(&watch);
            return 1;
        }
        result = state_survey(state, *manifest, &progress, found);
        if (result != SURVEY_MOVED_ON)
            break;
        survey_free(found);
        manifest_free(*manifest);
    }
    state_watch_end(&watch);
    if (result == SURVEY_DONE)
        return 0;
    survey_free(found);
    manifest_free(*manifest);
    return 130;
}

struct looking {
    bool quick, schemas, json;
};

static int look_at(const struct state_folder *state, struct looking options)
{
    struct survey found = {0};
    bool whole = true;
    struct manifest *manifest = NULL;
    int status = 0;
    if (options.quick)
        status = (manifest = load(state, &whole)) == NULL ? 1 : 0;
    else
        status = survey(state, &manifest, &found, &whole);
    if (status != 0)
        return status;
    struct state_look look = {.state = state,
                              .manifest = manifest,
                              .survey = options.quick ? NULL : &found,
                              .now_ms = time_wall_ms(),
                              .schemas = options.schemas};
    look.held = state_holder(state, look.holder);
    if (options.json)
        state_show_json(&look);
    else
        state_show_table(&look);
    (void)fflush(stdout);
    size_t damages = found.damages.count;
    report_errors(&found.damages);
    survey_free(&found);
    manifest_free(manifest);
    return damages > 0 || !whole ? 1 : 0;
}

/* The copies in sets/, and which of them is good. Returns how many copies there are; damages are added to the list. */
static size_t verify_copies(const struct state_folder *state, struct error_list *damages)
{
    struct set_marks marks;
    struct error error;
    set_marks_read(state->folder, &marks, &error);
    if (error.what[0] != '\0')
        *error_list_add(damages) = error;
    return plugin_sets_verify(state->folder, damages);
}

static int verify(const struct state_folder *state)
{
    struct survey found;
    struct manifest *manifest;
    struct unnamed_file *files;
    bool whole;
    int status = survey(state, &manifest, &found, &whole);
    if (status != 0)
        return status;
    uint64_t segments = 0, bytes = 0, blocks = 0, entries = 0;
    for (size_t l = 0; l < manifest->lane_count; l++) {
        blocks += found.lanes[l].blocks;
        entries += found.lanes[l].entries;
        segments += manifest->lanes[l].segment_count;
        for (size_t s = 0; s < manifest->lanes[l].segment_count; s++)
            bytes += manifest->lanes[l].segments[s].bytes;
    }
    size_t segment_damages = found.damages.count, unnamed = state_unnamed(state, manifest, &files);
    size_t copies = verify_copies(state, &found.damages), damages = found.damages.count;
    report_errors(&found.damages);
    char size[BYTE_COUNT_TEXT_MAX], number[3][GROUPED_MAX];
    for (size_t i = 0; i < unnamed; i++)
        (void)printf("not named by the manifest: journal/%s, %s\n", files[i].name, byte_count_text(files[i].bytes, size));
    if (unnamed > 0)
        (void)printf("  (begun after the checkpoint, or left over: no damage; the next start deletes what it does not need)\n");
    (void)printf("%s: generation %llu, checkpoint %llu: %s segments, %s; %s blocks with %s entries are whole%s\n", state->path,
                 (unsigned long long)manifest->generation, (unsigned long long)manifest->checkpoint,
                 grouped(segments, number[0]), byte_count_text(bytes, size), grouped(blocks, number[1]),
                 grouped(entries, number[2]), segment_damages == 0 && whole ? ", and that is all of them" : "");
    if (copies > 0 && damages == segment_damages)
        (void)printf("sets/: %zu cop%s of configuration and plugins, what the name says\n", copies, copies == 1 ? "y" : "ies");
    if (damages > 0 || !whole)
        (void)printf("%zu damage%s: see above\n", damages + !whole, damages + !whole == 1 ? "" : "s");
    free(files);
    survey_free(&found);
    manifest_free(manifest);
    return damages > 0 || !whole ? 1 : 0;
}

int command_state(int argc, char **argv)
{
    enum { CONFIG = 256, FOLDER, QUICK, SCHEMA, JSON, VERIFY, REPLACE, HELP };
    static const struct option known[] = {
        {"config", required_argument, NULL, CONFIG}, {"folder", required_argument, NULL, FOLDER},
        {"quick", no_argument, NULL, QUICK},         {"schema", no_argument, NULL, SCHEMA},
        {"json", no_argument, NULL, JSON},           {"verify", no_argument, NULL, VERIFY},
        {"replace", no_argument, NULL, REPLACE},     {"help", no_argument, NULL, HELP},
        {0}};
    const char *config = NULL, *folder = NULL;
    struct looking looking = {0};
    bool verifying = false, replace = false;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case CONFIG: config = optarg; break;
        case FOLDER: folder = optarg; break;
        case QUICK: looking.quick = true; break;
        case SCHEMA: looking.schemas = true; break;
        case JSON: looking.json = true; break;
        case VERIFY: verifying = true; break;
        case REPLACE: replace = true; break;
        case HELP: (void)fputs(usage, stdout); return 0;
        default: return command_usage("state", "that option is not known");
        }
    }
    const char *word = optind < argc ? argv[optind] : "";
    bool backup = strcmp(word, "backup") == 0, restore = strcmp(word, "restore") == 0;
    char **rest = argv + optind + (backup || restore);
    int words = argc - optind - (backup || restore);
    if ((backup || restore) && (verifying || looking.quick || looking.schemas || looking.json))
        return command_usage("state", "%s takes neither --verify, --quick, --schema nor --json", word);
    if (replace && !restore)
        return command_usage("state", "--replace goes with restore only");
    if (verifying && (looking.quick || looking.schemas || looking.json))
        return command_usage("state", "--verify takes neither --quick, --schema nor --json");
    if ((backup || restore) && words == 0)
        return command_usage("state", "%s takes the folder of the backup, as in: shoplane state %s /backup/monday", word, word);
    if (words > 1)
        return command_usage("state", "\"%s\" is one word too many", rest[1]);
    if (!backup && !restore && words == 1) {
        if (folder != NULL)
            return command_usage("state", "name the folder once: \"%s\" or \"%s\"", rest[0], folder);
        folder = rest[0];
    }
    if (folder != NULL && config != NULL)
        return command_usage("state", "name the folder, or the configuration that names it, not both");
    char *meant = state_folder_meant(folder, config);
    if (meant == NULL)
        return 2;
    struct state_folder state;
    struct error error;
    int status = 1;
    if (backup)
        status = state_backup(rest[0], meant);
    else if (restore)
        status = state_restore(rest[0], meant, replace);
    else if (!state_folder_look(&state, meant, &error))
        report_error(&error);
    else {
        status = verifying ? verify(&state) : look_at(&state, looking);
        state_folder_close(&state);
    }
    free(meant);
    return status;
}
