/* kept_features.c - see kept_features.h. */
#include "testhost/kept_features.h"

#include "base/memory.h"

#include <stdlib.h>

struct kept_sink {
    struct sink sink;
    struct kept_features *kept;
};

void kept_features_free(struct kept_features *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        free(kept->items[i].key);
        free(kept->items[i].value);
        free(kept->items[i].before);
    }
    free(kept->items);
    *kept = (struct kept_features){0};
}

static char *text_of(sl_view view) { return memory_format("%.*s", (int)view.size, view.data); }

static int compare(const char *key, sl_view with)
{
    size_t size = strlen(key), least = size < with.size ? size : with.size;
    int order = memcmp(key, with.data, least);
    return order != 0 ? order : (size > with.size) - (size < with.size);
}

/* Where the key is, or belongs. */
static size_t place_of(const struct kept_features *kept, sl_view key, bool *found)
{
    size_t low = 0, high = kept->count;
    *found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(kept->items[middle].key, key);
        if (order < 0) {
            low = middle + 1;
        } else {
            *found = *found || order == 0;
            high = middle;
        }
    }
    return low;
}

const struct kept_feature *kept_features_find(const struct kept_features *kept, const char *key)
{
    bool found;
    size_t at = place_of(kept, (sl_view){key, strlen(key)}, &found);
    return found ? &kept->items[at] : NULL;
}

static struct kept_feature *place(struct kept_features *kept, sl_view key)
{
    bool found;
    size_t at = place_of(kept, key, &found);
    if (found)
        return &kept->items[at];
    if (kept->count == kept->capacity) {
        kept->capacity = kept->capacity == 0 ? 64 : kept->capacity * 2;
        kept->items = memory_resize(kept->items, kept->capacity * sizeof *kept->items);
    }
    memmove(&kept->items[at + 1], &kept->items[at], (kept->count - at) * sizeof *kept->items);
    kept->items[at] = (struct kept_feature){.key = text_of(key)};
    kept->count++;
    return &kept->items[at];
}

bool kept_feature_there(const struct kept_feature *feature, int64_t clock_ms, bool all, int64_t *ttl_s)
{
    int64_t left_ms = feature->time_ms + feature->ttl_s * 1000 - clock_ms;
    *ttl_s = all ? feature->ttl_s : (left_ms + 999) / 1000;
    return feature->value != NULL && (all || left_ms > 0);
}

/* Its value, or NULL, is another one now. */
static void change(struct kept_features *kept, struct kept_feature *feature, const struct feature_write *write)
{
    char *value = write->value.data == NULL ? NULL : text_of(write->value);
    if (value != NULL && feature->value != NULL && strcmp(value, feature->value) == 0) {
        free(value);
        return;
    }
    free(feature->before);
    feature->before = feature->value;
    feature->value = value;
    feature->changed_ms = write->time_ms;
    feature->step = kept->step;
}

static bool kept_ready(struct sink *sink)
{
    (void)sink;
    return true;
}

static void kept_write(struct sink *sink, const struct feature_write *write)
{
    struct kept_features *kept = ((struct kept_sink *)(void *)sink)->kept;
    sink_count(sink, write);
    struct kept_feature *feature = place(kept, write->key);
    if (write->value.data == NULL && write->refresh) { /* EXPIRE brings nothing back */
        if (feature->time_ms + feature->ttl_s * 1000 <= write->time_ms)
            return;
    } else {
        change(kept, feature, write);
    }
    feature->time_ms = write->time_ms;
    feature->ttl_s = write->ttl_s;
}

static void kept_commit(struct sink *sink, void *token)
{
    sink->counters.groups++;
    sink->settled(sink->context, token, true);
}

static void kept_flush(struct sink *sink) { (void)sink; }
static bool kept_poll(struct sink *sink, int timeout_ms)
{
    (void)sink, (void)timeout_ms;
    return true;
}
static int kept_descriptor(struct sink *sink, bool *wants_write)
{
    (void)sink;
    *wants_write = false;
    return -1;
}
static void kept_free(struct sink *sink) { free(sink); }

static const struct sink_class kept_class = {
    .name = "kept features",
    .ready = kept_ready,
    .write = kept_write,
    .commit = kept_commit,
    .flush = kept_flush,
    .poll = kept_poll,
    .descriptor = kept_descriptor,
    .free = kept_free,
};

struct sink *kept_features_sink(struct kept_features *kept, sink_settled *settled, void *context)
{
    struct kept_sink *self = memory_new(sizeof *self);
    self->sink = (struct sink){.class = &kept_class, .settled = settled, .context = context};
    self->kept = kept;
    return &self->sink;
}
