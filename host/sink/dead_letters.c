/* dead_letters.c - see dead_letters.h. A letter is made in one buffer under the lock and leaves from there: by one write to
 * the file, by one fwrite to the stream, as a whole line to standard error, or as a copy into the producer's queue. What could
 * not leave is counted, never waited for: a broker that is away must not stop the stream of good events. A topic's limit is one
 * of whole batches: what is refused as too large is sent once more, each letter alone. */
#include "sink/dead_letters.h"

#include "base/buffer.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/standard_error.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
    pthread_mutex_t alone_lock;  /* of what follows, until it is there */
    rd_kafka_conf_t *alone_conf; /* NULL: `alone` is there, or can't be made */
    rd_kafka_t *alone;           /* for letters whose batch was too large for the topic: each in a batch of its own */
    rd_kafka_topic_t *alone_topic;
    char *place;       /* for messages: file letters.jsonl */
    bool torn;         /* the file ends within a line */
    bool patient;      /* for who reads the file, if it is a pipe */
    int64_t rested_ms; /* don't wait for room in the queue before this time */
};

static struct dead_letters *letters_new(const char *kind, const char *place)
{
    struct dead_letters *letters = memory_new(sizeof *letters);
    (void)pthread_mutex_init(&letters->lock, NULL);
    (void)pthread_mutex_init(&letters->alone_lock, NULL);
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
    (void)pthread_mutex_destroy(&letters->alone_lock);
    if (letters->alone_conf != NULL)
        rd_kafka_conf_destroy(letters->alone_conf);
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

/* The message that a letter is about, and how large the letter is. */
struct about {
    int32_t partition;
    int64_t offset;
    size_t size;
};

void dead_letters_wait(struct dead_letters *letters) { letters->patient = true; }

static void count_lost(struct dead_letters *letters, const struct about *about, const char *why, const char *advice)
{
    (void)__atomic_add_fetch(&letters->lost, 1, __ATOMIC_RELAXED);
    log_limited(&letters->losses, LOG_LEVEL_ERROR, "a dead letter to %s is lost: %s; found: a letter of %zu bytes about the message of "
                "partition %d, offset %lld%s%s",
                letters->place, why, about->size, (int)about->partition, (long long)about->offset,
                advice[0] == '\0' ? "" : "; do this: ", advice);
}

/* What to do where the topic does not take it. */
static const char *topic_advice(rd_kafka_resp_err_t err)
{
    switch ((int)err) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return "raise max.message.bytes of the topic: a letter holds its message whole, in quotes";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return "allow WRITE and DESCRIBE on the topic (kafka-acls.sh --add --allow-principal ... --producer --topic ...)";
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return "make the topic again, or name another one";
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT: return "see that the brokers are in reach, and take what is written to the topic";
    default: return "";
    }
}

/* NULL: it can't be made. */
static rd_kafka_topic_t *alone_topic(struct dead_letters *letters)
{
    char why[256];
    (void)pthread_mutex_lock(&letters->alone_lock);
    if (letters->alone_conf != NULL) {
        letters->alone = rd_kafka_new(RD_KAFKA_PRODUCER, letters->alone_conf, why, sizeof why);
        if (letters->alone == NULL)
            rd_kafka_conf_destroy(letters->alone_conf);
        letters->alone_conf = NULL;
    }
    if (letters->alone != NULL && letters->alone_topic == NULL)
        letters->alone_topic = rd_kafka_topic_new(letters->alone, rd_kafka_topic_name(letters->topic), NULL);
    rd_kafka_topic_t *topic = letters->alone_topic;
    (void)pthread_mutex_unlock(&letters->alone_lock);
    return topic;
}

/* The broker refuses a batch whole. Is it this letter that is too large? */
static bool send_alone(struct dead_letters *letters, const rd_kafka_message_t *message)
{
    rd_kafka_topic_t *topic = alone_topic(letters);
    return topic != NULL && rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, message->payload, message->len, NULL,
                                             0, message->_private) == 0;
}

