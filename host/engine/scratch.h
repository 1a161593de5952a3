/* scratch.h - the host's side of <shoplane/scratch.h>: collections that plugins fold into. */
#ifndef ENGINE_SCRATCH_H
#define ENGINE_SCRATCH_H

#include "engine/arena.h"
#include "engine/text_set.h"
#include "engine/texts.h"

#include <shoplane/scratch.h>

struct scratch {
    sl_scratch base; /* what plugins see; first */
    struct arena arena;
    struct texts *texts;    /* the worker's, where texts are made */
    struct made_text *made; /* those of this fold, which it holds; in the arena */
};

struct count {
    int64_t count;
    int64_t last; /* the map's additions up to the latest of this key: who was counted last has the highest */
};

struct sl_counts {
    struct text_set keys;
    struct count *counts; /* as many as keys.capacity */
    uint32_t capacity;
    int64_t additions;
};

struct sl_list {
    struct text_set items;
};

/* `texts` are those whose handles the fold's records have; they outlive the scratch. */
void scratch_init(struct scratch *scratch, struct texts *texts);
void scratch_reset(struct scratch *scratch);
void scratch_free(struct scratch *scratch);

#endif
