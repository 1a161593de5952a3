/* device_class.c - see device_class.h. */
#include "snowplow/device_class.h"

#include "base/hash.h"

#include <string.h>
#include <strings.h>

#define LITERAL(text) ((sl_view){(text), sizeof(text) - 1})
#define DESKTOP       LITERAL("Desktop")
#define PHONE         LITERAL("Phone")
#define TABLET        LITERAL("Tablet")
#define ROBOT         LITERAL("Robot")
#define UNKNOWN       LITERAL("Unknown")

static bool is(sl_view text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/* Is one of the words (lower case) in the text, in whatever case? */
static bool has(sl_view text, const char *const *words)
{
    for (; *words != NULL; words++) {
        size_t size = strlen(*words);
        for (size_t i = 0; i + size <= text.size; i++)
            if ((text.data[i] | 0x20) == (**words | 0x20) && strncasecmp(text.data + i, *words, size) == 0)
                return true;
    }
    return false;
}

/* Words of programs that nobody looks at, and of the things that people hold. The order of questions matters: a robot
 * pretends to be a phone, a tablet's agent names Android too, and every phone's names Linux or Mac OS X. */
static const char *const robots[] = {"bot",        "crawl",
                                     "spider",     "slurp",
                                     "headless",   "phantomjs",
                                     "selenium",   "puppeteer",
                                     "lighthouse", "curl/",
                                     "wget",       "python-requests",
                                     "python-url", "okhttp",
                                     "java/",      "go-http-",
                                     "axios",      "node-fetch",
                                     "libwww",     "scrapy",
                                     "httpclient", "facebookexternalhit",
                                     "pingdom",    "monitoring",
                                     NULL};
static const char *const tablets[] = {"ipad",    "tablet",  "kindle",   "silk/", "playbook",
                                      "nexus 7", "nexus 9", "nexus 10", NULL};
static const char *const android[] = {"android", NULL};
static const char *const browsers[] = {"mozilla/", NULL};
static const char *const mobile[] = {"mobi", NULL};
static const char *const phones[] = {"iphone", "ipod",       "windows phone", "blackberry", "bb10",
                                     "mobi",   "opera mini", "symbian",       "kaios",      NULL};
static const char *const desktops[] = {"windows", "macintosh", "mac os x", "x11", "cros", "linux", NULL};

sl_view device_class_of_agent(sl_view user_agent)
{
    if (user_agent.size == 0)
        return UNKNOWN;
    if (has(user_agent, robots))
        return ROBOT;
    if (has(user_agent, tablets))
        return TABLET;
    /* A browser says "Mobile" on a phone and not on a tablet; what an app says tells neither, and most are phones. */
    if (has(user_agent, android))
        return has(user_agent, mobile) || !has(user_agent, browsers) ? PHONE : TABLET;
    if (has(user_agent, phones))
        return PHONE;
    return has(user_agent, desktops) ? DESKTOP : UNKNOWN;
}

sl_view device_class_of_ua_parser(sl_view device_family, sl_view os_family, sl_view agent_family)
{
    static const char *const galaxy_tab[] = {"sm-t",       "sm-x",     "sm-p",       "gt-p",
                                             "galaxy tab", "mediapad", "lenovo tab", NULL};
    static const char *const phone_systems[] = {
        "windows phone", "windows mobile", "blackberry", "symbian", "firefox os", "kaios", "bada", "tizen", NULL};
    static const char *const computers[] = {"windows", "mac os", "linux",     "ubuntu",  "debian",  "fedora",
                                            "suse",    "mint",   "chrome os", "freebsd", "openbsd", "netbsd",
                                            "solaris", "gentoo", "red hat",   "arch",    NULL};
    if (is(device_family, "Spider") || has(agent_family, robots))
        return ROBOT;
    if (has(device_family, tablets) || has(device_family, galaxy_tab))
        return TABLET;
    if (has(device_family, phones) || is(os_family, "iOS") || is(os_family, "Android") ||
        has(os_family, phone_systems) || has(agent_family, mobile))
        return PHONE;
    return has(os_family, computers) || is(device_family, "Mac") ? DESKTOP : LITERAL("");
}

struct device_memo_key device_memo_key(sl_view user_agent, sl_view dvce_type, sl_view derived_contexts)
{
    /* the sizes of the first two keep "ab" + "c" apart from "a" + "bc" */
    uint64_t seed = XXH3_64bits_withSeed(user_agent.data, user_agent.size, hash_secret ^ user_agent.size);
    seed = XXH3_64bits_withSeed(dvce_type.data, dvce_type.size, seed);
    XXH128_hash_t hash = XXH3_128bits_withSeed(derived_contexts.data, derived_contexts.size, seed);
    return (struct device_memo_key){hash.low64, hash.high64};
}

sl_view device_memo_get(const struct device_memo *memo, struct device_memo_key key)
{
    const struct device_memo_entry *entry = &memo->entries[key.low % DEVICE_MEMO_ENTRIES];
    if (entry->size == 0 || entry->low != key.low || entry->high != key.high)
        return (sl_view){NULL, 0};
    return (sl_view){entry->text, entry->size};
}

void device_memo_put(struct device_memo *memo, struct device_memo_key key, sl_view device_class)
{
    struct device_memo_entry *entry = &memo->entries[key.low % DEVICE_MEMO_ENTRIES];
    if (device_class.size == 0 || device_class.size > DEVICE_MEMO_TEXT)
        return;
    entry->low = key.low;
    entry->high = key.high;
    entry->size = (uint8_t)device_class.size;
    memcpy(entry->text, device_class.data, device_class.size);
}