static void delivered(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
    struct dead_letters *letters = opaque;
    if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && producer == letters->producer && send_alone(letters, message))
        return;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        count_lost(letters, message->_private, rd_kafka_err2str(message->err), topic_advice(message->err));
    free(message->_private);
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
        letters->alone_conf = rd_kafka_conf_dup(conf);
        (void)rd_kafka_conf_set(letters->alone_conf, "batch.num.messages", "1", why, sizeof why);
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

/* ---- is the topic there ---- */

#define NEW_TOPIC_MS 2000 /* one that the broker makes because we ask for it */
#define ASK_MS       1000
#define PAUSE_MS     100
#define WAIT_SAID_MS 10000

static rd_kafka_resp_err_t ask_for_topic(const struct dead_letters *letters)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t err = rd_kafka_metadata(letters->producer, 0, letters->topic, &metadata, ASK_MS);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return RD_KAFKA_RESP_ERR__TRANSPORT;
    err = metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
    rd_kafka_metadata_destroy(metadata);
    return err;
}

static void explain_topic(const struct dead_letters *letters, rd_kafka_resp_err_t err, const struct kafka_settings *kafka,
                          struct error *error)
{
    const char *topic = rd_kafka_topic_name(letters->topic);
    if (err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        error_what(error, "not allowed to write dead letters to the Kafka topic %s", topic);
        error_advice(error, "%s", topic_advice(err));
    } else {
        error_what(error, "Kafka has no topic %s for the dead letters", topic);
        error_advice(error,
                     "check dead_letters.topic, or make it: kafka-topics.sh --create --topic %s --partitions 1 --config "
                     "max.message.bytes=4000000; or send them to a file: dead_letters: { file = \"...\"; };",
                     topic);
    }
    error_found(error, "brokers %s; %s", kafka->brokers, rd_kafka_err2str(err));
}

bool dead_letters_ready(struct dead_letters *letters, const struct kafka_settings *kafka, const volatile bool *stop,
                        struct error *error)
{
    int64_t begun_ms = time_monotonic_ms();
    struct log_limit limit = {.every_ms = WAIT_SAID_MS};
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    while (letters->producer != NULL) {
        rd_kafka_resp_err_t err = ask_for_topic(letters);
        bool missing = err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
        if (!missing && err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
            break;
        if (*stop) {
            error_what(error, "%s", "");
            return false;
        }
        explain_topic(letters, err, kafka, error);
        if (!kafka->wait && (!missing || time_monotonic_ms() - begun_ms >= NEW_TOPIC_MS))
            return false;
        if (kafka->wait)
            log_limited(&limit, LOG_LEVEL_WARN, "waiting for Kafka: %s; do this: %s; trying on", error->what, error->advice);
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

/* ---- putting ---- */

static void file_put(struct dead_letters *letters, const struct about *about)
{
    const struct buffer *line = &letters->line;
    size_t done = letters->torn ? 0 : 1; /* the line begins with a newline, for a file that ends within one */
    bool begun = false;
    while (done < line->size) {
        ssize_t size = write(letters->file, line->data + done, line->size - done);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN && letters->patient) {
            struct pollfd room = {.fd = letters->file, .events = POLLOUT};
            (void)poll(&room, 1, -1);
            continue;
        }
        if (size <= 0) {
            letters->torn = letters->torn || begun;
            if (size < 0 && errno == EAGAIN)
                count_lost(letters, about, "it is a pipe, and who reads it does not keep up", "");
            else
                count_lost(letters, about, size < 0 ? strerror(errno) : "nothing could be written", "look for a full disk");
            return;
        }
        done += (size_t)size;
        begun = true;
    }
    letters->torn = false;
}

static void stream_put(struct dead_letters *letters, const struct about *about)
{
    size_t size = letters->line.size - 1;
    if (fwrite(letters->line.data + 1, 1, size, letters->stream) != size || fflush(letters->stream) != 0) {
        count_lost(letters, about, strerror(errno), "");
        clearerr(letters->stream);
    }
}

static void standard_error_letter(struct dead_letters *letters, const struct about *about)
{
    if (!standard_error_put(letters->line.data + 1, letters->line.size - 1))
        count_lost(letters, about, "nobody reads it", "");
}

static rd_kafka_resp_err_t produce(const struct dead_letters *letters, struct about *about)
{
    /* without the newlines around it */
    return rd_kafka_produce(letters->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, letters->line.data + 1,
                            letters->line.size - 2, NULL, 0, about) == 0
               ? RD_KAFKA_RESP_ERR_NO_ERROR
               : rd_kafka_last_error();
}

static void poll_reports(struct dead_letters *letters)
{
    if (letters->producer == NULL)
        return;
    (void)rd_kafka_poll(letters->producer, 0);
    (void)pthread_mutex_lock(&letters->alone_lock);
    rd_kafka_t *alone = letters->alone;
    (void)pthread_mutex_unlock(&letters->alone_lock);
    if (alone != NULL)
        (void)rd_kafka_poll(alone, 0);
}

static void topic_put(struct dead_letters *letters, const struct about *about)
{
    struct about *kept = memory_new(sizeof *kept);
    *kept = *about;
    rd_kafka_resp_err_t err = produce(letters, kept);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        int64_t now_ms = time_monotonic_ms();
        (void)rd_kafka_poll(letters->producer, now_ms < letters->rested_ms ? 0 : FULL_WAIT_MS);
        err = produce(letters, kept);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && now_ms >= letters->rested_ms)
            letters->rested_ms = now_ms + FULL_REST_MS;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        count_lost(letters, about, rd_kafka_err2str(err), topic_advice(err));
        free(kept);
    }
    poll_reports(letters);
}

