/* check.c - `shoplane check`: would this configuration start, and what would become of the state? Nothing is connected or
 * written. */
#include "cli/check.h"

#include "base/memory.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/crash.h"
#include "cli/durable.h"
#include "cli/report.h"
#include "cli/setup.h"
#include "cli/table.h"
#include "cli/watchdog.h"
#include "engine/shard.h"
#include "plugin/shadow_pairs.h"
#include "plugin/spelling.h"

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

/* When its session is over nothing of it is written any more. */
static void print_ages_beyond_gap(const struct set_lane *lane)
{
    for (size_t w = 0; w < lane->window_count; w++)
        for (size_t a = 0; lane->windows[w].settings.session && a < lane->age_count; a++)
            if (lane->ages_ms[a] > lane->windows[w].settings.gap_ms)
                (void)printf("  warning  a record reaches the age of %.6g s only while its session goes on, which is over after a gap of "
                             "%.6g s\n    do this  take a gap that is longer than the age, or shorten the age\n",
                             (double)lane->ages_ms[a] / 1000, (double)lane->windows[w].settings.gap_ms / 1000);
}

static void print_lane(const struct set_lane *lane)
{
    (void)printf("lane %s %s: %s\n", lane->name, lane->table->version, lane->table->summary);
    if (lane->name != lane->table->name && strcmp(lane->name, lane->table->name) != 0)
        (void)printf("  an instance of lane %s\n", lane->table->name);
    for (size_t w = 0; w < lane->window_count; w++) {
        const struct window_settings *window = &lane->windows[w].settings;
        if (window->session)
            (void)printf("  session window: gap %.3g s, at most %.6g s, emit %.3g s, burst %lld, ttl %lld s\n",
                         (double)window->gap_ms / 1000, (double)window->max_ms / 1000, (double)window->emit_ms / 1000,
                         (long long)window->burst, (long long)window->ttl_s);
        else
            (void)printf("  window %s: %.6g s, emit %.3g s, burst %lld, ttl %lld s\n", window->name,
                         (double)window->length_ms / 1000, (double)window->emit_ms / 1000, (long long)window->burst,
                         (long long)window->ttl_s);
    }
    for (size_t f = 0; f < lane->feature_count; f++) {
        const struct bound_metric *metric = lane_metric_of(lane, f);
        for (size_t w = 0; w < lane->window_count; w++)
            (void)printf("  %s %s{%s}%s\n", metric->silent ? "only compares" : "writes", metric->key_prefix,
                         lane->table->key == SL_KEY_SESSION ? "sid" : "id", lane->windows[w].suffixes[f].data);
    }
    print_ages_beyond_gap(lane);
    struct buffer warnings = {0};
    lane_spelling(lane->table, &warnings);
    (void)fwrite(warnings.data, 1, warnings.size, stdout);
    buffer_free(&warnings);
}

static void print_pairs(const struct lane_set *set)
{
    for (size_t i = 0; i < set->pair_count; i++)
        (void)printf("%s %s is the shadow of %s: %zu features are compared\n", set->pairs[i].live == set->pairs[i].shadow ? "metric parser" : "lane",
                     set->pairs[i].shadow_name, set->pairs[i].live_name, set->pairs[i].column_count);
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

static void put_amount(struct table *table, const struct manifest_lane *lane)
{
    uint64_t entries = 0, bytes = 0;
    char text[GROUPED_MAX];
    for (size_t i = 0; lane != NULL && i < lane->segment_count; i++) {
        entries += lane->segments[i].entries;
        bytes += lane->segments[i].bytes;
    }
    table_cell(table, "%s", lane == NULL ? "" : grouped(entries, text));
    if (lane == NULL)
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.1f MB", (double)bytes / 1e6);
}

static void put_fate(struct table *table, const struct set_lane *lane, const struct lane_plan *plan)
{
    char back[32];
    table_cell(table, "%s", lane->name);
    switch (plan->fate) {
    case FATE_EMPTY: table_cell(table, "begins empty"); break;
    case FATE_KEPT: table_cell(table, "kept"); break;
    case FATE_COPIED: table_cell(table, "copied by field name"); break;
    case FATE_RESUMED: table_cell(table, "resumed: reads what it missed"); break;
    case FATE_FILLED: table_cell(table, "filled again: reads %s of the topic", span(lane_keep_ms(lane), back)); break;
    }
    put_amount(table, plan->from);
    table_cell(table, "%s", plan->reason);
}

static void print_plan(const struct state_plan *plan, const char *folder)
{
    const struct manifest *manifest = plan->manifest;
    struct table table = {.title = {"lane", "what a start makes of its state", "entries", "size", "why"}, .right = "llrrl"};
    char written[TIME_TEXT_MAX], back[32];
    (void)time_text(manifest->written_ms, written);
    (void)printf("state in %s: checkpoint %" PRIu64 " of %s\n", folder, manifest->checkpoint, written);
    for (size_t i = 0; i < plan->set->lane_count; i++)
        put_fate(&table, &plan->set->lanes[i], &plan->lanes[i]);
    for (size_t i = 0; i < manifest->lane_count; i++) {
        if (!state_plan_orphan(plan, &manifest->lanes[i]))
            continue;
        table_cell(&table, "%s", manifest->lanes[i].name);
        table_cell(&table, "orphaned: waits to come back, or to expire");
        put_amount(&table, &manifest->lanes[i]);
        table_cell(&table, "it is not in the configuration; its records count for %s",
                   span(manifest->lanes[i].longest_ms, back));
    }
    table_print(&table, 2);
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
    if (!loaded_read(loaded, path, NULL, false))
        return false;
    quarantine_say(&loaded->quarantine);
    if (!against_state || check_state(loaded->config, loaded->lanes, &error))
        return true;
    (void)fflush(stdout);
    report_error(&error);
    loaded_free(loaded);
    return false;
}

int command_check(int argc, char **argv)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"against-state", no_argument, NULL, 'a'},
                                          {"token", required_argument, NULL, 't'}, /* of reload_check.c */
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    const char *named = NULL, *token = NULL;
    bool against_state = false;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (option) {
        case 'c': named = optarg; break;
        case 'a': against_state = true; break;
        case 't': token = optarg; break;
        case 'h': (void)fputs(usage, stdout); return 0;
        default: return command_usage("check", "that option is not known");
        }
    }
    if (optind < argc)
        return command_usage("check", "\"%s\" is one word too many; the file goes behind --config", argv[optind]);
    crash_watch();
    watchdog_start();
    char *path = setup_config_path(named);
    struct loaded loaded;
    bool good = check_start(path, against_state, &loaded);
    for (size_t i = 0; good && !against_state && i < loaded.lanes->lane_count; i++)
        print_lane(&loaded.lanes->lanes[i]);
    if (good && !against_state)
        print_pairs(loaded.lanes);
    if (good) {
        (void)printf("%s is fine: %zu lane%s, plugins from %s\n", path, loaded.lanes->lane_count,
                     loaded.lanes->lane_count == 1 ? "" : "s", loaded.lanes->folder);
        loaded_free(&loaded);
    }
    if (good && token != NULL)
        (void)printf("checked %s\n", token);
    free(path);
    return good ? 0 : 2;
}
