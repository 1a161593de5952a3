/* durable.c - see durable.h. */
#include "cli/durable.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* State of another topic is not state of this one. */
static bool same_topic(const struct manifest *manifest, const struct config *config, const char *path, struct error *error)
{
    if (manifest->topic == NULL || manifest->topic[0] == '\0' || strcmp(manifest->topic, config->source.kafka.topic) == 0)
        return true;
    error_what(error, "the state is of topic %s, the configuration reads %s", manifest->topic, config->source.kafka.topic);
    error_found(error, "%s: state.folder = \"%s\"", config->file, path);
    error_advice(error, "use another folder for this topic, or the topic that the state is of");
    return false;
}

static bool load(struct durable *durable, const struct state_folder *folder, const struct config *config, bool accept_loss,
                 struct error *error)
{
    struct error passed_over = {0}, broken = {0};
    durable->manifest = manifest_load(folder->folder, folder->path, &passed_over, &broken);
    if (passed_over.what[0] != '\0')
        log_problem(LOG_LEVEL_ERROR, &passed_over);
    if (durable->manifest != NULL)
        return same_topic(durable->manifest, config, folder->path, error);
    if (broken.what[0] == '\0')
        return true;
    if (accept_loss) {
        log_problem(LOG_LEVEL_ERROR, &broken);
        log_warn("none of the state can be read; its loss was accepted: starting without it");
        return true;
    }
    *error = broken;
    error_advice(error, "restore a backup (shoplane state restore), or start once with --accept-loss: then all windows begin "
                 "anew at source.start");
    return false;
}

bool durable_open(struct durable *durable, const struct state_folder *folder, const struct config *config,
                  const struct lane_set *set, bool accept_loss, struct error *error)
{
    *durable = (struct durable){0};
    if (!load(durable, folder, config, accept_loss, error)) {
        durable_close(durable);
        return false;
    }
    struct state_plan *plan = &durable->plan;
    state_plan_make(plan, set, durable->manifest);
    plan->folder = folder;
    uint64_t highest = manifest_highest_generation(folder->folder);
    if (highest == UINT64_MAX) { /* another number would hide what is there, or be hidden by it */
        error_what(error, "the state's folder can't be listed: %s", strerror(errno));
        error_found(error, "%s", folder->path);
        error_advice(error, "look at the disk, and at the limits of the process");
        durable_close(durable);
        return false;
    }
    plan->generation = highest + 1;
    plan->interval_ms = config->state.interval_ms;
    plan->sync = config->state.fsync == FSYNC_CHECKPOINT;
    plan->fill_at_once = config->state.fill == FILL_AT_ONCE;
    plan->accept_loss = accept_loss;
    plan->topic = config->source.kafka.topic;
    if (durable->manifest == NULL)
        return true;
    int32_t count = durable->manifest->partition_count;
    durable->next = memory_new(((size_t)count + 1) * sizeof *durable->next);
    for (int32_t p = 0; p < count; p++)
        durable->next[p] = durable->manifest->partitions[p].next;
    durable->positions = (struct kafka_positions){.next = durable->next,
                                                  .count = count,
                                                  .want_stamp = manifest_is_ahead(durable->manifest, time_wall_ms()),
                                                  .accept_loss = accept_loss};
    return true;
}

void durable_close(struct durable *durable)
{
    if (durable->plan.set != NULL)
        state_plan_free(&durable->plan);
    manifest_free(durable->manifest);
    free(durable->next);
    *durable = (struct durable){0};
}

void durable_mend_clock(struct durable *durable, const struct config *config, struct source *source, int64_t wall_ms)
{
    struct manifest *manifest = durable->manifest;
    char was[TIME_TEXT_MAX], is[TIME_TEXT_MAX];
    int64_t stamp_ms = source_last_stamp(source), latest_ms = stamp_ms > wall_ms ? stamp_ms : wall_ms;
    if (manifest == NULL || source->ordered || !manifest_is_ahead(manifest, latest_ms))
        return;
    int64_t was_ms = manifest->clock_ms;
    manifest_take_back(manifest, latest_ms, config->source.disorder_ms);
    if (manifest->clock_ms == was_ms) /* only what would have moved it next */
        return;
    (void)time_text(was_ms, was);
    (void)time_text(manifest->clock_ms, is);
    log_warn("the state's clock had got ahead, to %s, of this machine's and of Kafka's timestamps: it goes on at %s, and all "
             "features are written again", was, is);
    state_plan_mend(&durable->plan, was_ms - manifest->clock_ms);
    for (size_t i = 0; i < durable->plan.set->lane_count; i++)
        if (durable->plan.lanes[i].fate == FATE_FILLED)
            log_info("lane %s is %s: %s", durable->plan.set->lanes[i].name, lane_fate_word(FATE_FILLED),
                     durable->plan.lanes[i].reason);
}

void durable_say(const struct durable *durable)
{
    const struct state_plan *plan = &durable->plan;
    char written[TIME_TEXT_MAX];
    if (durable->manifest == NULL) {
        log_info("state folder %s is new", plan->folder->path);
        return;
    }
    (void)time_text(durable->manifest->written_ms, written);
    log_info("state of %s in %s", written, plan->folder->path);
    for (size_t i = 0; i < plan->set->lane_count; i++)
        if (plan->lanes[i].fate != FATE_KEPT)
            log_info("lane %s is %s: %s", plan->set->lanes[i].name, lane_fate_word(plan->lanes[i].fate),
                     plan->lanes[i].reason);
    for (size_t i = 0; i < durable->manifest->lane_count; i++)
        if (state_plan_orphan(plan, &durable->manifest->lanes[i]))
            log_info("lane %s is off: its state waits until it expires", durable->manifest->lanes[i].name);
}
