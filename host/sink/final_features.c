/* final_features.c - the newest value of every key, for the end of a replay.
 *
 * Keys are spread over shards by hash, each an open-addressing table (linear probing, deletion by shifting back) under a
 * mutex of its own, so that workers seldom meet. A key and its value lie in one block that is reused while the value fits.
 * A key whose TTL has run out stays until the end: `--final=all` shows it, and a later clock can't be known before. */
#include "sink/final_features.h"

#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#define SHARD_BITS     5
#define SHARDS         (1u << SHARD_BITS)
#define FIRST_CAPACITY 256 /* slots of a shard; always a power of two */
#define PRINT_BYTES    65536

struct slot {
    uint64_t hash;
    char *text; /* key, then value; NULL: the slot is free */
    size_t key_size, value_size, capacity;
    int64_t time_ms, ttl_s; /* of the last write or refresh */
};

struct shard {
    pthread_mutex_t lock;
    struct slot *slots;
    size_t capacity, count;
};

struct final_features {
    struct shard shards[SHARDS];
};

struct final_sink {
    struct sink sink;
    struct final_features *final;
    struct sink *next;
};

struct final_features *final_features_new(void)
{
    struct final_features *final = memory_new(sizeof *final);
    for (size_t i = 0; i < SHARDS; i++) {
        (void)pthread_mutex_init(&final->shards[i].lock, NULL);
        final->shards[i].capacity = FIRST_CAPACITY;
        final->shards[i].slots = memory_new(FIRST_CAPACITY * sizeof(struct slot));
    }
    return final;
}

void final_features_free(struct final_features *final)
{
    if (final == NULL)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        for (size_t j = 0; j < final->shards[i].capacity; j++)
            free(final->shards[i].slots[j].text);
        free(final->shards[i].slots);
        (void)pthread_mutex_destroy(&final->shards[i].lock);
    }
    free(final);
}

/* The key's slot, or the free one where it belongs. */
static struct slot *shard_find(const struct shard *shard, uint64_t hash, sl_view key)
{
    for (size_t i = hash & (shard->capacity - 1);; i = (i + 1) & (shard->capacity - 1)) {
        struct slot *slot = &shard->slots[i];
        if (slot->text == NULL ||
            (slot->hash == hash && slot->key_size == key.size && memcmp(slot->text, key.data, key.size) == 0))
            return slot;
    }
}

static void shard_grow(struct shard *shard)
{
    struct slot *old = shard->slots;
    size_t old_capacity = shard->capacity;
    shard->capacity *= 2;
    shard->slots = memory_new(shard->capacity * sizeof *shard->slots);
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i].text != NULL)
            *shard_find(shard, old[i].hash, (sl_view){old[i].text, old[i].key_size}) = old[i];
    free(old);
}

static void shard_remove(struct shard *shard, struct slot *slot)
{
    size_t mask = shard->capacity - 1, hole = (size_t)(slot - shard->slots);
    free(slot->text);
    for (size_t i = (hole + 1) & mask; shard->slots[i].text != NULL; i = (i + 1) & mask)
        if (((i - (size_t)shard->slots[i].hash) & mask) >= ((i - hole) & mask)) { /* it may lie in the hole */
            shard->slots[hole] = shard->slots[i];
            hole = i;
        }
    memset(&shard->slots[hole], 0, sizeof shard->slots[hole]);
    shard->count--;
}

static void shard_put(struct shard *shard, uint64_t hash, const struct feature_write *write)
{
    if ((shard->count + 1) * 4 > shard->capacity * 3)
        shard_grow(shard);
    struct slot *slot = shard_find(shard, hash, write->key);
    size_t size = write->key.size + write->value.size;
    if (slot->text == NULL)
        shard->count++;
    if (slot->text == NULL || slot->capacity < size) {
        slot->capacity = (size + 16) & ~(size_t)15; /* never 0: `text` says that the slot is taken */
        slot->text = memory_resize(slot->text, slot->capacity);
        if (write->key.size != 0)
            memcpy(slot->text, write->key.data, write->key.size);
    }
    slot->hash = hash;
    slot->key_size = write->key.size;
    slot->value_size = write->value.size;
    if (write->value.size != 0)
        memcpy(slot->text + slot->key_size, write->value.data, write->value.size);
    slot->time_ms = write->time_ms;
    slot->ttl_s = write->ttl_s;
}

/* Without its value. What has run out by then would be gone from Redis: EXPIRE brings nothing back. */
static void slot_refresh(struct slot *slot, const struct feature_write *write)
{
    if (slot->time_ms + slot->ttl_s * 1000 <= write->time_ms)
        return;
    slot->time_ms = write->time_ms;
    slot->ttl_s = write->ttl_s;
}

static bool final_ready(struct sink *sink)
{
    struct final_sink *self = (struct final_sink *)sink;
    return self->next == NULL || sink_ready(self->next);
}

