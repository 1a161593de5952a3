/* redis_queue.c - see redis_queue.h. */
#include "sink/redis_queue.h"

#include "base/hash.h"
#include "base/memory.h"
#include "sink/resp.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAPACITY 1024 /* of every array; they stay powers of two */

struct unsent_command {
    uint64_t hash;
    size_t key, key_size, value, value_size; /* within `text` */
    int64_t ttl_s;
    uint64_t first_group, last_group;
    enum redis_command command;
};

struct sent_command {
    uint64_t first_group, last_group;
    enum redis_command command;
};

struct queued_group {
    void *token;
    uint64_t needs; /* commands below this number must be answered */
    bool failed;
};

struct fence_place {
    int64_t offset;
    bool known, owed;
};

struct fence_run {
    uint64_t before; /* they were sent right before the command of this number */
    size_t count;
};

struct key_place {
    uint32_t era;
    uint32_t index; /* of the command in `unsent` */
};

void redis_queue_init(struct redis_queue *queue)
{
    memset(queue, 0, sizeof *queue);
    queue->unsent_capacity = queue->sent_capacity = queue->group_capacity = FIRST_CAPACITY;
    queue->place_capacity = 2 * FIRST_CAPACITY;
    queue->unsent = memory_new(queue->unsent_capacity * sizeof *queue->unsent);
    queue->sent = memory_new(queue->sent_capacity * sizeof *queue->sent);
    queue->groups = memory_new(queue->group_capacity * sizeof *queue->groups);
    queue->places = memory_new(queue->place_capacity * sizeof *queue->places);
    queue->era = 1;
}

void redis_queue_free(struct redis_queue *queue)
{
    free(queue->unsent);
    free(queue->sent);
    free(queue->groups);
    free(queue->places);
    free(queue->fence);
    free(queue->fence_owed);
    free(queue->runs);
    buffer_free(&queue->text);
    memset(queue, 0, sizeof *queue);
}

/* The place of the key, or the free one where it belongs. */
static struct key_place *place_find(const struct redis_queue *queue, uint64_t hash, sl_view key)
{
    size_t mask = queue->place_capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct key_place *place = &queue->places[i];
        if (place->era != queue->era)
            return place;
        const struct unsent_command *unsent = &queue->unsent[place->index];
        if (unsent->hash == hash && unsent->key_size == key.size &&
            memcmp(queue->text.data + unsent->key, key.data, key.size) == 0)
            return place;
    }
}

static void era_begin(struct redis_queue *queue)
{
    buffer_reset(&queue->text);
    if (++queue->era == 0) { /* every 4 billion seals */
        memset(queue->places, 0, queue->place_capacity * sizeof *queue->places);
        queue->era = 1;
    }
}

/* Twice the room for unsent commands; the table stays at most half full. */
static void unsent_grow(struct redis_queue *queue)
{
    size_t count = redis_queue_unsent(queue);
    queue->unsent_capacity *= 2;
    queue->unsent = memory_resize(queue->unsent, queue->unsent_capacity * sizeof *queue->unsent);
    queue->place_capacity *= 2;
    free(queue->places);
    queue->places = memory_new(queue->place_capacity * sizeof *queue->places);
    queue->era = 1;
    for (size_t i = 0; i < count; i++) {
        const struct unsent_command *unsent = &queue->unsent[i];
        sl_view key = {queue->text.data + unsent->key, unsent->key_size};
        *place_find(queue, unsent->hash, key) = (struct key_place){queue->era, (uint32_t)i};
    }
}

static size_t text_keep(struct redis_queue *queue, sl_view view)
{
    size_t place = queue->text.size;
    buffer_put(&queue->text, view.data, view.size);
    return place;
}

static void value_set(struct redis_queue *queue, struct unsent_command *unsent, const struct feature_write *write,
                      enum redis_command command)
{
    unsent->command = command;
    unsent->ttl_s = write->ttl_s;
    unsent->last_group = queue->open_group;
    if (write->value.size > unsent->value_size) {
        unsent->value = text_keep(queue, write->value);
    } else if (write->value.size != 0) {
        memcpy(queue->text.data + unsent->value, write->value.data, write->value.size);
    }
    unsent->value_size = write->value.size;
}

