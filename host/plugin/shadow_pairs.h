/* shadow_pairs.h - what stands beside what: lanes, or parsers of one lane, whose features are compared.
 *
 * Of those that stand beside each other one writes, the live one; the others are its shadows. A shadow of role "live" takes the
 * place of the one it is named beside: so a word in the configuration swaps them, and another word swaps them back.
 *
 * Part of the lane set; constant while it runs. */
#ifndef PLUGIN_SHADOW_PAIRS_H
#define PLUGIN_SHADOW_PAIRS_H

#include "plugin/lane_set.h"

#define SHADOW_PAIRS_MAX 64

/* A feature that both have, in a window of the same name. */
struct shadow_column {
    const char *name;                                                /* "product_view_count_5m" */
    size_t live_window, live_feature, shadow_window, shadow_feature; /* indexes in their lanes */
    bool number; /* both are printed as numbers, true and false among them: how far they are apart can be said */
};

struct shadow_pair {
    size_t live, shadow;                 /* lanes; the same where parsers are compared */
    const char *live_name, *shadow_name; /* of the lanes, or of the parsers */
    struct shadow_column *columns;
    size_t column_count;
};

/* Who writes, and under which keys, as the configuration says. `lanes[i]` is that of config->lanes[from[i]]. Before features
 * are named. */
void shadow_roles(struct lane_set *set, const struct config *config, const size_t *from, struct error_list *errors);

/* The pairs, once features are named. What can't be compared at all is an error. */
void shadow_pairs_make(struct lane_set *set, const struct config *config, const size_t *from, struct error_list *errors);
void shadow_pairs_free(struct lane_set *set);

#endif
