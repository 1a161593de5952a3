/* validate_running.c - see validate_running.h. */
#include "testhost/validate_running.h"

#include "base/memory.h"
#include "plugin/plugin_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what is found ---- */

struct job_finding *running_found(struct running *running, enum validate_check check, const char *id, const char *format, ...)
{
    struct job_report *report = running->report;
    struct job_finding *finding =
        &report->findings[report->finding_count < JOB_FINDINGS ? report->finding_count++ : JOB_FINDINGS - 1];
    *finding = (struct job_finding){.check = check};
    (void)snprintf(finding->id, sizeof finding->id, "%s", id);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(finding->what, sizeof finding->what, format, arguments);
    va_end(arguments);
    return finding;
}

void running_found_error(struct running *running, enum validate_check check, const char *id, const struct error *error)
{
    struct job_finding *finding = running_found(running, check, id, "%.500s", error->what);
    (void)snprintf(finding->found, sizeof finding->found, "%s", error->found);
    (void)snprintf(finding->advice, sizeof finding->advice, "%.255s", error->advice);
}

/* ---- the plugin, running ---- */

void running_place(struct running *running, const char *function)
{
    struct strict_place *place = &running->report->place;
    place->plugin[0] = '\0';
    if (function == NULL)
        return;
    const struct validate_plugin *plugin = running->job->plugin;
    (void)snprintf(place->plugin, sizeof place->plugin, "%s %s", plugin_kind_word(plugin->kind), plugin->name);
    (void)snprintf(place->function, sizeof place->function, "%s", function);
}

/* Of a lane that counts in buckets, windows of whole buckets. */
static void put_windows(int64_t bucket_ms, bool session, bool longest, const sl_need *needs, struct buffer *out)
{
    long long scale = (long long)(1 + bucket_ms / 60000);
    const char *there[] = {"5m", "1h", "24h", "session", "short", "long"};
    const char *more = longest ? ", { name = \"400d\"; length = \"400d\"; }" : "";
    if (session)
        buffer_printf(out, " windows = ( { name = \"session\"; gap = \"30m\"; max = \"%s\"; emit = \"5s\"; }",
                      longest ? "400d" : "12h");
    else if (bucket_ms == 0)
        buffer_printf(
            out,
            " windows = ( { name = \"5m\"; length = \"5m\"; emit = 0; }, { name = \"1h\"; length = \"1h\"; emit = \"10s\"; },"
            " { name = \"24h\"; length = \"24h\"; }%s", more);
    else
        buffer_printf(
            out,
            " windows = ( { name = \"short\"; length = \"%llds\"; emit = 0; },"
            " { name = \"long\"; length = \"%llds\"; emit = \"10s\"; }%s",
            6 * scale * 60, 60 * scale * 60, more);
    for (const sl_need *need = needs; need != NULL && need->field.name != NULL && !session; need++) {
        bool put = need->window == NULL;
        for (size_t i = 0; i < sizeof there / sizeof *there && !put; i++)
            put = strcmp(there[i], need->window) == 0;
        for (const sl_need *before = needs; before < need && !put; before++)
            put = before->window != NULL && strcmp(before->window, need->window) == 0;
        if (!put) /* a window's name is its length, as a rule */
            buffer_printf(out, ", { name = \"%s\"; length = \"%s\"; }", need->window,
                          need->window[0] >= '1' && need->window[0] <= '9' ? need->window : "2h");
    }
    buffer_literal(out, " );");
}

/* The lanes that the parser needs beside its own, with the same windows. */
static void put_other_lanes(int64_t bucket_ms, bool session, bool longest, const sl_need *needs, struct buffer *out)
{
    for (const sl_need *need = needs; need != NULL && need->field.name != NULL; need++) {
        bool put = need->lane == NULL;
        for (const sl_need *before = needs; before < need && !put; before++)
            put = before->lane != NULL && strcmp(before->lane, need->lane) == 0;
        if (put)
            continue;
        buffer_printf(out, ", { lane = \"%s\";", need->lane);
        put_windows(bucket_ms, session, longest, needs, out);
        buffer_literal(out, " metrics = ( \"values\" ); }");
    }
}

