/* kept_writes.h - a sink for tests that keeps what is written, as lines of text, and does what the test wants: it is full, holds
 * groups back, loses them. Behind it stands what Redis would have. */
#ifndef TESTS_KEPT_WRITES_H
#define TESTS_KEPT_WRITES_H

#include "base/buffer.h"
#include "base/memory.h"
#include "sink/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kept_key {
    char *key, *value; /* value NULL: there is none */
    int64_t until_ms;  /* when it expires, by the clock of the writes */
};

struct kept_sink {
    struct sink sink;
    bool full;           /* ready says no */
    bool hold;           /* groups wait for kept_settle() */
    uint64_t chaos;      /* a seed, or 0: full now and then until the next poll; groups are answered by polls only, and some
                            are lost, of which some had come through all the same */
    int troubles;        /* chaos: how many more of them */
    bool losing, dropping; /* chaos: the group that is being written */
    struct buffer lines; /* "key = value ttl time", "key - time" deleted, "key + value ttl time" refreshed */
    struct kept_group {
        void *token;
        bool ok;
    } *held; /* in order */
    size_t held_count, held_capacity;
    struct kept_key *keys; /* what Redis has */
    size_t key_count, key_capacity;
};

/* Chaos: true once in `in` times, as long as there are troubles left. */
static inline bool kept_trouble(struct kept_sink *kept, uint64_t in)
{
    if (kept->chaos == 0 || kept->troubles == 0)
        return false;
    kept->chaos = kept->chaos * 6364136223846793005u + 1442695040888963407u;
    if ((kept->chaos >> 33) % in != 0)
        return false;
    kept->troubles--;
    return true;
}

static inline bool kept_ready(struct sink *sink)
{
    struct kept_sink *kept = (struct kept_sink *)(void *)sink;
    kept->full = kept->full || kept_trouble(kept, 40);
    return !kept->full;
}

static inline struct kept_key *kept_find(struct kept_sink *kept, sl_view key)
{
    for (size_t i = 0; i < kept->key_count; i++)
        if (strlen(kept->keys[i].key) == key.size && memcmp(kept->keys[i].key, key.data, key.size) == 0)
            return &kept->keys[i];
    if (kept->key_count == kept->key_capacity) {
        kept->key_capacity = kept->key_capacity == 0 ? 64 : kept->key_capacity * 2;
        kept->keys = memory_resize(kept->keys, kept->key_capacity * sizeof *kept->keys);
    }
    kept->keys[kept->key_count] = (struct kept_key){.key = memory_format("%.*s", (int)key.size, key.data)};
    return &kept->keys[kept->key_count++];
}

static inline void kept_write(struct sink *sink, const struct feature_write *write)
{
    struct kept_sink *kept = (struct kept_sink *)(void *)sink;
    sink_count(sink, write);
    const char *what = write->refresh ? "+" : write->value.data == NULL ? "-" : "=";
    buffer_printf(&kept->lines, "%.*s %s", (int)write->key.size, write->key.data, what);
    if (write->value.data != NULL)
        buffer_printf(&kept->lines, " %.*s", (int)write->value.size, write->value.data);
    if (write->value.data != NULL || write->refresh)
        buffer_printf(&kept->lines, " ttl %lld", (long long)write->ttl_s);
    buffer_printf(&kept->lines, " at %lld\n", (long long)write->time_ms);
    if (kept->dropping)
        return;
    struct kept_key *key = kept_find(kept, write->key);
    key->until_ms = write->time_ms + write->ttl_s * 1000;
    if (write->refresh)
        return;
    free(key->value);
    key->value = write->value.data == NULL ? NULL : memory_format("%.*s", (int)write->value.size, write->value.data);
}

static inline void kept_commit(struct sink *sink, void *token)
{
    struct kept_sink *kept = (struct kept_sink *)(void *)sink;
    sink->counters.groups++;
    if (!kept->hold && kept->chaos == 0) {
        sink->settled(sink->context, token, true);
        return;
    }
    if (kept->held_count == kept->held_capacity) {
        kept->held_capacity = kept->held_capacity == 0 ? 64 : kept->held_capacity * 2;
        kept->held = memory_resize(kept->held, kept->held_capacity * sizeof *kept->held);
    }
    kept->held[kept->held_count++] = (struct kept_group){token, !kept->losing};
    sink->counters.failed_groups += kept->losing;
    kept->losing = kept_trouble(kept, 6);
    kept->dropping = kept->losing && kept_trouble(kept, 2);
}

/* Answer all that is held; `ok` unless chaos has lost it. */
static inline void kept_settle(struct kept_sink *kept, bool ok)
{
    size_t count = kept->held_count;
    kept->held_count = 0;
    for (size_t i = 0; i < count; i++)
        kept->sink.settled(kept->sink.context, kept->held[i].token, ok && kept->held[i].ok);
}

static inline void kept_flush(struct sink *sink) { (void)sink; }
static inline bool kept_poll(struct sink *sink, int timeout_ms)
{
    (void)timeout_ms;
    struct kept_sink *kept = (struct kept_sink *)(void *)sink;
    if (kept->chaos != 0) {
        kept->full = false;
        kept_settle(kept, true);
    }
    return kept->held_count == 0;
}
static inline int kept_descriptor(struct sink *sink, bool *wants_write)
{
    (void)sink;
    *wants_write = false;
    return -1;
}

static inline void kept_free(struct sink *sink)
{
    struct kept_sink *kept = (struct kept_sink *)(void *)sink;
    for (size_t i = 0; i < kept->key_count; i++) {
        free(kept->keys[i].key);
        free(kept->keys[i].value);
    }
    free(kept->keys);
    free(kept->held);
    buffer_free(&kept->lines);
    free(kept);
}

static const struct sink_class kept_class = {
    .name = "kept",
    .ready = kept_ready,
    .write = kept_write,
    .commit = kept_commit,
    .flush = kept_flush,
    .poll = kept_poll,
    .descriptor = kept_descriptor,
    .free = kept_free,
};

static inline struct kept_sink *kept_sink_new(sink_settled *settled, void *context)
{
    struct kept_sink *kept = memory_new(sizeof *kept);
    kept->sink = (struct sink){.class = &kept_class, .settled = settled, .context = context};
    return kept;
}

/* What was written since the last question; valid until the next write. */
static inline const char *kept_lines(struct kept_sink *kept)
{
    buffer_byte(&kept->lines, '\0');
    buffer_reset(&kept->lines);
    return kept->lines.data;
}

/* What Redis has under this key; "" if nothing. */
static inline const char *kept_value(struct kept_sink *kept, const char *key)
{
    const struct kept_key *found = kept_find(kept, (sl_view){key, strlen(key)});
    return found->value == NULL ? "" : found->value;
}

#endif
