/* plugin_like.h - a plugin's folder made from the sources of one that is there, a shipped one or a recipe, under names of its own: so that
 * what is to be nearly the same begins as what works. */
#ifndef CLI_PLUGIN_LIKE_H
#define CLI_PLUGIN_LIKE_H

#include "base/error.h"
#include "plugin/plugin_kind.h"

struct plugin_like {
    enum plugin_kind kind;
    const char
        *like; /* "product", "product/viewed_price" (a lane with that parser), "viewed_price", a recipe's "wishlist" */
    const char *name;   /* of the new plugin */
    const char *metric; /* of the parser on a new lane; NULL: none was asked for */
};

/* Write the files of the new plugin into the folder `to`, which is empty. False: *error says why, and there may be files. */
bool plugin_like_fill(const struct plugin_like *like, const char *to, struct error *error);

#endif