void dead_letters_put(struct dead_letters *letters, const struct bad_row *bad, sl_view payload, int32_t partition, int64_t offset)
{
    (void)pthread_mutex_lock(&letters->lock);
    letters->counts[bad->reason]++;
    buffer_reset(&letters->line);
    buffer_byte(&letters->line, '\n');
    bad_row_write(bad, payload, SHOPLANE_VERSION, &letters->line);
    buffer_byte(&letters->line, '\n');
    struct about about = {.partition = partition, .offset = offset, .size = letters->line.size - 2};
    if (letters->producer != NULL)
        topic_put(letters, &about);
    else if (letters->file >= 0)
        file_put(letters, &about);
    else if (letters->stream != NULL)
        stream_put(letters, &about);
    else
        standard_error_letter(letters, &about);
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
    poll_reports(letters); /* that came since the last letter */
    return __atomic_load_n(&letters->lost, __ATOMIC_RELAXED);
}

static void flush_producer(rd_kafka_t *producer, int timeout_ms)
{
    if (producer == NULL || rd_kafka_flush(producer, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    (void)rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    (void)rd_kafka_flush(producer, PURGE_MS); /* their reports count them as lost */
}

void dead_letters_flush(struct dead_letters *letters, int timeout_ms)
{
    int64_t end_ms = time_monotonic_ms() + timeout_ms;
    flush_producer(letters->producer, timeout_ms);
    int64_t left_ms = end_ms - time_monotonic_ms();
    flush_producer(letters->alone, left_ms > 0 ? (int)left_ms : 0); /* the former may have added to it */
}

void dead_letters_close(struct dead_letters *letters, int timeout_ms)
{
    if (letters == NULL)
        return;
    dead_letters_flush(letters, timeout_ms);
    if (letters->producer != NULL) {
        rd_kafka_topic_destroy(letters->topic);
        rd_kafka_destroy(letters->producer);
    }
    if (letters->alone_topic != NULL)
        rd_kafka_topic_destroy(letters->alone_topic);
    if (letters->alone != NULL)
        rd_kafka_destroy(letters->alone);
    if (letters->lost != 0)
        log_error("%llu dead letters to %s were lost in all", (unsigned long long)letters->lost, letters->place);
    letters_free(letters);
}
