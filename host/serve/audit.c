/* audit.c - see audit.h. */
#include "serve/audit.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/time.h"
#include "engine/audit_sample.h"
#include "engine/question.h"
#include "engine/worker.h"
#include "sink/redis_blocking.h"
#include "sink/redis_fault.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS        1000 /* for a worker's answer */
#define EVIDENCE_SIZE 1024 /* bytes of one line */
#define SHOWN_BYTES   120  /* of a value in it */
#define SETTLE_MS     5000 /* after Redis was away: it may be another one, and be written anew */

struct audit {
    struct engine *engine;
    struct audit_settings settings;
    pthread_t thread;
    redisContext *context; /* NULL: not connected */
    bool was_away;         /* since it was connected last */
    int64_t settled_ms;    /* monotonic: nothing is compared before */
    struct log_limit away, wrong;
    struct audit_sample sample, again;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool stopping;
    struct audit_counters counters;
    char evidence[AUDIT_EVIDENCE_MAX][EVIDENCE_SIZE]; /* a ring; the newest at (mismatches - 1) % AUDIT_EVIDENCE_MAX */
};

/* ---- Redis ---- */

static void say_away(struct audit *audit, const struct error *why)
{
    log_limited(&audit->away, LOG_LEVEL_WARN, "audit: %s%s%s; do this: %s", why->what, why->found[0] == '\0' ? "" : "; found: ",
                why->found, why->advice);
}

/* NULL: it is away, and that was said, or was so until just now. Asks for one key; the caller frees. */
static redisReply *read_key(struct audit *audit, const char *key, size_t size)
{
    struct error error = {0};
    if (audit->context == NULL)
        audit->context = redis_blocking_open(&audit->settings.redis, audit->settings.redis.timeout_ms, &error);
    if (audit->context == NULL) {
        audit->was_away = true;
        say_away(audit, &error);
        return NULL;
    }
    if (audit->was_away) {
        audit->was_away = false;
        audit->settled_ms = time_monotonic_ms() + SETTLE_MS;
    }
    if (time_monotonic_ms() < audit->settled_ms)
        return NULL;
    redisReply *reply = redisCommandArgv(audit->context, 2, (const char *[]){"GET", key}, (const size_t[]){3, size});
    if (reply != NULL && reply->type != REDIS_REPLY_ERROR)
        return reply;
    if (reply != NULL)
        (void)redis_fault_reply("GET", reply->str, REDIS_WORK_AUDIT, NULL, &error);
    else
        redis_fault_connection("no answer", audit->context->errstr, &error);
    say_away(audit, &error);
    if (reply != NULL)
        freeReplyObject(reply);
    redisFree(audit->context);
    audit->context = NULL;
    audit->was_away = true;
    return NULL;
}

static bool agrees(const redisReply *reply, const struct audit_sample *sample, const struct audit_feature *feature)
{
    bool there = reply->type != REDIS_REPLY_NIL;
    if (!there || !feature->present)
        return there == feature->present;
    return reply->type == REDIS_REPLY_STRING && reply->len == feature->value_size &&
           memcmp(reply->str, audit_text(sample, feature->value), reply->len) == 0;
}

/* ---- the workers ---- */

struct taking {
    struct audit *audit;
    uint64_t random;
};

static void take(struct worker *worker, void *context)
{
    struct taking *taking = context;
    audit_sample_take(&taking->audit->sample, &worker->shard, taking->random);
}

static void take_again(struct worker *worker, void *context)
{
    struct audit *audit = context;
    const struct audit_sample *first = &audit->sample;
    audit_sample_again(&audit->again, &worker->shard, first->lane, (sl_view){first->id.data, first->id.size}, first->hash);
}

/* The same feature in the second sample, if it was not written in between. */
static const struct audit_feature *same_feature(const struct audit *audit, const struct audit_feature *feature)
{
    for (size_t i = 0; i < audit->again.count; i++) {
        const struct audit_feature *other = &audit->again.features[i];
        if (other->key_size == feature->key_size && other->written == feature->written &&
            memcmp(audit_text(&audit->again, other->key), audit_text(&audit->sample, feature->key), feature->key_size) == 0)
            return other;
    }
    return NULL;
}

/* ---- evidence ---- */

static void show(char *out, size_t size, const char *text, size_t length)
{
    (void)snprintf(out, size, "\"%.*s\"%s", (int)(length > SHOWN_BYTES ? SHOWN_BYTES : length), text,
                   length > SHOWN_BYTES ? "..." : "");
}

static void note(struct audit *audit, const struct audit_feature *feature, const redisReply *reply)
{
    const struct set_lane *lane = &audit->settings.set->lanes[feature->lane];
    const struct audit_sample *sample = &audit->again;
    char is[SHOWN_BYTES + 8] = "nothing", should[SHOWN_BYTES + 8] = "nothing", at[TIME_TEXT_MAX], line[EVIDENCE_SIZE];
    if (reply->type == REDIS_REPLY_STRING)
        show(is, sizeof is, reply->str, reply->len);
    else if (reply->type != REDIS_REPLY_NIL)
        (void)snprintf(is, sizeof is, "no text");
    if (feature->present)
        show(should, sizeof should, audit_text(sample, feature->value), feature->value_size);
    (void)time_text(feature->clock_ms, at);
    (void)snprintf(line, sizeof line,
                   "%s is %s in Redis, but its %" PRIu64 " records say %s (lane %s, parser %s, window %s, folded as of %s); %s",
                   audit_text(sample, feature->key), is, feature->records, should, lane->name,
                   lane->metrics[feature->metric].name, lane->windows[feature->window].settings.name,
                   at,
                   feature->otherwise ? "this host wrote something else from them: is a plugin not the same each time?"
                                      : "this host wrote what they say: who else writes there, or did Redis lose it?");
    log_limited(&audit->wrong, LOG_LEVEL_ERROR, "audit: %s", line);
    (void)pthread_mutex_lock(&audit->lock);
    memcpy(audit->evidence[audit->counters.mismatches++ % AUDIT_EVIDENCE_MAX], line, sizeof line);
    (void)pthread_mutex_unlock(&audit->lock);
}