void job_config(const struct validate_plugin *plugin, const sl_need *needs, int64_t bucket_ms, bool session, bool longest,
                struct buffer *out)
{
    bool lane = plugin->kind == PLUGIN_LANE;
    buffer_literal(out, "plugins = ");
    buffer_json_text(out, plugin->folders, strlen(plugin->folders));
    buffer_printf(out,
                  ";\nsource: { kind = \"files\"; clock = \"event\"; files = [ \"events.tsv\" ]; disorder = \"%llds\"; };\n",
                  RANDOM_DISORDER_MS / 1000 * (long long)(1 + bucket_ms / 60000));
    buffer_printf(out, "sink: { kind = \"null\"; };\nlanes = ( { lane = \"%s\";", lane ? plugin->name : plugin->lane);
    const char *lane_params = lane || plugin->params_shared ? plugin->params : plugin->lane_params;
    if (*lane_params != '\0')
        buffer_printf(out, " params = { %s };", lane_params);
    put_windows(bucket_ms, session, longest, needs, out);
    if (lane)
        buffer_literal(out, " metrics = ( \"values\" ); }");
    else if (*plugin->params != '\0')
        buffer_printf(out, " metrics = ( { metric = \"%s\"; params = { %s }; } ); }", plugin->name, plugin->params);
    else
        buffer_printf(out, " metrics = ( \"%s\" ); }", plugin->name);
    put_other_lanes(bucket_ms, session, longest, needs, out);
    buffer_literal(out, " );\n");
}

static bool declares(const sl_param *params, const char *name)
{
    while (params != NULL && params->name != NULL && strcmp(params->name, name) != 0)
        params++;
    return params != NULL && params->name != NULL;
}

static void keep_declared(struct param_settings *given, const sl_param *params)
{
    size_t kept = 0;
    for (size_t i = 0; i < given->count; i++)
        if (declares(params, given->items[i].name))
            given->items[kept++] = given->items[i];
    given->count = kept;
}

/* Settings that are for several plugins: who declares one takes it. */
static void share_params(struct running *running)
{
    struct error ignored;
    char *untaken = running->report->untaken;
    const struct validate_plugin *plugin = running->job->plugin;
    bool is_lane = plugin->kind == PLUGIN_LANE;
    struct lane_settings *settings = &running->config->lanes[0];
    const sl_plugin *lane =
        plugin_file_load(plugin->folders, PLUGIN_LANE, is_lane ? plugin->name : plugin->lane, &ignored);
    const sl_plugin *metric = is_lane ? NULL : plugin_file_load(plugin->folders, PLUGIN_METRIC, plugin->name, &ignored);
    const sl_param *lanes = lane == NULL ? NULL : lane->lane->params,
                   *metrics = metric == NULL ? NULL : metric->metric->params;
    untaken[0] = '\0';
    for (size_t i = 0; i < settings->params.count; i++) {
        const char *name = settings->params.items[i].name;
        size_t used = strlen(untaken);
        if (!declares(lanes, name) && !declares(metrics, name))
            (void)snprintf(untaken + used, sizeof running->report->untaken - used, "%s%s", used == 0 ? "" : ", ", name);
    }
    keep_declared(&settings->params, lanes);
    if (!is_lane && settings->metric_count > 0)
        keep_declared(&settings->metrics[0].params, metrics);
}

/* Configuration and set. False: errors say why not. */
static bool load(struct running *running, const sl_need *needs, int64_t bucket_ms, bool session, bool longest, struct error_list *errors)
{
    struct buffer text = {0};
    const struct validate_plugin *plugin = running->job->plugin;
    job_config(plugin, needs, bucket_ms, session, longest, &text);
    buffer_byte(&text, '\0');
    running->config = config_read_text(text.data, "validate", errors);
    if (running->config != NULL && plugin->params_shared)
        share_params(running);
    if (running->config != NULL && plugin->kind == PLUGIN_LANE)
        running->config->lanes[0].metric_count = 0; /* its values are printed as they are */
    for (size_t i = 1; running->config != NULL && i < running->config->lane_count; i++)
        running->config->lanes[i].metric_count = 0; /* of those that are needed beside it only values are wanted */
    running->set = running->config == NULL ? NULL : lane_set_load(running->config, errors);
    buffer_free(&text);
    if (running->set == NULL)
        config_free(running->config);
    return running->set != NULL;
}