/* A refresh that comes with its value is a write: a Redis that had lost the key would get it again as well. */
static void final_write(struct sink *sink, const struct feature_write *write)
{
    struct final_sink *self = (struct final_sink *)sink;
    uint64_t hash = hash_place(write->key.data, write->key.size);
    struct shard *shard = &self->final->shards[hash >> (64 - SHARD_BITS)];

    (void)pthread_mutex_lock(&shard->lock);
    if (write->value.data != NULL) {
        shard_put(shard, hash, write);
    } else {
        struct slot *slot = shard_find(shard, hash, write->key);
        if (slot->text != NULL && write->refresh)
            slot_refresh(slot, write);
        else if (slot->text != NULL)
            shard_remove(shard, slot);
    }
    (void)pthread_mutex_unlock(&shard->lock);

    if (self->next != NULL)
        sink_write(self->next, write);
    else
        sink_count(sink, write);
}

static void final_commit(struct sink *sink, void *token)
{
    struct final_sink *self = (struct final_sink *)sink;
    if (self->next != NULL) {
        sink_commit(self->next, token);
        sink->counters = self->next->counters;
        return;
    }
    sink->counters.groups++;
    if (token != NULL && sink->settled != NULL)
        sink->settled(sink->context, token, true);
}

static void final_fence(struct sink *sink, int32_t partition, int64_t offset)
{
    struct final_sink *self = (struct final_sink *)sink;
    if (self->next != NULL)
        sink_fence(self->next, partition, offset);
}

static void final_flush(struct sink *sink)
{
    struct final_sink *self = (struct final_sink *)sink;
    if (self->next != NULL)
        sink_flush(self->next);
}

static bool final_poll(struct sink *sink, int timeout_ms)
{
    struct final_sink *self = (struct final_sink *)sink;
    if (self->next == NULL)
        return true;
    bool idle = sink_poll(self->next, timeout_ms);
    sink->counters = self->next->counters;
    return idle;
}

static int final_descriptor(struct sink *sink, bool *wants_write)
{
    struct final_sink *self = (struct final_sink *)sink;
    *wants_write = false;
    return self->next == NULL ? -1 : sink_descriptor(self->next, wants_write);
}

static void final_free(struct sink *sink)
{
    sink_free(((struct final_sink *)sink)->next);
    free(sink);
}

static const struct sink_class final_class = {
    .name = "final features",
    .ready = final_ready,
    .write = final_write,
    .commit = final_commit,
    .fence = final_fence,
    .flush = final_flush,
    .poll = final_poll,
    .descriptor = final_descriptor,
    .free = final_free,
};

struct sink *final_features_sink(struct final_features *final, struct sink *next, sink_settled *settled, void *context)
{
    struct final_sink *self = memory_new(sizeof *self);
    self->sink.class = &final_class;
    self->sink.settled = settled;
    self->sink.context = context;
    self->final = final;
    self->next = next;
    if (next != NULL) { /* a group is settled once, by the sink that can fail */
        next->settled = settled;
        next->context = context;
    }
    return &self->sink;
}

static int key_order(const void *left, const void *right)
{
    const struct slot *a = *(const struct slot *const *)left, *b = *(const struct slot *const *)right;
    int order = memcmp(a->text, b->text, a->key_size < b->key_size ? a->key_size : b->key_size);
    return order != 0 ? order : (a->key_size > b->key_size) - (a->key_size < b->key_size);
}

/* The slots that count, unsorted; the caller frees the list. */
static const struct slot **slots_list(const struct final_features *final, int64_t clock_ms, bool all, size_t *count)
{
    size_t most = 0;
    for (size_t i = 0; i < SHARDS; i++)
        most += final->shards[i].count;
    const struct slot **list = memory_new((most + 1) * sizeof *list);
    *count = 0;
    for (size_t i = 0; i < SHARDS; i++)
        for (size_t j = 0; j < final->shards[i].capacity; j++) {
            const struct slot *slot = &final->shards[i].slots[j];
            if (slot->text != NULL && (all || slot->time_ms + slot->ttl_s * 1000 > clock_ms))
                list[(*count)++] = slot;
        }
    return list;
}

size_t final_features_print(struct final_features *final, int64_t clock_ms, bool all, FILE *out)
{
    size_t count;
    struct buffer lines = {0};
    for (size_t i = 0; i < SHARDS; i++)
        (void)pthread_mutex_lock(&final->shards[i].lock);
    const struct slot **list = slots_list(final, clock_ms, all, &count);
    qsort(list, count, sizeof *list, key_order);
    for (size_t i = 0; i < count; i++) {
        const struct slot *slot = list[i];
        int64_t left_ms = slot->time_ms + slot->ttl_s * 1000 - clock_ms;
        buffer_literal(&lines, "{\"key\":");
        buffer_json_text(&lines, slot->text, slot->key_size);
        buffer_literal(&lines, ",\"value\":");
        buffer_json_text(&lines, slot->text + slot->key_size, slot->value_size);
        buffer_printf(&lines, ",\"ttl\":%" PRId64 "}\n", all ? slot->ttl_s : (left_ms + 999) / 1000);
        if (lines.size >= PRINT_BYTES || i + 1 == count) {
            (void)fwrite(lines.data, 1, lines.size, out); /* an error stays on the stream for its owner */
            buffer_reset(&lines);
        }
    }
    for (size_t i = 0; i < SHARDS; i++)
        (void)pthread_mutex_unlock(&final->shards[i].lock);
    buffer_free(&lines);
    free(list);
    return count;
}
