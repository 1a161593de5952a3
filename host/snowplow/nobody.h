/* nobody.h - ids that stand for no one: FEATURES.md section 0, "Nobody".
 *
 * Trackers and shops send such an id where they know nobody, and it would make one shopper of all of them. */
#ifndef SNOWPLOW_NOBODY_H
#define SNOWPLOW_NOBODY_H

#include <shoplane/types.h>

struct nobody {
    sl_view *ids; /* copies, in lower case */
    size_t count;
    uint64_t sizes;  /* bit n: one has n bytes; bit 63: or more */
    uint64_t firsts; /* bit n: the first byte of one, in either case, modulo 64 */
};

/* The letters A to Z in them are as good as a to z. */
void nobody_init(struct nobody *nobody, const char *const *ids, size_t count);
void nobody_free(struct nobody *nobody);

/* Is it one of them, in any case? */
bool nobody_listed(const struct nobody *nobody, sl_view id);

/* The same of an id that is not empty, quickly for nearly every one. */
static inline bool nobody_is(const struct nobody *nobody, sl_view id)
{
    return (nobody->sizes >> (id.size < 63 ? id.size : 63) & 1) != 0 && (nobody->firsts >> (*id.data & 63) & 1) != 0 &&
           nobody_listed(nobody, id);
}

#endif
