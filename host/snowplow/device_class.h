/* device_class.h - what kind of thing a shopper holds: "Desktop", "Phone", "Tablet", "Robot", "Unknown".
 *
 * FEATURES.md section 5: yauaa's deviceClass as it is, else from ua_parser (where what it says tells a class), else dvce_type
 * as it is, else from the user agent. The results below live for ever. */
#ifndef SNOWPLOW_DEVICE_CLASS_H
#define SNOWPLOW_DEVICE_CLASS_H

#include <shoplane/types.h>

sl_view device_class_of_ua_parser(sl_view device_family, sl_view os_family, sl_view agent_family); /* size 0: it tells
                                                                                                     nothing */
sl_view device_class_of_agent(sl_view user_agent); /* an empty one: "Unknown" */

/* What was found before, by a 128-bit hash of everything it depends on, and of the process's secret: nobody can make another
 * user agent that has it. Of fixed size, 256 KB: a new entry takes an old one's place. One thread. */
#define DEVICE_MEMO_ENTRIES 4096
#define DEVICE_MEMO_TEXT    47 /* longer ones are not remembered */

struct device_memo {
    struct device_memo_entry {
        uint64_t low, high;
        uint8_t size; /* 0: free */
        char text[DEVICE_MEMO_TEXT];
    } entries[DEVICE_MEMO_ENTRIES];
};

struct device_memo_key {
    uint64_t low, high;
};

struct device_memo_key device_memo_key(sl_view user_agent, sl_view dvce_type, sl_view derived_contexts);

/* Size 0: not known. Valid until the next device_memo_put(). */
sl_view device_memo_get(const struct device_memo *memo, struct device_memo_key key);
void device_memo_put(struct device_memo *memo, struct device_memo_key key, sl_view device_class);

#endif
