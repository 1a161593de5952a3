/* manifest.h - what one checkpoint says: how far everything had come at one cut through the whole host.
 *
 * A text file, "manifest-<generation>", replaced atomically; the one with the highest generation counts. A generation is one
 * start of a host on the folder: a process that was overtaken by another (stopped, and another took over) can only replace
 * a manifest that nobody looks at any more. First line "shoplane state 1", last line "end <XXH3 of all before, in hex>".
 *
 *     shoplane state 1
 *     generation 7
 *     checkpoint 133
 *     written 2026-11-25T10:00:00.000Z
 *     clock 1774522733451 owed 1774522730000
 *     set 9f3a...                        (what was running: state/plugin sets; "-" unknown)
 *     topic snowplow-enriched-good       (nothing behind the word: none)
 *     partition 0 12345 1774522733000    (number, next offset, largest event time or -)
 *     lane product full 86400000         (name; full, filling or off; how far back its records go, ms)
 *     schema user 40                     (and the other lines of record_schema.h)
 *     segment 7 0 1 12 8192 4096 55 1774440000000 1774522733000
 *                                        (generation, worker, workers, sequence, bytes, owed from, entries, oldest, newest)
 *     stopped 0 12345                    (of a lane that is off: partition, next offset when it was switched off)
 *     end 4f2c...
 *
 * Plain data; no thread. */
#ifndef STATE_MANIFEST_H
#define STATE_MANIFEST_H

#include "base/buffer.h"
#include "base/error.h"
#include "state/record_schema.h"
#include "state/segment.h"

struct manifest_segment {
    struct segment_name name;
    uint64_t bytes;     /* of the file that count */
    uint64_t owed_from; /* position before which Redis had acknowledged everything that follows from the records */
    uint64_t entries;
    int64_t oldest_ms, newest_ms; /* event times of its records; INT64_MAX and INT64_MIN: none (written as -) */
};

enum lane_condition {
    LANE_FULL,    /* its windows hold all that they should */
    LANE_FILLING, /* it was being filled from the topic: what there is of it is of no use after a restart */
    LANE_OFF      /* not in the configuration: its segments wait until they expire, or it is switched on again */
};

struct manifest_lane {
    char name[64];
    enum lane_condition condition;
    int64_t longest_ms; /* records this old are kept: of the longest window, or as far as a session can reach back */
    struct record_schema schema;
    struct manifest_segment *segments; /* in the order in which they must be read: generation, sequence, worker */
    size_t segment_count;
    int64_t *stopped; /* LANE_OFF: by partition, the offset up to which it has seen the topic (negative: not known), one for
                         each of the manifest's; else NULL */
};

struct manifest_partition {
    int64_t next;       /* offset of the first message that is not in the state; negative: not known (written as -) */
    int64_t largest_ms; /* event time; INT64_MIN: none seen */
};

struct manifest {
    uint64_t generation, checkpoint;
    int64_t written_ms; /* wall clock */
    int64_t clock_ms;   /* the engine's; INT64_MIN: nothing read yet */
    int64_t owed_ms;    /* the clock up to which Redis had acknowledged everything; at most clock_ms */
    char set[64];       /* what was running: "" unknown */
    char *topic;        /* "" or NULL: none */
    struct manifest_partition *partitions;
    int32_t partition_count;
    struct manifest_lane *lanes;
    size_t lane_count;
};

void manifest_free(struct manifest *manifest); /* what it holds, and itself; NULL is fine */

/* Is this one of its segments? */
bool manifest_names(const struct manifest *manifest, const struct segment_name *name);

/* Does its clock, or a partition's largest event time, lie beyond this time? */
bool manifest_is_ahead(const struct manifest *manifest, int64_t time_ms);
/* Take these back to this time, which was the latest that it can have been; the clock to `disorder_ms` before. */
void manifest_take_back(struct manifest *manifest, int64_t time_ms, int64_t disorder_ms);

void manifest_write_text(const struct manifest *manifest, struct buffer *out);
/* Never trusts a byte: numbers in range, counts bounded, names valid, the sum right. NULL: error->what and error->found
 * ("<path>:<line>"). `path` is for messages. */
struct manifest *manifest_read_text(const char *text, size_t size, const char *path, struct error *error);

/* Into the folder: written beside, synced, renamed over the former one of its generation, and the folder synced. What could
 * not be read back is refused before. False: the former one still stands, or, where only the folder could not be synced,
 * either may after a power cut: what both need must be kept. `sync` false: without fsync (the setting fsync = "never"). */
bool manifest_store(int folder, const struct manifest *manifest, bool sync, struct error *error);

/* The newest that can be read. NULL with error->what[0] == '\0': there is none, the folder is new. NULL with an error: there
 * are some and none is good, or there is none and segments are there (a start makes a manifest before its first segment). A
 * damaged newer one that was passed over is said in *passed_over (what[0] != '\0'). `path` of the folder is for messages. */
struct manifest *manifest_load(int folder, const char *path, struct error *passed_over, struct error *error);
/* The highest generation that any file of the folder names (manifests and segments); 0: none; UINT64_MAX: the folder can't be
 * listed (errno), and nobody knows. */
uint64_t manifest_highest_generation(int folder);
/* Delete manifests of generations below this one. */
void manifest_forget_before(int folder, uint64_t generation);

#endif