void redis_queue_write(struct redis_queue *queue, const struct feature_write *write)
{
    uint64_t hash = hash_place(write->key.data, write->key.size);
    bool valueless = write->refresh && write->value.data == NULL;
    enum redis_command command = valueless                                  ? COMMAND_EXPIRE
                                 : write->value.data == NULL                ? COMMAND_DEL
                                 : write->refresh && !queue->refresh_by_set ? COMMAND_EXPIRE
                                                                            : COMMAND_SET;
    struct key_place *place = place_find(queue, hash, write->key);
    uint64_t number;

    if (place->era == queue->era) {
        struct unsent_command *unsent = &queue->unsent[place->index];
        if (command == COMMAND_EXPIRE && unsent->command != COMMAND_EXPIRE)
            command = COMMAND_SET; /* the write that it refreshes has not left yet */
        if (valueless)
            unsent->last_group = queue->open_group; /* what has not left yet begins its TTL when it does */
        else
            value_set(queue, unsent, write, command);
        number = queue->sealed + place->index;
    } else {
        size_t index = redis_queue_unsent(queue);
        if (index == queue->unsent_capacity) {
            unsent_grow(queue);
            place = place_find(queue, hash, write->key);
        }
        struct unsent_command *unsent = &queue->unsent[index];
        unsent->hash = hash;
        unsent->key = text_keep(queue, write->key);
        unsent->key_size = write->key.size;
        unsent->value_size = 0;
        unsent->first_group = queue->open_group;
        value_set(queue, unsent, write, command);
        *place = (struct key_place){queue->era, (uint32_t)index};
        number = queue->end++;
    }
    queue->open_writes = true;
    if (queue->open_needs < number + 1)
        queue->open_needs = number + 1;
}

void redis_queue_commit(struct redis_queue *queue, void *token)
{
    if (queue->open_group - queue->first_group == queue->group_capacity) {
        size_t capacity = queue->group_capacity * 2;
        struct queued_group *groups = memory_new(capacity * sizeof *groups);
        for (uint64_t i = queue->first_group; i != queue->open_group; i++)
            groups[i & (capacity - 1)] = queue->groups[i & (queue->group_capacity - 1)];
        free(queue->groups);
        queue->groups = groups;
        queue->group_capacity = capacity;
    }
    queue->groups[queue->open_group++ & (queue->group_capacity - 1)] =
        (struct queued_group){token, queue->open_needs, queue->open_failed};
    queue->open_needs = 0;
    queue->open_writes = queue->open_failed = false;
}

static void fence_owe(struct redis_queue *queue, size_t at)
{
    if (!queue->fence[at].owed)
        queue->fence_owed[queue->fence_owed_count++] = (int32_t)at - 1;
    queue->fence[at].owed = true;
}

void redis_queue_fence(struct redis_queue *queue, int32_t partition, int64_t offset)
{
    size_t at = (size_t)(partition + 1);
    assert(partition >= SINK_FENCE_CLOCK && offset >= 0);
    if (at >= queue->fence_count) {
        size_t count = at + 1 > 2 * queue->fence_count ? at + 1 : 2 * queue->fence_count;
        queue->fence = memory_resize(queue->fence, count * sizeof *queue->fence);
        memset(queue->fence + queue->fence_count, 0, (count - queue->fence_count) * sizeof *queue->fence);
        queue->fence_owed = memory_resize(queue->fence_owed, count * sizeof *queue->fence_owed);
        queue->fence_count = count;
    }
    if (queue->fence[at].known && queue->fence[at].offset == offset)
        return;
    queue->fence[at].known = true;
    queue->fence[at].offset = offset;
    fence_owe(queue, at);
}

/* `count` fences leave before the next command. */
static void run_add(struct redis_queue *queue, size_t count)
{
    size_t mask = queue->run_capacity - 1;
    queue->fences_in_flight += count;
    if (queue->end_run != queue->first_run && queue->runs[(queue->end_run - 1) & mask].before == queue->sealed) {
        queue->runs[(queue->end_run - 1) & mask].count += count;
        return;
    }
    if (queue->end_run - queue->first_run == queue->run_capacity) {
        size_t capacity = queue->run_capacity == 0 ? 64 : queue->run_capacity * 2;
        struct fence_run *runs = memory_new(capacity * sizeof *runs);
        for (uint64_t i = queue->first_run; i != queue->end_run; i++)
            runs[i & (capacity - 1)] = queue->runs[i & mask];
        free(queue->runs);
        queue->runs = runs;
        queue->run_capacity = capacity;
    }
    queue->runs[queue->end_run++ & (queue->run_capacity - 1)] = (struct fence_run){queue->sealed, count};
}

