/* dead_letters.c - see dead_letters.h. A letter is made in one buffer under the lock and leaves from there: by one write to
 * the file, by one fwrite to the stream, as a whole line to standard error, or as a copy into the producer's queue. What could not leave is counted, never
 * waited for: a broker that is away must not stop the stream of good events. */
#include "sink/dead_letters.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/standard_error.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SAY_EVERY_MS 60000
#define FULL_WAIT_MS 20   /* for room in the producer's queue */
#define FULL_REST_MS 1000 /* after that was in vain: how long not to wait again */
#define PURGE_MS     1000

struct dead_letters {
    pthread_mutex_t lock;
    uint64_t counts[BAD_REASONS];
    uint64_t lost; /* atomic: delivery reports come without the lock */
    struct buffer line;
    struct log_limit losses, waits;
    /* where to: one of them; none: standard error */
    FILE *stream;
    int file; /* -1: none */
    rd_kafka_t *producer;
    rd_kafka_topic_t *topic;
    char *place;       /* for messages: file letters.jsonl */
    bool torn;         /* the file ends within a line */
    int64_t rested_ms; /* don't wait for room in the queue before this time */
};

static struct dead_letters *letters_new(const char *kind, const char *place)
{
    struct dead_letters *letters = memory_new(sizeof *letters);
    (void)pthread_mutex_init(&letters->lock, NULL);
    letters->file = -1;
    letters->place = memory_format("%s %s", kind, place);
    letters->losses.every_ms = letters->waits.every_ms = SAY_EVERY_MS;
    return letters;
}

static void letters_free(struct dead_letters *letters)
{
    if (letters->file >= 0)
        (void)close(letters->file);
    (void)pthread_mutex_destroy(&letters->lock);
    buffer_free(&letters->line);
    free(letters->place);
    free(letters);
}

struct dead_letters *dead_letters_on(void *stream)
{
    struct dead_letters *letters = letters_new("an open", "stream");
    letters->stream = stream;
    return letters;
}

static struct dead_letters *file_open(const char *path, struct error *error)
{
    struct dead_letters *letters = letters_new("file", path);
    letters->file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0600); /* it may be a pipe */
    if (letters->file >= 0)
        return letters;
    error_what(error, "dead letters can't be appended to \"%s\"", path);
    error_found(error, "%s", errno == ENXIO ? "it is a pipe, and nobody reads it" : strerror(errno));
    error_advice(error, "name a file in a folder that exists and that this user may write to");
    letters_free(letters);
    return NULL;
}

static void count_lost(struct dead_letters *letters, const char *why)
{
    (void)__atomic_add_fetch(&letters->lost, 1, __ATOMIC_RELAXED);
    log_limited(&letters->losses, LOG_LEVEL_ERROR, "a dead letter to %s is lost: %s", letters->place, why);
}

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    (void)producer;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        count_lost(opaque, rd_kafka_err2str(message->err));
}

static void producer_trouble(rd_kafka_t *producer, int code, const char *reason, void *opaque)
{
    (void)producer;
    (void)code;
    struct dead_letters *letters = opaque;
    log_limited(&letters->waits, LOG_LEVEL_WARN, "dead letters to %s wait: %s", letters->place, reason);
}

/* librdkafka's own lines, but for the one that says that the source's properties are a consumer's. */
static void producer_log(const rd_kafka_t *producer, int level, const char *facility, const char *text)
{
    (void)producer;
    if (level <= 4 && strcmp(facility, "CONFWARN") != 0)
        log_debug("dead letters: librdkafka: %s: %s", facility, text);
}

static bool property_set(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *error)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_INVALID)
        return true; /* unknown ones are the source's to refuse */
    error_what(error, "the producer of dead letters can't be made: property %s of the source does not fit", name);
    error_found(error, "%s", why);
    error_advice(error, "correct the property");
    return false;
}

