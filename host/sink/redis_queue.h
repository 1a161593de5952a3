/* redis_queue.h - the commands of a Redis sink between sink_write() and their reply, and the groups they belong to.
 *
 * Commands are numbered in the order in which they leave; so are groups. A command is first unsent: then a later write of
 * its key replaces it in place, and the command belongs to both groups. Sealing turns everything unsent into bytes; from
 * then on its commands are in flight, and replies answer them oldest first. A group needs the highest numbered of its
 * commands; groups settle in order, so one number each is enough.
 *
 *     0 ... answered ... sealed ... end          numbers
 *           | in flight  | unsent   |
 *
 * The fence (lease.h) stands beside that: of each partition the newest offset, and whether it still has to leave. Sealing
 * puts those that have to before everything else, since a write that is unsent may have taken the place of one from before
 * them. They have no number and no group: the queue remembers before which number how many of them were sent.
 *
 * Pure data: no socket, no clock. Memory is kept, so that nothing is allocated once it has grown to what is needed. */
#ifndef SINK_REDIS_QUEUE_H
#define SINK_REDIS_QUEUE_H

#include "base/buffer.h"
#include "sink/sink.h"

enum redis_command { COMMAND_SET, COMMAND_DEL, COMMAND_EXPIRE, COMMAND_FENCE };

struct redis_queue {
    uint64_t answered, sealed, end;   /* numbers of commands */
    uint64_t first_group, open_group; /* numbers of groups: oldest not settled, the one being written */
    struct unsent_command *unsent;    /* of the commands from `sealed` on */
    struct sent_command *sent;        /* a ring, by number: of the commands from `answered` on */
    struct queued_group *groups;      /* a ring, by number */
    size_t unsent_capacity, sent_capacity, group_capacity;
    struct buffer text;       /* keys and values of what is unsent */
    struct key_place *places; /* hash table of the unsent keys */
    size_t place_capacity;
    uint32_t era;                  /* places of former eras are free */
    uint64_t open_needs;           /* commands below this number must be answered for the open group */
    bool open_writes, open_failed; /* it has commands; one of them was abandoned */
    bool refresh_by_set;           /* a refresh is written as SET with its value instead of EXPIRE */

    sl_view fence_hash; /* set by the owner before the first fence; the text stays its own */
    int fence_worker;
    struct fence_place *fence;  /* the clock's, then by partition */
    int32_t *fence_owed;        /* partitions whose offset has to leave */
    struct fence_run *runs;     /* a ring: fences in flight, oldest first */
    size_t fence_count, fence_owed_count, run_capacity;
    uint64_t first_run, end_run;
    size_t fences_in_flight;
};

void redis_queue_init(struct redis_queue *queue);
void redis_queue_free(struct redis_queue *queue);

void redis_queue_write(struct redis_queue *queue, const struct feature_write *write);
void redis_queue_commit(struct redis_queue *queue, void *token);

/* The offset of this partition from here on. */
void redis_queue_fence(struct redis_queue *queue, int32_t partition, int64_t offset);

static inline size_t redis_queue_in_flight(const struct redis_queue *queue)
{
    return (size_t)(queue->sealed - queue->answered) + queue->fences_in_flight;
}
static inline size_t redis_queue_unsent(const struct redis_queue *queue)
{
    return (size_t)(queue->end - queue->sealed);
}
/* Offsets of the fence that have to leave. */
static inline size_t redis_queue_fences_owed(const struct redis_queue *queue) { return queue->fence_owed_count; }
/* Neither a command without reply nor a committed group that is not settled. A fence that has to leave does not count:
 * nothing has followed it. */
static inline bool redis_queue_empty(const struct redis_queue *queue)
{
    return queue->end == queue->answered && queue->fences_in_flight == 0 && queue->first_group == queue->open_group;
}

/* Append the bytes of the fences that have to leave; they are then in flight. */
void redis_queue_seal_fences(struct redis_queue *queue, struct buffer *out);
/* Append the same, and the bytes of all unsent commands, which are then in flight. Not while a group is open
 * (open_writes): what was sent of it could not be taken back. */
void redis_queue_seal(struct redis_queue *queue, struct buffer *out);

/* The command that the next reply answers; in flight must not be 0. */
enum redis_command redis_queue_next(const struct redis_queue *queue);
/* It was answered. Not ok: every group it belongs to fails (and those between them: rather owe once too often). A fence has
 * none: the caller must see to it that nothing is written before it has left again. */
void redis_queue_answer(struct redis_queue *queue, bool ok);
/* The connection is gone: all commands are dropped, and every group fails that has one without answer, the open one too.
 * Every offset of the fence has to leave again: the next server may not have it. */
void redis_queue_abandon(struct redis_queue *queue);

/* Take the oldest group if all it needs has been answered. */
bool redis_queue_settled(struct redis_queue *queue, void **token, bool *ok);

#endif
