/* ownership.c - see ownership.h. */
#include "cli/ownership.h"

#include "base/log.h"
#include "base/supervisor.h"
#include "base/time.h"
#include "cli/setup.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_MS    20   /* for the lock */
#define FIRST_ANSWER_MS  1000 /* of Redis; without it the stream is read all the same */
#define STALE_LOCK_MS    500  /* a former owner that lost the lease but still has the folder is stopped: go on without it */

/* host:pid:random */
static void name_owner(char out[STATE_OWNER_MAX])
{
    char host[65] = "";
    uint64_t number = 0;
    (void)gethostname(host, sizeof host - 1);
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        number = (uint64_t)time_wall_ms() * 2654435761u;
    (void)snprintf(out, STATE_OWNER_MAX, "%s:%ld:%016llx", host[0] == '\0' ? "localhost" : host, (long)getpid(),
                   (unsigned long long)number);
}

static struct lease *new_lease(const struct ownership *ownership, const struct config *config, const char *former)
{
    struct redis_settings redis = setup_redis(&config->sink);
    if (config->sink.kind != SINK_REDIS || config->sink.lease_ms == 0 || config->source.kind != SOURCE_KAFKA)
        return NULL;
    return lease_new(&redis, config->source.kafka.topic, ownership->owner, former == NULL || *former == '\0' ? NULL : former,
                     config->sink.lease_ms);
}

static void look_again_soon(void)
{
    struct timespec moment = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    (void)nanosleep(&moment, NULL);
}

/* Whether we may begin with what we have. */
static bool enough(const struct ownership *ownership, int64_t *held_since_ms)
{
    bool folder = !ownership->has_folder || ownership->folder.locked;
    if (ownership->lease == NULL)
        return folder;
    switch (lease_state(ownership->lease)) {
    case LEASE_HELD:
        if (*held_since_ms == 0)
            *held_since_ms = time_monotonic_ms();
        return folder || time_monotonic_ms() - *held_since_ms > STALE_LOCK_MS;
    case LEASE_UNKNOWN: return folder; /* nothing is written before it is held */
    default: return false;
    }
}

/* Who is in the way, in words. */
static void say_standby(const struct ownership *ownership, const char *holder_of_folder)
{
    char holder[STATE_OWNER_MAX] = "";
    if (ownership->lease != NULL && lease_state(ownership->lease) == LEASE_OTHERS)
        lease_holder(ownership->lease, holder, sizeof holder);
    if (holder[0] != '\0')
        log_info("standing by: %s holds the lease", holder);
    else
        log_info("standing by: %s uses the state folder %s", holder_of_folder, ownership->folder.path);
    supervisor_tell("READY=1\nSTATUS=standing by"); /* it does what it is there for */
}

bool ownership_take(struct ownership *ownership, const struct config *config, int inherited_lock, const volatile bool *stop,
                    struct error *error)
{
    *ownership = (struct ownership){.has_folder = config->state.folder != NULL};
    char former[STATE_OWNER_MAX] = "";
    int64_t held_since_ms = 0;
    bool said = false;
    error_what(error, "%s", "");
    name_owner(ownership->owner);
    if (ownership->has_folder && !state_folder_open(&ownership->folder, config->state.folder, error)) {
        ownership->has_folder = false;
        return false;
    }
    if (inherited_lock > 2)
        state_folder_inherit(ownership->has_folder ? &ownership->folder : NULL, inherited_lock);
    bool locked = ownership->has_folder && state_folder_lock(&ownership->folder, ownership->owner, former);
    ownership->lease = new_lease(ownership, config, locked ? former : NULL);
    if (ownership->lease != NULL)
        (void)lease_wait(ownership->lease, FIRST_ANSWER_MS);
    while (!enough(ownership, &held_since_ms)) {
        if (*stop) {
            ownership_end(ownership, true);
            return false;
        }
        if (!said)
            say_standby(ownership, former);
        said = true;
        if (ownership->has_folder && !ownership->folder.locked &&
            state_folder_lock(&ownership->folder, ownership->owner, former) && ownership->lease != NULL) {
            /* Its owner is dead: its lease need not be waited for. */
            lease_free(ownership->lease, true);
            ownership->lease = new_lease(ownership, config, former);
            (void)lease_wait(ownership->lease, FIRST_ANSWER_MS);
        }
        look_again_soon();
    }
    if (ownership->has_folder && !ownership->folder.locked)
        log_warn("%s has lost the lease but still has the state folder open: it is overtaken; what it may still write to the "
                 "folder does not count", former);
    if (said)
        log_info("taking over");
    ownership->stood_by = said;
    return true;
}

void ownership_lease_up(struct ownership *ownership)
{
    if (ownership->lease != NULL)
        lease_free(ownership->lease, true);
    ownership->lease = NULL;
}

void ownership_end(struct ownership *ownership, bool give_up)
{
    if (ownership->lease != NULL)
        lease_free(ownership->lease, give_up);
    if (ownership->has_folder)
        state_folder_close(&ownership->folder);
    *ownership = (struct ownership){0};
}