/* How much of what a metric parser needs its lane has, for who finds that it does not stand there. */
static void look_at_lane(const struct validate_plugin *plugin, const sl_metric *metric, struct job_report *report)
{
    struct error ignored;
    const sl_plugin *lane = plugin_file_load(plugin->folders, PLUGIN_LANE, plugin->lane, &ignored);
    report->lane_unknown = lane == NULL;
    report->lane_fits = lane != NULL && lane_publishes(lane->lane, metric, &report->lane_has, &ignored);
}

bool running_begin(struct running *running, const struct job *job, struct job_report *report, int64_t bucket_ms, bool session)
{
    struct error_list errors = {0}, again = {0};
    *running = (struct running){.job = job, .report = report};
    report->check = CHECK_LOAD;
    running_place(running, "open");
    struct error refusal;
    const sl_plugin *metric = job->plugin->kind == PLUGIN_METRIC
                                  ? plugin_file_load(job->plugin->folders, PLUGIN_METRIC, job->plugin->name, &refusal)
                                  : NULL;
    if (job->plugin->kind == PLUGIN_METRIC && metric == NULL)
        running_found_error(running, CHECK_LOAD, JOB_REFUSED, &refusal);
    if (metric != NULL)
        look_at_lane(job->plugin, metric->metric, report);
    const sl_need *needs = metric == NULL ? NULL : metric->metric->more_needs;
    /* A lane may name ages that no record reaches in ordinary windows. */
    bool loaded = load(running, needs, bucket_ms, session, false, &errors) || load(running, needs, bucket_ms, session, true, &again);
    running_place(running, NULL);
    for (size_t i = 0; i < errors.count && !loaded; i++)
        running_found_error(running, CHECK_LOAD, "load", &errors.items[i]);
    error_list_free(&errors);
    error_list_free(&again);
    if (!loaded)
        return false;
    struct set_lane *lane = &running->set->lanes[0];
    const struct plugin_origin *origin =
        plugin_file_origin(job->plugin->kind == PLUGIN_LANE ? (const void *)lane->table : (const void *)lane->metrics[0].table);
    running->address = origin->address;
    for (enum plugin_kind kind = 0; kind < PLUGIN_KINDS; kind++)
        report->has[kind] = plugin_part(origin->plugin, kind) != NULL;
    if (job->plugin->kind == PLUGIN_LANE)
        running->parser = values_parser_put_on(running->set);
    running->shape = random_shape_new(lane->table, job->plugin->path, job->plugin->recorded);
    for (size_t i = 0;
         job->asked != NULL && i < JOB_ASKED_MAX && lane->table->inputs != NULL && lane->table->inputs[i].path != NULL; i++)
        random_shape_asked(running->shape)[i] = job->asked[i];
    report->loaded = true;
    return true;
}

void running_end(struct running *running)
{
    random_shape_free(running->shape);
    if (running->parser != NULL)
        values_parser_take_off(running->parser);
    running->report->check = CHECK_LOAD;
    running_place(running, "close");
    lane_set_free(running->set);
    running_place(running, NULL);
    config_free(running->config);
}

/* ---- driving a stream ---- */

int64_t running_newest_ms(const struct random_stream *stream)
{
    int64_t newest_ms = INT64_MIN;
    for (size_t i = 0; i < stream->count; i++)
        if (!stream->events[i].broken && stream->events[i].time_ms > newest_ms)
            newest_ms = stream->events[i].time_ms;
    return newest_ms;
}

