/* kafka_start.c - which partitions a topic has, and where to start in each: asked of the brokers before anything is read.
 *
 * What durable state wants is compared with what there is. A wanted offset below a partition's first message: retention
 * deleted what lies between. One beyond its end, or fewer partitions than there were: the topic is not the one that was
 * read, it was deleted and made anew (or a broker came back without its newest messages, which can't be told apart). In a
 * topic that was made anew no wanted offset means anything, so every partition whose log begins at 0, as that of a new
 * topic does, then starts there. */
#include "ingest/kafka_internal.h"

#include "base/memory.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNKNOWN_TOPIC_MS 1000 /* a topic just made may not be known everywhere: ask for this long */
#define PAUSE_MS         100
#define STAMPS_MS        3000 /* to learn from when messages are, for an error that is told anyway, or a clock that is ahead */
#define WAIT_SAID_MS     10000

static int64_t start_time(const struct kafka_settings *settings)
{
    switch (settings->start) {
    case START_EARLIEST: return KAFKA_TIME_EARLIEST;
    case START_LATEST: return KAFKA_TIME_LATEST;
    case START_TIME: break;
    }
    return settings->start_ms < 0 ? 0 : settings->start_ms;
}

/* --- what would be lost --------------------------------------------------------------------------------------------- */

struct losses {
    int32_t partitions;
    int64_t messages;    /* that are known to be lost */
    bool another;        /* topic than the one that was read */
    struct error *error; /* its found is filled with as many lines as fit */
    size_t used, left_out;
};

static void add_line(struct losses *losses, const char *topic, const char *line)
{
    char *found = losses->error->found;
    size_t size = sizeof losses->error->found, length = strlen(line);
    losses->partitions++;
    log_warn("topic %s, %s", topic, line);
    if (losses->used + length + 48 > size) { /* room for saying how many are left out */
        losses->left_out++;
        (void)snprintf(found + losses->used, size - losses->used, "; and %zu more, see the log", losses->left_out);
        return;
    }
    losses->used +=
        (size_t)snprintf(found + losses->used, size - losses->used, "%s%s", losses->used == 0 ? "" : "; ", line);
}

/* Extents with first stamps where something is missing. `count` partitions are there. */
static void find_losses(const struct kafka_reader *reader, const struct kafka_positions *positions,
                        const struct kafka_extent *extents, int32_t count, struct losses *losses)
{
    char line[256], when[KAFKA_WHEN_MAX];
    for (int32_t p = 0; p < positions->count; p++) {
        long long next = positions->next[p];
        if (next < 0)
            continue;
        if (p >= count) {
            (void)snprintf(line, sizeof line, "partition %d: read up to offset %lld, it is not there any more", p, next);
        } else if (next < extents[p].low) {
            int64_t lost = extents[p].low - next;
            losses->messages += lost;
            (void)snprintf(line, sizeof line, "partition %d: %lld messages (offsets %lld to %lld) were deleted, %s", p,
                           (long long)lost, next, (long long)extents[p].low - 1, kafka_when(&extents[p], when));
        } else if (next > extents[p].high) {
            (void)snprintf(line, sizeof line,
                           "partition %d: offset %lld is wanted and its log has %lld to %lld; what followed in the "
                           "former one can't be told",
                           p, next, (long long)extents[p].low, (long long)extents[p].high);
        } else
            continue;
        losses->another = losses->another || p >= count || next > extents[p].high;
        add_line(losses, reader->topic, line);
    }
}

static void refuse(const struct kafka_reader *reader, const struct losses *losses, struct error *error)
{
    char found[sizeof error->found];
    memcpy(found, error->found, sizeof found);
    if (losses->another)
        error_what(error,
                   "the Kafka topic %s is not the one that was read before: it was made anew or cut; in %d of its "
                   "partitions messages are missing",
                   reader->topic, losses->partitions);
    else
        error_what(error, "Kafka has deleted %lld messages of topic %s that were not read yet, in %d of its partitions",
                   (long long)losses->messages, reader->topic, losses->partitions);
    error_found(error, "%s", found);
    error_advice(error,
                 "to go on without them, at the earliest messages there are%s, start once with --accept-loss, or set "
                 "on_loss = \"continue\" for always",
                 losses->another ? " (of a topic made anew: at its beginning)" : "");
}

/* Sets list's offsets, which are the configured start's. */
static void place(const struct kafka_positions *positions, const struct kafka_extent *extents, bool another,
                  rd_kafka_topic_partition_list_t *list)
{
    for (int32_t p = 0; p < list->cnt; p++) {
        int64_t next = p < positions->count ? positions->next[p] : extents[p].low;
        if (next < 0)
            continue;
        bool anew = another && (extents[p].low == 0 || next > extents[p].high);
        list->elems[p].offset = anew || next < extents[p].low ? extents[p].low : next;
    }
}

