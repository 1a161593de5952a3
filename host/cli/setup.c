/* setup.c - see setup.h. */
#include "cli/setup.h"

#include "base/memory.h"
#include "base/program.h"
#include "base/time.h"
#include "cli/report.h"
#include "cli/watchdog.h"
#include "config/config_memory.h"
#include "engine/engine.h"
#include "sink/final_features.h"

#include <stdlib.h>

char *setup_config_path(const char *named)
{
    if (named == NULL)
        named = getenv("SHOPLANE_CONFIG");
    if (named != NULL && *named != '\0')
        return memory_text(named);
    static const char *const near[] = {"../" SHOPLANE_CONFIG_SUBFILE, "../config/shoplane.conf"}; /* installed; built */
    char *found = program_near(near, sizeof near / sizeof near[0]);
    return found != NULL ? found : memory_text(SHOPLANE_CONFIG_FILE);
}

bool setup_read(const char *path, struct config **config, struct lane_set **set)
{
    return setup_read_with(path, NULL, NULL, config, set);
}

bool setup_read_with(const char *path, const char *plugins, struct quarantine *quarantine, struct config **config,
                     struct lane_set **set)
{
    struct error_list errors = {0};
    *config = config_read_partial(path, &errors);
    if (*config != NULL && plugins != NULL)
        (*config)->plugins = config_memory_text((*config)->memory, plugins);
    if (*config != NULL)
        watchdog_limit((*config)->limits.plugin_call_ms);
    if (*config != NULL && quarantine != NULL)
        quarantine_apply(quarantine, *config);
    *set = *config == NULL ? NULL : lane_set_load(*config, &errors);
    if (errors.count == 0 && quarantine != NULL)
        quarantine_bar(quarantine, *set);
    if (errors.count == 0)
        return true;
    if (quarantine != NULL)
        quarantine_free(quarantine);
    lane_set_free(*set);
    config_free(*config);
    *set = NULL;
    *config = NULL;
    report_errors(&errors);
    return false;
}

struct redis_settings setup_redis(const struct sink_settings *settings)
{
    return (struct redis_settings){.host = settings->host,
                                   .port = (int)settings->port,
                                   .socket = settings->socket,
                                   .user = settings->user,
                                   .password = settings->password,
                                   .database = (int)settings->database,
                                   .timeout_ms = settings->timeout_ms,
                                   .retry_max_ms = settings->retry_max_ms,
                                   .pipeline = settings->pipeline};
}

static struct sink *target(const struct sink_maker *maker, int worker, sink_settled *settled, void *context)
{
    const struct sink_settings *settings = maker->settings;
    if (settings->kind == SINK_JSONL)
        return jsonl_sink_new(maker->stream, settled, context);
    if (settings->kind == SINK_NULL)
        return null_sink_new(settled, context);
    struct redis_settings redis = setup_redis(settings);
    redis.lease = maker->lease;
    redis.fence = maker->fence;
    redis.worker = worker;
    return redis_sink_new(&redis, settled, context);
}

struct sink *setup_sink(void *context, int worker, sink_settled *settled, void *settled_context)
{
    const struct sink_maker *maker = context;
    if (maker->final == NULL)
        return target(maker, worker, settled, settled_context);
    struct sink *next = maker->only_final ? NULL : target(maker, worker, settled, settled_context);
    return final_features_sink(maker->final, next, settled, settled_context);
}

struct engine_settings setup_engine(const struct config *config, const struct lane_set *set)
{
    return (struct engine_settings){
        .set = set,
        .workers = (int)config->workers,
        .clock = config->source.clock,
        .disorder_ms = config->source.disorder_ms,
        .idle_ms = config->source.idle_ms,
        .future_ms = config->source.future_ms,
        .max_message_bytes = config->source.max_message_bytes,
        .limits = config->limits,
        .until_ms = INT64_MIN,
        .drain_ms = 30000,
        .open_sink = setup_sink,
    };
}