/* ---- one key ---- */

/* False: nobody answered. */
static bool look_again(struct audit *audit, int worker, const struct audit_feature *feature)
{
    if (!engine_ask(audit->engine, worker, take_again, audit, ASK_MS))
        return false;
    const struct audit_feature *still = same_feature(audit, feature);
    if (still == NULL)
        return true; /* it was on its way */
    redisReply *reply = read_key(audit, audit_text(&audit->again, still->key), still->key_size);
    if (reply == NULL)
        return false;
    if (!agrees(reply, &audit->again, still))
        note(audit, still, reply);
    freeReplyObject(reply);
    return true;
}

static bool look(struct audit *audit, uint64_t random)
{
    struct taking taking = {audit, random >> 8};
    int worker = (int)(random % (uint64_t)engine_workers(audit->engine));
    if (!engine_ask(audit->engine, worker, take, &taking, ASK_MS))
        return false;
    bool good = true;
    for (size_t i = 0; good && i < audit->sample.count; i++) {
        const struct audit_feature *feature = &audit->sample.features[i];
        redisReply *reply = read_key(audit, audit_text(&audit->sample, feature->key), feature->key_size);
        if (reply == NULL)
            return false;
        if (!agrees(reply, &audit->sample, feature))
            good = look_again(audit, worker, feature);
        freeReplyObject(reply);
    }
    return good;
}

static bool pause_for(struct audit *audit, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    (void)pthread_mutex_lock(&audit->lock);
    while (!audit->stopping && pthread_cond_timedwait(&audit->changed, &audit->lock, &until) == 0)
        continue;
    bool go_on = !audit->stopping;
    (void)pthread_mutex_unlock(&audit->lock);
    return go_on;
}

static void *run(void *argument)
{
    struct audit *audit = argument;
    uint64_t number = 0;
    while (pause_for(audit, audit->settings.every_ms)) {
        number++;
        bool good = look(audit, hash_seeded((const char *)&number, sizeof number, audit->settings.seed));
        (void)pthread_mutex_lock(&audit->lock);
        if (!good)
            audit->counters.failed++;
        if (good && !audit->sample.empty) {
            audit->counters.keys++;
            audit->counters.features += audit->sample.count;
            audit->counters.passed_over += audit->sample.passed_over;
            audit->counters.by_clock += audit->sample.by_clock;
        }
        (void)pthread_mutex_unlock(&audit->lock);
    }
    return NULL;
}

/* ---- from outside ---- */

struct audit *audit_start(struct engine *engine, const struct audit_settings *settings)
{
    struct audit *audit = memory_new(sizeof *audit);
    pthread_condattr_t monotonic;
    audit->engine = engine;
    audit->settings = *settings;
    audit->away.every_ms = 60000;
    audit->wrong.every_ms = 1000;
    (void)pthread_mutex_init(&audit->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&audit->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&audit->thread, NULL, run, audit) == 0)
        return audit;
    log_warn("no thread for the audit: it is left out");
    (void)pthread_cond_destroy(&audit->changed);
    (void)pthread_mutex_destroy(&audit->lock);
    free(audit);
    return NULL;
}

void audit_stop(struct audit *audit)
{
    if (audit == NULL)
        return;
    (void)pthread_mutex_lock(&audit->lock);
    audit->stopping = true;
    (void)pthread_cond_signal(&audit->changed);
    (void)pthread_mutex_unlock(&audit->lock);
    (void)pthread_join(audit->thread, NULL);
    if (audit->context != NULL)
        redisFree(audit->context);
    audit_sample_free(&audit->sample);
    audit_sample_free(&audit->again);
    (void)pthread_cond_destroy(&audit->changed);
    (void)pthread_mutex_destroy(&audit->lock);
    free(audit);
}

void audit_count(struct audit *audit, struct audit_counters *counters)
{
    (void)pthread_mutex_lock(&audit->lock);
    *counters = audit->counters;
    (void)pthread_mutex_unlock(&audit->lock);
}

void audit_tell(struct audit *audit, struct buffer *out)
{
    (void)pthread_mutex_lock(&audit->lock);
    const struct audit_counters *now = &audit->counters;
    buffer_printf(out,
                  "audit: %" PRIu64 " features of %" PRIu64 " keys compared with Redis, %" PRIu64 " wrong\n"
                  "  passed over: %" PRIu64 " windows on the move or too big, %" PRIu64 " parsers that depend on the clock; no answer "
                  "for %" PRIu64 " keys\n",
                  now->features, now->keys, now->mismatches, now->passed_over, now->by_clock, now->failed);
    for (uint64_t back = 1; back <= now->mismatches && back <= AUDIT_EVIDENCE_MAX; back++)
        buffer_printf(out, "  %s\n", audit->evidence[(now->mismatches - back) % AUDIT_EVIDENCE_MAX]);
    (void)pthread_mutex_unlock(&audit->lock);
}