/* What the last messages say that were read before. */
static int64_t find_last_stamp(struct kafka_reader *reader, const struct kafka_positions *positions,
                               const struct kafka_extent *extents, int32_t count)
{
    int64_t *last = memory_new((size_t)count * sizeof *last), *stamps_ms = memory_new((size_t)count * sizeof *stamps_ms);
    int64_t newest_ms = KAFKA_NO_STAMP;
    for (int32_t p = 0; p < count; p++) {
        int64_t next = p < positions->count ? positions->next[p] : -1;
        last[p] = next > extents[p].low && next <= extents[p].high ? next - 1 : -1;
    }
    kafka_find_stamps(reader, count, last, stamps_ms, time_monotonic_ms() + STAMPS_MS);
    for (int32_t p = 0; p < count; p++)
        newest_ms = stamps_ms[p] > newest_ms ? stamps_ms[p] : newest_ms;
    free(last);
    free(stamps_ms);
    return newest_ms;
}

/* An error of Kafka's is returned; of losses, put in *error. */
static rd_kafka_resp_err_t honour(struct kafka_reader *reader, const struct kafka_settings *settings,
                                  const struct kafka_positions *positions, rd_kafka_topic_partition_list_t *list,
                                  int64_t deadline_ms, struct error *error, bool *refused)
{
    int32_t count = list->cnt;
    struct kafka_extent *extents = memory_new((size_t)count * sizeof *extents);
    rd_kafka_resp_err_t err = kafka_find_extents(reader, count, extents, deadline_ms);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        bool *cut = memory_new((size_t)count * sizeof *cut);
        for (int32_t p = 0; p < count && p < positions->count; p++)
            cut[p] = positions->next[p] >= 0 && positions->next[p] < extents[p].low;
        kafka_find_first_stamps(reader, count, cut, extents, time_monotonic_ms() + STAMPS_MS);
        free(cut);
        struct losses losses = {.error = error};
        error->found[0] = 0;
        find_losses(reader, positions, extents, count, &losses);
        *refused = losses.partitions != 0 && !positions->accept_loss && settings->on_loss != LOSS_CONTINUE;
        if (*refused)
            refuse(reader, &losses, error);
        else
            place(positions, extents, losses.another, list);
        if (!*refused)
            atomic_store(&kafka_source_of(reader)->lost, (uint64_t)losses.messages);
        if (!*refused && positions->want_stamp)
            kafka_source_of(reader)->last_stamp_ms = find_last_stamp(reader, positions, extents, count);
        if (!*refused && losses.partitions != 0)
            log_warn("topic %s: loss is accepted, reading goes on at the %s", reader->topic,
                     losses.another ? "beginning of the topic as it is now" : "earliest messages there are");
    }
    free(extents);
    return err;
}

/* --- asking --------------------------------------------------------------------------------------------------------- */

static rd_kafka_resp_err_t try_to_start(struct kafka_reader *reader, const struct kafka_settings *settings,
                                        const struct kafka_positions *positions, int64_t deadline_ms,
                                        rd_kafka_topic_partition_list_t **list, struct error *error, bool *refused)
{
    rd_kafka_resp_err_t err;
    int32_t count = kafka_count_partitions(reader, kafka_left_ms(deadline_ms), &err);
    if (count == 0)
        return err;
    *list = kafka_partition_list(reader, 0, count);
    err = kafka_find_offsets(reader, *list, start_time(settings), deadline_ms);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && positions != NULL)
        err = honour(reader, settings, positions, *list, deadline_ms, error, refused);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR && !*refused)
        return err;
    rd_kafka_topic_partition_list_destroy(*list);
    *list = NULL;
    return err;
}

/* True: told to stop. */
static bool wait_on(struct kafka_reader *reader, const struct kafka_settings *settings, rd_kafka_resp_err_t err,
                    const volatile bool *stop, struct log_limit *limit, struct error *error)
{
    struct error why;
    kafka_explain(reader, settings, err, &why);
    if (stop != NULL && *stop) {
        error_what(error, "told to stop while waiting for Kafka topic %s", reader->topic);
        error_found(error, "%s", why.what);
        return true;
    }
    bool no_topic = kafka_error_no_topic(err);
    log_limited(limit, LOG_LEVEL_WARN, "waiting for Kafka: %s (brokers %s); trying on",
                no_topic ? why.what : rd_kafka_err2str(err), settings->brokers);
    return false;
}

rd_kafka_topic_partition_list_t *kafka_start(struct kafka_reader *reader, const struct kafka_settings *settings,
                                             const struct kafka_positions *positions, const volatile bool *stop,
                                             struct error *error)
{
    int64_t begun_ms = time_monotonic_ms();
    struct log_limit limit = {.every_ms = WAIT_SAID_MS};
    for (;;) {
        rd_kafka_topic_partition_list_t *list = NULL;
        bool refused = false;
        int64_t deadline_ms = (settings->wait ? time_monotonic_ms() : begun_ms) + settings->connect_timeout_ms;
        rd_kafka_resp_err_t err = try_to_start(reader, settings, positions, deadline_ms, &list, error, &refused);
        if (list != NULL || refused)
            return list;
        bool no_topic = kafka_error_no_topic(err);
        bool may_pass = no_topic || kafka_error_passing(err);
        if (settings->wait && may_pass) {
            if (wait_on(reader, settings, err, stop, &limit, error))
                return NULL;
        } else if (!may_pass || time_monotonic_ms() >= deadline_ms ||
                   (no_topic && time_monotonic_ms() >= begun_ms + UNKNOWN_TOPIC_MS)) {
            kafka_explain(reader, settings, err, error);
            return NULL;
        }
        kafka_pause_ms(PAUSE_MS);
    }
}
