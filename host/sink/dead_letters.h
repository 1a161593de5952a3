/* dead_letters.h - where messages go that can't be taken: a file, a Kafka topic, or standard error.
 *
 * Shared by all workers, guarded by a lock: this is the cold path. Every letter is counted by reason, wherever it goes. */
#ifndef SINK_DEAD_LETTERS_H
#define SINK_DEAD_LETTERS_H

#include "base/error.h"
#include "config/config.h"
#include "snowplow/bad_row.h"

struct dead_letters;

/* NULL and an error if the file can't be opened or the producer can't be made. `brokers` and `properties` are the
 * source's, for a topic. */
struct dead_letters *dead_letters_open(const struct dead_letter_settings *settings, const struct kafka_settings *kafka,
                                       struct error *error);
/* A file that is a pipe: who reads it is waited for. For commands that hold up nobody but themselves. */
void dead_letters_wait(struct dead_letters *letters);
/* Appends to an already open stream (standard error); does not close it. */
struct dead_letters *dead_letters_on(void *stream);

/* Is the topic there that they go to, if they go to one? Asked when the source is open: for a broker that is not there now
 * nobody waits here. False: there is none, or *stop; *error. With kafka->wait it is waited for. */
bool dead_letters_ready(struct dead_letters *letters, const struct kafka_settings *kafka, const volatile bool *stop,
                        struct error *error);

/* Thread-safe. A letter that can't be written is counted as lost, and said once a minute at most with the place of its message,
 * which is of this partition and offset. */
void dead_letters_put(struct dead_letters *letters, const struct bad_row *bad, sl_view payload, int32_t partition, int64_t offset);

/* counts[BAD_REASONS] as of now; returns the sum. */
uint64_t dead_letters_counts(struct dead_letters *letters, uint64_t counts[BAD_REASONS]);
/* What became of letters that are on their way is learned here: ask now and then. */
uint64_t dead_letters_lost(struct dead_letters *letters);

/* Wait until every letter is written or timeout_ms have passed: what is not written then is lost. */
void dead_letters_flush(struct dead_letters *letters, int timeout_ms);
/* Flush, and free. */
void dead_letters_close(struct dead_letters *letters, int timeout_ms);

#endif