void redis_queue_seal_fences(struct redis_queue *queue, struct buffer *out)
{
    size_t count = queue->fence_owed_count;
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct fence_place *place = &queue->fence[queue->fence_owed[i] + 1];
        place->owed = false;
        resp_fence(out, queue->fence_hash, queue->fence_owed[i], queue->fence_worker, place->offset);
    }
    queue->fence_owed_count = 0;
    run_add(queue, count);
}

/* The fences whose answers come next; NULL: those of a command do. */
static struct fence_run *run_next(const struct redis_queue *queue)
{
    struct fence_run *run = queue->first_run == queue->end_run
                                ? NULL
                                : &queue->runs[queue->first_run & (queue->run_capacity - 1)];
    return run != NULL && run->before == queue->answered ? run : NULL;
}

static void sent_reserve(struct redis_queue *queue)
{
    size_t capacity = queue->sent_capacity;
    while (queue->end - queue->answered > capacity)
        capacity *= 2;
    if (capacity == queue->sent_capacity)
        return;
    struct sent_command *sent = memory_new(capacity * sizeof *sent);
    for (uint64_t i = queue->answered; i != queue->sealed; i++)
        sent[i & (capacity - 1)] = queue->sent[i & (queue->sent_capacity - 1)];
    free(queue->sent);
    queue->sent = sent;
    queue->sent_capacity = capacity;
}

void redis_queue_seal(struct redis_queue *queue, struct buffer *out)
{
    assert(!queue->open_writes);
    size_t count = redis_queue_unsent(queue);
    const char *text = queue->text.data;

    redis_queue_seal_fences(queue, out);
    sent_reserve(queue);
    for (size_t i = 0; i < count; i++) {
        const struct unsent_command *unsent = &queue->unsent[i];
        sl_view key = {text + unsent->key, unsent->key_size};
        queue->sent[(queue->sealed + i) & (queue->sent_capacity - 1)] =
            (struct sent_command){unsent->first_group, unsent->last_group, unsent->command};
        switch (unsent->command) {
        case COMMAND_SET: resp_set(out, key, (sl_view){text + unsent->value, unsent->value_size}, unsent->ttl_s); break;
        case COMMAND_DEL: resp_del(out, key); break;
        case COMMAND_EXPIRE: resp_expire(out, key, unsent->ttl_s); break;
        case COMMAND_FENCE: break; /* is never among them */
        }
    }
    queue->sealed = queue->end;
    era_begin(queue);
}

enum redis_command redis_queue_next(const struct redis_queue *queue)
{
    if (run_next(queue) != NULL)
        return COMMAND_FENCE;
    assert(queue->answered != queue->sealed);
    return queue->sent[queue->answered & (queue->sent_capacity - 1)].command;
}

void redis_queue_answer(struct redis_queue *queue, bool ok)
{
    struct fence_run *run = run_next(queue);
    if (run != NULL) {
        queue->fences_in_flight--;
        if (--run->count == 0)
            queue->first_run++;
        return;
    }
    assert(queue->answered != queue->sealed);
    const struct sent_command *sent = &queue->sent[queue->answered & (queue->sent_capacity - 1)];
    if (!ok) /* a group can't be settled before its commands are answered: both ends are still there */
        for (uint64_t i = sent->first_group; i <= sent->last_group; i++)
            queue->groups[i & (queue->group_capacity - 1)].failed = true;
    queue->answered++;
}

void redis_queue_abandon(struct redis_queue *queue)
{
    for (uint64_t i = queue->first_group; i != queue->open_group; i++) {
        struct queued_group *group = &queue->groups[i & (queue->group_capacity - 1)];
        group->failed = group->failed || group->needs > queue->answered;
    }
    queue->open_failed = queue->open_failed || queue->open_writes;
    queue->open_needs = 0;
    queue->open_writes = false;
    queue->answered = queue->sealed = queue->end;
    queue->first_run = queue->end_run;
    queue->fences_in_flight = 0;
    for (size_t i = 0; i < queue->fence_count; i++)
        if (queue->fence[i].known)
            fence_owe(queue, i);
    era_begin(queue);
}

bool redis_queue_settled(struct redis_queue *queue, void **token, bool *ok)
{
    if (queue->first_group == queue->open_group)
        return false;
    const struct queued_group *group = &queue->groups[queue->first_group & (queue->group_capacity - 1)];
    if (group->needs > queue->answered)
        return false;
    *token = group->token;
    *ok = !group->failed;
    queue->first_group++;
    return true;
}