struct drive *running_drive(struct running *running, const struct random_stream *stream, const struct way *way)
{
    struct findings findings = {0};
    struct error error;
    struct strict *strict = NULL;
    if (way->strict != NULL) {
        struct strict_settings settings = *way->strict;
        settings.place = &running->report->place;
        strict = strict_put_on(running->set, &settings, &findings);
    }
    struct drive *drive = drive_new(&(struct drive_settings){
        .set = running->set, .config = running->config, .workers = way->workers, .batch = way->batch, .plan = way->plan});
    if (way->doubt != NULL)
        drive_doubt(drive, way->doubt);
    int64_t newest_ms = running_newest_ms(stream);
    for (size_t i = 0; i < stream->count; i++) {
        const struct random_event *event = &stream->events[i];
        running->report->place.step = i;
        drive_event(drive, (sl_view){event->message, event->size}, i);
        if (way->plan != NULL && i == stream->count / 2 && !drive_restart(drive, &error))
            running_found_error(running, CHECK_RESTART, "journal", &error);
    }
    drive_end(drive, newest_ms == INT64_MIN ? INT64_MIN : newest_ms + RUNNING_AFTER_MS);
    if (way->again)
        drive_write_again(drive);
    if (strict != NULL)
        strict_take_off(strict);
    for (size_t i = 0; i < findings.count && way->breaches != CHECK_COUNT; i++)
        running_found_error(running, way->breaches, findings.items[i].id, &findings.items[i].error);
    findings_free(&findings);
    return drive;
}

/* NULL: it is not there. */
static const char *value_of(const struct kept_feature *feature, int64_t clock_ms)
{
    int64_t ttl_s;
    return feature != NULL && kept_feature_there(feature, clock_ms, false, &ttl_s) ? feature->value : NULL;
}

void running_compare(struct running *running, enum validate_check check, int64_t clock_ms, const char *one,
                     const struct kept_features *a, const char *two, const struct kept_features *b, const char *advice)
{
    size_t i = 0, k = 0;
    while (i < a->count || k < b->count) {
        const struct kept_feature *left = i < a->count ? &a->items[i] : NULL, *right = k < b->count ? &b->items[k] : NULL;
        int order = left == NULL ? 1 : right == NULL ? -1 : strcmp(left->key, right->key);
        const char *mine = value_of(order <= 0 ? left : NULL, clock_ms), *other = value_of(order >= 0 ? right : NULL, clock_ms);
        i += order <= 0;
        k += order >= 0;
        if (mine == NULL ? other == NULL : other != NULL && strcmp(mine, other) == 0)
            continue;
        struct job_finding *finding = running_found(running, check, "differs", "%s %s say different things of %s", one, two,
                                                    order <= 0 ? left->key : right->key);
        (void)snprintf(finding->found, sizeof finding->found, "%.240s, and then %.240s", mine == NULL ? "nothing" : mine,
                       other == NULL ? "nothing" : other);
        (void)snprintf(finding->advice, sizeof finding->advice, "%s", advice);
        return;
    }
}

void running_drive_and_compare(struct running *running, enum validate_check check, const struct drive *baseline,
                               const char *one, const char *two, const struct random_stream *stream, const struct way *way,
                               const char *advice)
{
    running->report->check = check;
    struct drive *drive = running_drive(running, stream, way);
    running_compare(running, check, drive_clock_ms(baseline), one, drive_features(baseline), two, drive_features(drive),
                    advice);
    drive_free(drive);
}

/* ---- streams ---- */

/* Those that are left out go, for good. */
static void leave_out(struct random_stream *stream, const bool *without)
{
    size_t kept = 0;
    for (size_t i = 0; i < stream->count; i++) {
        if (!without[i]) {
            stream->events[kept++] = stream->events[i];
            continue;
        }
        free(stream->events[i].text);
        free(stream->events[i].message);
    }
    stream->count = kept;
}

static void tell_story(const struct running *running, const struct random_stream *stream)
{
    struct job_report *report = running->report;
    size_t used = (size_t)snprintf(report->story, sizeof report->story, "%s", random_shape_head(running->shape));
    for (size_t i = 0; i < stream->count && used < sizeof report->story; i++)
        used += (size_t)snprintf(report->story + used, sizeof report->story - used, "%s\n", stream->events[i].text);
    FILE *file = running->job->keep == NULL ? NULL : fopen(running->job->keep, "w");
    if (file == NULL)
        return;
    for (size_t i = 0; i < stream->count; i++)
        (void)fprintf(file, "%.*s\n", (int)stream->events[i].size, stream->events[i].message);
    (void)fclose(file);
}

void running_stream(struct running *running, bool broken, struct random_stream *stream)
{
    random_stream_make(running->shape, running->job->seed, running->job->events, broken, stream);
    if (running->job->without != NULL)
        leave_out(stream, running->job->without);
    tell_story(running, stream);
}

const char running_depends[] = "what it says must depend on its records alone: no state between calls, no order of calls";
