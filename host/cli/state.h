/* state.h - what the files of `shoplane state` share: which folder, what is shown of it, progress that Ctrl-C stops. */
#ifndef CLI_STATE_H
#define CLI_STATE_H

#include "cli/report.h"
#include "state/state_survey.h"

/* The folder that is meant: `folder` if it is given, else the setting state.folder of the configuration (setup.h). To be
 * freed. NULL: it was said why there is none, status 2. */
char *state_folder_meant(const char *folder, const char *config);

/* The first form: everything of one look. */
struct state_look {
    const struct state_folder *state;
    const struct manifest *manifest;
    const struct survey *survey; /* NULL: --quick, the segments were not read */
    bool held;                   /* the folder's lock, by `holder` */
    char holder[STATE_OWNER_MAX];
    int64_t now_ms;
    bool schemas;
};
void state_show_table(const struct state_look *look);
void state_show_json(const struct state_look *look);

/* Progress for state_survey() and state_copy(): a line on the terminal, and an end at the first SIGINT or SIGTERM. */
struct state_watch {
    struct progress line;
    const char *doing; /* "reading" */
};
struct state_progress state_watch_begin(struct state_watch *watch, const char *doing);
void state_watch_end(struct state_watch *watch);

/* The two forms that copy. */
int state_backup(const char *target, const char *folder);
int state_restore(const char *source, const char *folder, bool replace);

#endif
