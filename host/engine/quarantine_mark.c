/* quarantine_mark.c - see quarantine_mark.h. */
#include "engine/quarantine_mark.h"

#include <stdio.h>
#include <string.h>

#define TTL_S          60
#define RENEW_EVERY_MS 20000

void quarantine_mark_keep(int64_t *renewed_ms, struct shard *shard, const struct engine_settings *settings,
                          int64_t now_ms)
{
    if (settings->quarantined_count == 0 || settings->state == NULL ||
        (*renewed_ms != 0 && now_ms - *renewed_ms < RENEW_EVERY_MS) || shard->muted || !sink_ready(shard->sink))
        return;
    *renewed_ms = now_ms;
    for (size_t i = 0; i < settings->quarantined_count; i++) {
        char key[512];
        const struct quarantined_plugin *plugin = &settings->quarantined[i];
        int size = snprintf(key, sizeof key, "shoplane:{%s}:quarantine:%s", settings->state->topic, plugin->name);
        if (size < 0 || (size_t)size >= sizeof key)
            continue;
        struct feature_write write = {.key = {key, (size_t)size},
                                      .value = {plugin->why, strlen(plugin->why)},
                                      .ttl_s = TTL_S,
                                      .time_ms = shard->clock_ms};
        sink_write(shard->sink, &write);
    }
    sink_commit(shard->sink, NULL);
    sink_flush(shard->sink);
}
