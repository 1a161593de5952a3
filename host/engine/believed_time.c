/* believed_time.c - see believed_time.h. */
#include "engine/believed_time.h"

#include "base/log.h"
#include "base/time.h"

#define MINUTE_MS 60000
#define SAY_MS    10000 /* a difference that is worth a line; clocks of machines differ by less */

struct moment moment_now(void) { return (struct moment){.wall_ms = time_wall_ms(), .running_ms = time_boot_ms()}; }

void believed_time_init(struct believed_time *time)
{
    *time = (struct believed_time){.start_ms = INT64_MIN, .kafka_ms = INT64_MIN, .kafka_before_ms = INT64_MIN};
    (void)pthread_mutex_init(&time->lock, NULL);
}

void believed_time_free(struct believed_time *time) { (void)pthread_mutex_destroy(&time->lock); }

static int64_t earlier(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t later(int64_t a, int64_t b) { return a > b ? a : b; }

void believed_time_heard(struct believed_time *time, int64_t running_ms, int64_t stamp_ms, bool live)
{
    int64_t kafka_ms = stamp_ms - running_ms;
    (void)pthread_mutex_lock(&time->lock);
    bool heard = time->kafka_ms != INT64_MIN;
    if (live && (!heard || running_ms - time->minute_ms >= MINUTE_MS)) {
        time->kafka_before_ms = time->kafka_ms;
        time->kafka_ms = kafka_ms;
        time->minute_ms = running_ms;
    } else if (heard) {
        time->kafka_ms = later(time->kafka_ms, kafka_ms);
    }
    (void)pthread_mutex_unlock(&time->lock);
}

/* Once when they begin to differ, and once when they agree again. */
static void say(struct believed_time *time)
{
    int64_t held_ms = time->held_ms;
    bool differ = held_ms >= SAY_MS || held_ms <= -SAY_MS;
    if (differ == time->said)
        return;
    time->said = differ;
    if (differ)
        log_warn("this machine's wall clock is %.1f s %s of what %s say: it is not believed, partitions without messages go by "
                 "these; do this: look at the clock of this machine, and of those that write the topic",
                 (double)(held_ms < 0 ? -held_ms : held_ms) / 1000, held_ms < 0 ? "behind" : "ahead",
                 time->kafka_ms == INT64_MIN ? "it said before and the time that has passed since" : "Kafka's timestamps");
    else
        log_info("this machine's wall clock is believed again");
}

int64_t believed_time_now(struct believed_time *time, struct moment now)
{
    int64_t wall_ms = now.wall_ms - now.running_ms;
    (void)pthread_mutex_lock(&time->lock);
    if (time->start_ms == INT64_MIN)
        time->start_ms = wall_ms;
    int64_t kafka_ms = later(time->kafka_ms, time->kafka_before_ms), believed_ms;
    if (kafka_ms == INT64_MIN) {
        believed_ms = earlier(wall_ms, time->start_ms);
    } else {
        time->start_ms = later(time->start_ms, earlier(wall_ms, kafka_ms));
        believed_ms = earlier(later(wall_ms, time->start_ms), kafka_ms);
    }
    time->held_ms = wall_ms - believed_ms;
    say(time);
    (void)pthread_mutex_unlock(&time->lock);
    return now.running_ms + believed_ms;
}

int64_t believed_time_held(struct believed_time *time)
{
    (void)pthread_mutex_lock(&time->lock);
    int64_t held_ms = time->held_ms;
    (void)pthread_mutex_unlock(&time->lock);
    return held_ms;
}
