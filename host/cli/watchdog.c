/* watchdog.c - see watchdog.h. */
#include "cli/watchdog.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/supervisor.h"
#include "base/time.h"
#include "cli/crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_EVERY_MS  100
#define SAY_FIRST_MS   5000
#define TRIAL_LIMIT_MS 10000 /* of a set that is being tried */
#define HOST_LEAST_MS  60000 /* outside of plugins: a slow disk may take long */

static _Atomic int64_t limit_now_ms, longest_now_ms;
static atomic_bool trying_now;

/* What is known of a listed thread. */
struct watched {
    uint64_t number, state, beats;
    int64_t standing_ms, say_ms; /* so far; to be said then */
    bool seen;                   /* it is still listed */
};

struct watch {
    struct watched *items;
    size_t count;
    int64_t passed_ms, longest_ms; /* since the last look; of this look */
};

static struct watched *find(struct watch *watch, uint64_t number)
{
    for (size_t i = 0; i < watch->count; i++)
        if (watch->items[i].number == number)
            return &watch->items[i];
    watch->items = memory_resize(watch->items, (watch->count + 1) * sizeof *watch->items);
    watch->items[watch->count] = (struct watched){.number = number, .say_ms = SAY_FIRST_MS};
    return &watch->items[watch->count++];
}

static void forget_unlisted(struct watch *watch)
{
    size_t kept = 0;
    for (size_t i = 0; i < watch->count; i++) {
        if (watch->items[i].seen)
            watch->items[kept++] = watch->items[i];
    }
    watch->count = kept;
    for (size_t i = 0; i < kept; i++)
        watch->items[i].seen = false;
}

static void say(const struct listed_call *listed, bool in_plugin, int64_t standing_ms)
{
    char place[CRASH_PLACE_MAX];
    const struct plugin_id *plugin = atomic_load(&listed->call->plugin);
    if (!in_plugin)
        log_error("a worker stands still for %lld s, in no plugin; do this: look at disk and memory",
                  (long long)standing_ms / 1000);
    else if (crash_ask(listed, place))
        log_error("%s: the call has not come back for %lld s; nothing else is done meanwhile by that worker", place,
                  (long long)standing_ms / 1000);
    else if (plugin != NULL && plugin->lane != NULL)
        log_error("%s%slane %s: a call has not come back for %lld s", plugin->metric == NULL ? "" : plugin->metric,
                  plugin->metric == NULL ? "" : " of ", plugin->lane, (long long)standing_ms / 1000);
}

static void look(void *context, const struct listed_call *listed)
{
    struct watch *watch = context;
    struct watched *watched = find(watch, listed->number);
    uint64_t state = atomic_load_explicit(&listed->call->state, memory_order_acquire);
    uint64_t beats = atomic_load_explicit(&listed->call->beats, memory_order_relaxed);
    bool in_plugin = state % PLUGIN_CALL_FUNCTION != PLUGIN_NO_CALL;
    watched->seen = true;
    if (state != watched->state || beats != watched->beats || (!in_plugin && !listed->beats)) {
        watched->state = state;
        watched->beats = beats;
        watched->standing_ms = 0;
        watched->say_ms = SAY_FIRST_MS;
        return;
    }
    watched->standing_ms += watch->passed_ms;
    if (watched->standing_ms > watch->longest_ms)
        watch->longest_ms = watched->standing_ms;
    int64_t limit_ms = atomic_load(&limit_now_ms);
    if (limit_ms > TRIAL_LIMIT_MS && atomic_load(&trying_now) && in_plugin)
        limit_ms = TRIAL_LIMIT_MS;
    if (limit_ms > 0 && limit_ms < HOST_LEAST_MS && !in_plugin)
        limit_ms = HOST_LEAST_MS;
    if (limit_ms > 0 && watched->standing_ms >= limit_ms)
        crash_hang(listed);
    if (watched->standing_ms < watched->say_ms)
        return;
    watched->say_ms *= 2;
    say(listed, in_plugin, watched->standing_ms);
}

static void *run(void *nothing)
{
    struct watch watch = {.items = NULL};
    const struct timespec pause = {.tv_nsec = LOOK_EVERY_MS * 1000000L};
    for (int64_t before_ms = time_monotonic_ms();;) {
        (void)nanosleep(&pause, NULL);
        int64_t now_ms = time_monotonic_ms();
        watch.passed_ms = now_ms - before_ms < 2 * LOOK_EVERY_MS ? now_ms - before_ms : 2 * LOOK_EVERY_MS;
        watch.longest_ms = 0;
        before_ms = now_ms;
        plugin_call_each(look, &watch);
        forget_unlisted(&watch);
        atomic_store(&longest_now_ms, watch.longest_ms);
        if (watch.longest_ms < SAY_FIRST_MS)
            supervisor_alive();
    }
    return nothing;
}

void watchdog_start(void)
{
    pthread_t thread;
    plugin_call_list(false);
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        abort(); /* no threads at start: as good as no memory */
    (void)pthread_detach(thread);
}

void watchdog_limit(int64_t limit_ms) { atomic_store(&limit_now_ms, limit_ms); }
void watchdog_trial(bool trying) { atomic_store(&trying_now, trying); }
int64_t watchdog_longest_ms(void) { return atomic_load(&longest_now_ms); }
