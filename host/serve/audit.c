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
#define EVIDENCE_SIZE 2048 /* bytes of one line */
#define SHOWN_BYTES   120  /* of a value in it */
#define SETTLE_MS     5000 /* after Redis was away: it may be another one, and be written anew */

struct audit {
    struct engine *engine;
    struct audit_settings settings;
    pthread_t thread;
    redisContext *context; /* NULL: not connected */
    bool was_away;         /* since it was connected last */
    int64_t settled_ms;    /* monotonic: nothing is compared before */
    struct log_limit away, wrong, missing;
    struct audit_sample sample, again;
    bool *doubted; /* by lane and parser: it was named */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool stopping;
    struct audit_counters counters;
    uint64_t told;                                    /* lines of evidence so far */
    char evidence[AUDIT_EVIDENCE_MAX][EVIDENCE_SIZE]; /* a ring; the newest at (told - 1) % AUDIT_EVIDENCE_MAX */
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

struct repair {
    struct audit *audit;
    uint32_t windows;  /* those of which something is missing */
    uint32_t repaired; /* those that are written again */
};

static void repair(struct worker *worker, void *context)
{
    struct repair *repair = context;
    const struct audit_sample *again = &repair->audit->again;
    repair->repaired = audit_sample_repair(again, &worker->shard, repair->windows);
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

static void keep_evidence(struct audit *audit, const char line[EVIDENCE_SIZE], bool mismatch)
{
    (void)pthread_mutex_lock(&audit->lock);
    audit->counters.mismatches += mismatch;
    memcpy(audit->evidence[audit->told++ % AUDIT_EVIDENCE_MAX], line, EVIDENCE_SIZE);
    (void)pthread_mutex_unlock(&audit->lock);
}

/* A plugin breaks its promise in the same way for every key: it is named once. */
static void note_doubts(struct audit *audit)
{
    for (size_t i = 0; i < audit->sample.doubt_count; i++) {
        const struct audit_doubt *doubt = &audit->sample.doubts[i];
        bool *doubted = &audit->doubted[doubt->lane * METRICS_MAX + doubt->metric];
        struct error error;
        char line[EVIDENCE_SIZE];
        if (*doubted)
            continue;
        *doubted = true;
        fold_finding_tell(&doubt->finding, &audit->settings.set->lanes[doubt->lane], doubt->metric,
                          audit_text(&audit->sample, doubt->key), &error);
        (void)snprintf(line, sizeof line, "%s%s%s; do this: %s", error.what, error.found[0] == '\0' ? "" : ": ", error.found,
                       error.advice);
        log_error("audit: %s", line);
        keep_evidence(audit, line, false);
    }
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
                                      : "this host wrote what they say: who else writes there?");
    log_limited(&audit->wrong, LOG_LEVEL_ERROR, "audit: %s", line);
    keep_evidence(audit, line, true);
}

/* ---- one key ---- */

/* What Redis has of a feature of this sample. False: nobody answered. */
static bool compare(struct audit *audit, const struct audit_sample *sample, const struct audit_feature *feature,
                    redisReply **reply, bool *same)
{
    *reply = read_key(audit, audit_text(sample, feature->key), feature->key_size);
    *same = *reply != NULL && agrees(*reply, sample, feature);
    return *reply != NULL;
}

/* What was evicted or deleted, of windows that have not been written meanwhile, is written again. */
static bool write_again(struct audit *audit, int worker, const uint32_t missing[WINDOWS_MAX], const char *example)
{
    struct repair asked = {.audit = audit};
    uint64_t features = 0;
    for (size_t w = 0; w < WINDOWS_MAX; w++)
        asked.windows |= (missing[w] > 0 ? 1u : 0u) << w;
    if (asked.windows == 0)
        return true;
    if (!engine_ask(audit->engine, worker, repair, &asked, ASK_MS))
        return false;
    for (size_t w = 0; w < WINDOWS_MAX; w++)
        features += (asked.repaired >> w & 1u) != 0 ? missing[w] : 0;
    (void)pthread_mutex_lock(&audit->lock);
    uint64_t all = audit->counters.repaired += features;
    (void)pthread_mutex_unlock(&audit->lock);
    if (features > 0)
        log_limited(&audit->missing, LOG_LEVEL_WARN,
                    "audit: %s was not in Redis any more, and is written again, as %" PRIu64 " features were so far; do this: if "
                    "nobody deletes keys there, Redis evicts them: give it more memory (maxmemory)", example, all);
    return true;
}

/* Those in the first sample that did not agree, once more. False: nobody answered. */
static bool look_again(struct audit *audit, int worker, const bool *differs)
{
    uint32_t missing[WINDOWS_MAX] = {0};
    const char *example = "";
    if (!engine_ask(audit->engine, worker, take_again, audit, ASK_MS))
        return false;
    for (size_t i = 0; i < audit->sample.count; i++) {
        const struct audit_feature *still = differs[i] ? same_feature(audit, &audit->sample.features[i]) : NULL;
        redisReply *reply;
        bool same;
        if (still == NULL)
            continue; /* it agreed, or was on its way */
        if (!compare(audit, &audit->again, still, &reply, &same))
            return false;
        if (!same && reply->type == REDIS_REPLY_NIL && !still->otherwise) {
            missing[still->window]++;
            example = audit_text(&audit->again, still->key);
        } else if (!same) {
            note(audit, still, reply);
        }
        freeReplyObject(reply);
    }
    return write_again(audit, worker, missing, example);
}

static bool look(struct audit *audit, uint64_t random)
{
    struct taking taking = {audit, random >> 8};
    int worker = (int)(random % (uint64_t)engine_workers(audit->engine));
    if (!engine_ask(audit->engine, worker, take, &taking, ASK_MS))
        return false;
    note_doubts(audit);
    bool *differs = memory_new((audit->sample.count + 1) * sizeof *differs), any = false, good = true;
    for (size_t i = 0; good && i < audit->sample.count; i++) {
        redisReply *reply;
        bool same;
        good = compare(audit, &audit->sample, &audit->sample.features[i], &reply, &same);
        differs[i] = good && !same;
        any = any || differs[i];
        if (good)
            freeReplyObject(reply);
    }
    if (good && any)
        good = look_again(audit, worker, differs);
    free(differs);
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
            audit->counters.impure += audit->sample.impure;
            audit->counters.stale += audit->sample.stale;
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
    audit->missing.every_ms = 10000;
    audit->doubted = memory_new((settings->set->lane_count + 1) * METRICS_MAX * sizeof *audit->doubted);
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
    free(audit->doubted);
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
    free(audit->doubted);
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
                  "audit: %" PRIu64 " features of %" PRIu64 " keys compared with Redis, %" PRIu64 " wrong, %" PRIu64
                  " missing and written again\n"
                  "  passed over: %" PRIu64 " windows on the move or too big; parsers that did not say the same twice %" PRIu64
                  " times, that went by the clock between two ages %" PRIu64 " times; no answer for %" PRIu64 " keys\n",
                  now->features, now->keys, now->mismatches, now->repaired, now->passed_over, now->impure, now->stale, now->failed);
    for (uint64_t back = 1; back <= audit->told && back <= AUDIT_EVIDENCE_MAX; back++)
        buffer_printf(out, "  %s\n", audit->evidence[(audit->told - back) % AUDIT_EVIDENCE_MAX]);
    (void)pthread_mutex_unlock(&audit->lock);
}