static rd_kafka_conf_t *producer_conf(const struct kafka_settings *kafka, struct dead_letters *letters,
                                      struct error *error)
{
    /* Defaults of ours that the source's properties may change: a letter holds a message whole, so it is larger than what
     * producers usually allow; the broker judges a batch by its compressed size. */
    static const char *const defaults[][2] = {
        {"message.max.bytes", "100000000"},
        {"compression.type", "lz4"},
        {"queue.buffering.max.kbytes", "131072"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = true;
    for (size_t i = 0; ok && i < sizeof defaults / sizeof *defaults; i++)
        ok = property_set(conf, defaults[i][0], defaults[i][1], error);
    for (size_t i = 0; ok && i < kafka->property_count; i++)
        ok = property_set(conf, kafka->properties[i].name, kafka->properties[i].value, error);
    ok = ok && property_set(conf, "bootstrap.servers", kafka->brokers, error);
    if (!ok) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_opaque(conf, letters);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_error_cb(conf, producer_trouble);
    rd_kafka_conf_set_log_cb(conf, producer_log);
    return conf;
}

static struct dead_letters *topic_open(const char *topic, const struct kafka_settings *kafka, struct error *error)
{
    char why[256];
    struct dead_letters *letters = letters_new("topic", topic);
    rd_kafka_conf_t *conf = producer_conf(kafka, letters, error);
    if (conf != NULL) {
        letters->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
        if (letters->producer != NULL) {
            letters->topic = rd_kafka_topic_new(letters->producer, topic, NULL);
            if (letters->topic != NULL)
                return letters;
            (void)snprintf(why, sizeof why, "%s", rd_kafka_err2str(rd_kafka_last_error()));
            rd_kafka_destroy(letters->producer);
        } else {
            rd_kafka_conf_destroy(conf);
        }
        error_what(error, "the producer of dead letters to topic \"%s\" can't be made", topic);
        error_found(error, "%s", why);
        error_advice(error, "correct the source's properties, or send dead letters to a file");
    }
    letters_free(letters);
    return NULL;
}

struct dead_letters *dead_letters_open(const struct dead_letter_settings *settings, const struct kafka_settings *kafka,
                                       struct error *error)
{
    switch (settings->kind) {
    case LETTERS_FILE: return file_open(settings->file, error);
    case LETTERS_TOPIC: return topic_open(settings->topic, kafka, error);
    case LETTERS_STDERR: break;
    }
    return letters_new("standard", "error");
}

static void file_put(struct dead_letters *letters)
{
    const struct buffer *line = &letters->line;
    size_t done = letters->torn ? 0 : 1; /* the line begins with a newline, for a file that ends within one */
    bool begun = false;
    while (done < line->size) {
        ssize_t size = write(letters->file, line->data + done, line->size - done);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0) {
            letters->torn = letters->torn || begun;
            count_lost(letters, size == 0         ? "nothing could be written"
                                : errno == EAGAIN ? "it is a pipe, and who reads it does not keep up"
                                                  : strerror(errno));
            return;
        }
        done += (size_t)size;
        begun = true;
    }
    letters->torn = false;
}

static void stream_put(struct dead_letters *letters)
{
    size_t size = letters->line.size - 1;
    if (fwrite(letters->line.data + 1, 1, size, letters->stream) != size || fflush(letters->stream) != 0) {
        count_lost(letters, strerror(errno));
        clearerr(letters->stream);
    }
}

static void standard_error_letter(struct dead_letters *letters)
{
    if (!standard_error_put(letters->line.data + 1, letters->line.size - 1))
        count_lost(letters, "nobody reads it");
}

static rd_kafka_resp_err_t produce(const struct dead_letters *letters)
{
    /* without the newlines around it */
    return rd_kafka_produce(letters->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, letters->line.data + 1,
                            letters->line.size - 2, NULL, 0, NULL) == 0
               ? RD_KAFKA_RESP_ERR_NO_ERROR
               : rd_kafka_last_error();
}

static void topic_put(struct dead_letters *letters)
{
    rd_kafka_resp_err_t err = produce(letters);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        int64_t now_ms = time_monotonic_ms();
        (void)rd_kafka_poll(letters->producer, now_ms < letters->rested_ms ? 0 : FULL_WAIT_MS);
        err = produce(letters);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && now_ms >= letters->rested_ms)
            letters->rested_ms = now_ms + FULL_REST_MS;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        count_lost(letters, rd_kafka_err2str(err));
    (void)rd_kafka_poll(letters->producer, 0);
}

void dead_letters_put(struct dead_letters *letters, const struct bad_row *bad, sl_view payload)
{
    (void)pthread_mutex_lock(&letters->lock);
    letters->counts[bad->reason]++;
    buffer_reset(&letters->line);
    buffer_byte(&letters->line, '\n');
    bad_row_write(bad, payload, SHOPLANE_VERSION, &letters->line);
    buffer_byte(&letters->line, '\n');
    if (letters->producer != NULL)
        topic_put(letters);
    else if (letters->file >= 0)
        file_put(letters);
    else if (letters->stream != NULL)
        stream_put(letters);
    else
        standard_error_letter(letters);
    (void)pthread_mutex_unlock(&letters->lock);
}

uint64_t dead_letters_counts(struct dead_letters *letters, uint64_t counts[BAD_REASONS])
{
    uint64_t sum = 0;
    (void)pthread_mutex_lock(&letters->lock);
    for (size_t i = 0; i < BAD_REASONS; i++) {
        counts[i] = letters->counts[i];
        sum += counts[i];
    }
    (void)pthread_mutex_unlock(&letters->lock);
    return sum;
}

uint64_t dead_letters_lost(struct dead_letters *letters)
{
    if (letters->producer != NULL)
        (void)rd_kafka_poll(letters->producer, 0); /* reports that came since the last letter */
    return __atomic_load_n(&letters->lost, __ATOMIC_RELAXED);
}

void dead_letters_close(struct dead_letters *letters, int timeout_ms)
{
    if (letters == NULL)
        return;
    if (letters->producer != NULL) {
        if (rd_kafka_flush(letters->producer, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)rd_kafka_purge(letters->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
            (void)rd_kafka_flush(letters->producer, PURGE_MS); /* their reports count them as lost */
        }
        rd_kafka_topic_destroy(letters->topic);
        rd_kafka_destroy(letters->producer);
    }
    if (letters->lost != 0)
        log_error("%llu dead letters to %s were lost in all", (unsigned long long)letters->lost, letters->place);
    letters_free(letters);
}
