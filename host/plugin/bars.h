/* bars.h - places at which a plugin is not called any more, since it crashed there twice (state/crash_notes.h).
 *
 * Of a message the whole event is left out, as a dead letter; of a key, the lane or the metric parser folds nothing. Filled in
 * before workers run, constant afterwards. */
#ifndef PLUGIN_BARS_H
#define PLUGIN_BARS_H

#include "plugin/plugin_call.h"

struct message_bar {
    int32_t partition;
    int64_t offset;
    const struct plugin_id *plugin;
    int cause; /* as in crash_notes.h */
};
struct message_bars {
    struct message_bar *items;
    size_t count;
};
void message_bars_add(struct message_bars *bars, struct message_bar bar);
const struct message_bar *message_bars_find(const struct message_bars *bars, int32_t partition, int64_t offset);
void message_bars_free(struct message_bars *bars);

struct key_bars {
    sl_view *keys;
    size_t count;
};
void key_bars_add(struct key_bars *bars, sl_view key); /* a copy */
bool key_bars_find(const struct key_bars *bars, sl_view key);
void key_bars_free(struct key_bars *bars);

/* Nearly always there are none. */
static inline const struct message_bar *message_barred(const struct message_bars *bars, int32_t partition,
                                                       int64_t offset)
{
    return bars->count == 0 ? NULL : message_bars_find(bars, partition, offset);
}
static inline bool key_barred(const struct key_bars *bars, sl_view key)
{
    return bars->count > 0 && key_bars_find(bars, key);
}

#endif
