/* collect.h - what the tests of the Kafka sources share: topics with numbered messages, and a record of what a source gave
 * of each partition. What the program logs is shown and kept, so that a test can ask for a line. Fails by cmocka. */
#ifndef TESTS_INGEST_COLLECT_H
#define TESTS_INGEST_COLLECT_H

#include "cluster.h"

#include "ingest/source.h"

#define LIMIT_MS     30000
#define PARTITIONS   8 /* at most, in these tests */
#define COUNT(array) (sizeof(array) / sizeof *(array))

extern struct cluster cluster;

/* Of one partition. */
struct seen {
    int64_t first, last; /* offsets; -1: none */
    int64_t count;
    bool rising; /* each offset was above the former one, and each message came to the right worker */
};

const char *new_topic(int partitions);
/* Messages "x" with numbers `first` to `last` in every partition; their stamps are those numbers of seconds, in 2001. */
#define STAMP_OF(number) (1000000000000 + (int64_t)(number)*1000)
void fill(const char *topic, int partitions, int first, int last);
/* `count` messages of this time in one partition. */
void fill_now(const char *topic, int32_t partition, int count);

struct kafka_settings settings_of(const char *topic, enum kafka_start start);

void collect_reset(struct seen *seen);
/* One take by every worker: TAKE_END if all have ended. */
enum take collect_round(struct source *source, struct seen *seen);
/* Until each partition has given `counts` messages, and for a moment longer in which no more may come. */
void collect(struct source *source, struct seen *seen, const int64_t *counts);
void collect_to_end(struct source *source, struct seen *seen);
/* Until `condition` holds; takes meanwhile. */
void collect_until(struct source *source, struct seen *seen, bool (*condition)(struct source *source));
void expect_seen(const struct seen *seen, int64_t first, int64_t last, int64_t count);

/* Lines of the log since the last call of said_mark(). */
void said_mark(void);
int said(const char *text); /* how many times */

/* Starts the Kafka that the command line names, runs the tests, gives the exit status. */
struct CMUnitTest;
int collect_main(int count, char **arguments, const char *name, const struct CMUnitTest *tests, size_t test_count);

#endif
