/* quarantine.h - what follows for a set of plugins from the crashes that the state's folder knows of (state/crash_notes.h).
 *
 * A plugin in quarantine is taken out of the configuration before anything is loaded, as if it were switched off: its state waits
 * in the folder, and once it is back its lane reads what it missed from the topic. A lane takes its parsers with it, and the
 * shadows that stand beside it. Main thread. */
#ifndef CLI_QUARANTINE_H
#define CLI_QUARANTINE_H

#include "config/config.h"
#include "plugin/lane_set.h"
#include "plugin/plugin_file.h"
#include "state/crash_notes.h"

struct quarantined {
    char *name; /* "lane product", "metric parser product_views of lane product" */
    char *key;  /* "product", "product:product_views" */
    char *why;  /* "Segmentation fault in extract" */
    int64_t since_s; /* wall clock */
};

/* A plugin file that the configuration names for something that is taken out. */
struct kept_file {
    enum plugin_kind folder;
    char *name, *bytes;
    size_t size;
};

struct quarantine {
    bool noting; /* in: what crashes from now on is noted there too (crash.h) */
    struct crash_notes notes;
    struct quarantined *items;
    size_t count;
    char *told;    /* a line each, for who asks; NULL: there is none */
    char **places; /* at which a plugin is not called, since it crashed there twice: "lane probe is not called for key ann ..." */
    size_t place_count;
    struct kept_file *files;
    size_t file_count;
};

/* `quarantine` is zeroed but for `noting`. Read the notes of the configuration's folder, and take out of it what stands in quarantine. */
void quarantine_apply(struct quarantine *quarantine, struct config *config);
/* Tell the set which places its plugins are not to be called at. */
void quarantine_bar(struct quarantine *quarantine, struct lane_set *set);
/* One line each, at the start. */
void quarantine_say(const struct quarantine *quarantine);
void quarantine_free(struct quarantine *quarantine);

#endif
