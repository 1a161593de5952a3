/* check.c - `shoplane check`: would this configuration start, and what would become of the state? Nothing is connected or
 * written. */
#include "cli/check.h"

#include "base/memory.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/durable.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "engine/shard.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "shoplane check [--config FILE] [--against-state]\n\n"
                            "Reads the configuration, loads the plugins it names, gives them their settings and binds them,\n"
                            "as `run` would; says what would run, or every mistake. Starts nothing. Status 0: it is fine.\n\n"
                            "  --config FILE    default: see `shoplane --help`\n"
                            "  --against-state  say what becomes of each lane's state at a start: kept, copied, filled again\n";

static void print_lane(const struct set_lane *lane)
{
    (void)printf("lane %s %s: %s\n", lane->table->name, lane->table->version, lane->table->summary);
    for (size_t w = 0; w < lane->window_count; w++) {
        const struct window_settings *window = &lane->windows[w].settings;
        if (window->session)
            (void)printf("  session window: gap %.3g s, at most %.6g s, emit %.3g s, ttl %lld s\n",
                         (double)window->gap_ms / 1000, (double)window->max_ms / 1000, (double)window->emit_ms / 1000,
                         (long long)window->ttl_s);
        else
            (void)printf("  window %s: %.6g s, emit %.3g s, ttl %lld s\n", window->name, (double)window->length_ms / 1000,
                         (double)window->emit_ms / 1000, (long long)window->ttl_s);
    }
    for (size_t f = 0; f < lane->feature_count; f++)
        for (size_t w = 0; w < lane->window_count; w++)
            (void)printf("  writes %s{%s}%s\n", lane->key_prefix, lane->table->key == SL_KEY_USER ? "id" : "sid",
                         lane->windows[w].suffixes[f].data);
}

/* ---- against the state ---- */

static const char *span(int64_t ms, char out[32])
{
    if (ms >= 3600000)
        (void)snprintf(out, 32, "%.4g h", (double)ms / 3600000);
    else
        (void)snprintf(out, 32, "%.4g min", (double)ms / 60000);
    return out;
}

/* Entries and bytes of the segments. */
static const char *amount(const struct manifest_lane *lane, char out[64])
{
    uint64_t entries = 0, bytes = 0;
    for (size_t i = 0; lane != NULL && i < lane->segment_count; i++) {
        entries += lane->segments[i].entries;
        bytes += lane->segments[i].bytes;
    }
    (void)snprintf(out, 64, "%" PRIu64 " entries, %.1f MB", entries, (double)bytes / 1e6);
    return out;
}

static void print_fate(const struct set_lane *lane, const struct lane_plan *plan, int width)
{
    char size[64], back[32];
    const char *name = lane->table->name;
    switch (plan->fate) {
    case FATE_EMPTY: (void)printf("  %-*s  begins empty\n", width, name); break;
    case FATE_KEPT: (void)printf("  %-*s  kept: %s\n", width, name, amount(plan->from, size)); break;
    case FATE_COPIED:
        (void)printf("  %-*s  copied by field name: %s\n  %*s  %s\n", width, name, amount(plan->from, size), width, "",
                     plan->reason);
        break;
    case FATE_RESUMED:
        (void)printf("  %-*s  resumed: %s; what it missed is read again from the topic\n  %*s  %s\n", width, name,
                     amount(plan->from, size), width, "", plan->reason);
        break;
    case FATE_FILLED:
        (void)printf("  %-*s  filled again: reads the topic from %s back, as far as it goes\n  %*s  %s\n", width, name,
                     span(lane_keep_ms(lane), back), width, "", plan->reason);
        break;
    }
}

static void print_plan(const struct state_plan *plan, const char *folder)
{
    const struct manifest *manifest = plan->manifest;
    char written[TIME_TEXT_MAX], size[64], back[32];
    int width = 4;
    for (size_t i = 0; i < plan->set->lane_count; i++)
        width = (int)strlen(plan->set->lanes[i].table->name) > width ? (int)strlen(plan->set->lanes[i].table->name) : width;
    for (size_t i = 0; i < manifest->lane_count; i++)
        width = (int)strlen(manifest->lanes[i].name) > width ? (int)strlen(manifest->lanes[i].name) : width;
    (void)time_text(manifest->written_ms, written);
    (void)printf("state in %s: checkpoint %" PRIu64 " of %s\n  %-*s  what a start makes of its state\n", folder,
                 manifest->checkpoint, written, width, "lane");
    for (size_t i = 0; i < plan->set->lane_count; i++)
        print_fate(&plan->set->lanes[i], &plan->lanes[i], width);
    for (size_t i = 0; i < manifest->lane_count; i++)
        if (state_plan_orphan(plan, &manifest->lanes[i]))
            (void)printf("  %-*s  orphaned: it is not in the configuration; %s wait to expire (%s), or for it to come back\n",
                         width, manifest->lanes[i].name, amount(&manifest->lanes[i], size),
                         span(manifest->lanes[i].longest_ms, back));
}

/* As run would begin (durable.h), but for making the folder. */
static bool check_state(const struct config *config, const struct lane_set *lanes, struct error *error)
{
    struct state_folder folder;
    struct durable durable;
    if (config->state.folder == NULL) {
        error_what(error, "the configuration keeps no state: after a restart every window would be empty");
        error_found(error, "%s: no state.folder", config->file);
        error_advice(error, "state: { folder = \"/var/lib/shoplane\"; };");
        return false;
    }
    if (access(config->state.folder, F_OK) != 0 && errno == ENOENT) {
        (void)printf("state in %s: none yet, every lane begins empty\n", config->state.folder);
        return true;
    }
    if (!state_folder_look(&folder, config->state.folder, error))
        return false;
    bool good = durable_open(&durable, &folder, config, lanes, false, error);
    if (good && durable.manifest == NULL)
        (void)printf("state in %s: none yet, every lane begins empty\n", config->state.folder);
    else if (good)
        print_plan(&durable.plan, config->state.folder);
    if (good)
        durable_close(&durable);
    state_folder_close(&folder);
    return good;
}

bool check_start(const char *path, bool against_state, struct loaded *loaded)
{
    struct error error = {0};
    if (!loaded_read(loaded, path, NULL))
        return false;
    if (!against_state || check_state(loaded->config, loaded->lanes, &error))
        return true;
    (void)fflush(stdout);
    report_error(&error);
    loaded_free(loaded);
    return false;
}

int command_check(int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"against-state", no_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *named = NULL;
    bool against_state = false;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c': named = optarg; break;
        case 'a': against_state = true; break;
        case 'h': (void)fputs(usage, stdout); return 0;
        default: return command_usage("check", "that option is not known");
        }
    }
    if (optind < argc)
        return command_usage("check", "\"%s\" is one word too many; the file goes behind --config", argv[optind]);
    char *path = setup_config_path(named);
    struct loaded loaded;
    bool good = check_start(path, against_state, &loaded);
    for (size_t i = 0; good && !against_state && i < loaded.lanes->lane_count; i++)
        print_lane(&loaded.lanes->lanes[i]);
    if (good) {
        (void)printf("%s is fine: %zu lanes, plugins from %s\n", path, loaded.lanes->lane_count, loaded.lanes->folder);
        loaded_free(&loaded);
    }
    free(path);
    return good ? 0 : 2;
}
