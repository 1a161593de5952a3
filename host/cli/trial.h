/* trial.h - what runs is a set (state/plugin_set.h), and a set that is not known to be good is being tried.
 *
 * A start that finds the mark of a trial that was not ended goes back to the last good set: whoever set the mark died over it.
 * An orderly end takes its mark away, whatever ended it, and so does a restart. A set is good once a checkpoint was made after
 * events had gone through it, lanes and parsers included - so what it does with events, with its state and at a cut has
 * happened at least once - or ten seconds after they came. Not while a worker stands in a call. Where the topic is read to its
 * end and nothing comes, it is said that it waits, and after a minute it is good: a mark that stands for longer would lay every
 * power cut at its door.
 *
 * Main thread. */
#ifndef CLI_TRIAL_H
#define CLI_TRIAL_H

#include "cli/quarantine.h"
#include "cli/restart.h"
#include "config/config.h"
#include "engine/engine.h"
#include "state/notice.h"
#include "state/state_folder.h"

/* What setup_read() made of a configuration, and the set that it is. */
struct loaded {
    struct config *config;
    struct lane_set *lanes;
    struct plugin_set set;
    struct quarantine quarantine; /* what is left out of `lanes` */
};
/* Read and load it; `plugins` (NULL: as configured) is where the plugins are. `noting`: to run with it, so crashes are noted from
 * now on. False: mistakes were said on standard error. */
bool loaded_read(struct loaded *loaded, const char *path, const char *plugins, bool noting);
void loaded_free(struct loaded *loaded);

struct trial {
    const struct state_folder *folder; /* NULL: no state, no trials */
    const struct plugin_set *set;
    struct set_marks marks;
    struct notice notice;
    bool sync;
    bool pending;  /* not known yet whether it is good */
    bool kept;     /* its copy is in the folder */
    bool seen;     /* events have gone through it */
    uint64_t checkpoints; /* when that was seen */
    int64_t came_ms;      /* when messages were first seen; 0: not yet */
    int64_t idle_ms;      /* since when there is nothing to read; 0: there is */
    bool waits;           /* that was said */
};

/* Once the folder is ours. False: it must not run; *back is what to become instead (note.set, note.why). Else it is marked. */
bool trial_begin(struct trial *trial, const struct state_folder *folder, bool sync, const struct plugin_set *set,
                 const struct restart_note *note, struct restart_note *back);
/* Once the engine has started: keep a copy of the set. */
void trial_keep(struct trial *trial);
/* Now and then: is it good? Says so once. */
void trial_look(struct trial *trial, const struct engine_counters *counters);
/* An orderly end, or one that is ordered: no mark is left. */
void trial_end(struct trial *trial);
/* Tell whoever waits (`shoplane reload`) how things stand: trial->notice. */
void trial_tell(struct trial *trial);

#endif
