/* setup.h - what every command that runs lanes has to do first: read the configuration, load the plugins. */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "cli/quarantine.h"
#include "config/config.h"
#include "plugin/lane_set.h"
#include "sink/sink.h"

/* The configuration to use where the command line names none: $SHOPLANE_CONFIG, else the shoplane.conf that was installed
 * with this program, else that of the source tree it was built in, else the system's. Free with free(). */
char *setup_config_path(const char *named);

/* Read it and load the lanes it names. Mistakes of both kinds are said together on standard error; false. */
bool setup_read(const char *path, struct config **config, struct lane_set **set);
/* The same, with the plugins of this folder, whatever the configuration says; NULL: as it says. `quarantine`: not NULL, without
 * what stands in it, and it is filled in. */
bool setup_read_with(const char *path, const char *plugins, struct quarantine *quarantine, struct config **config,
                     struct lane_set **set);

/* Where Redis is, by the configuration; without lease and fence. Texts stay the configuration's. */
struct redis_settings setup_redis(const struct sink_settings *settings);

/* Sinks by the configuration. */
struct sink_maker {
    const struct sink_settings *settings;
    void *stream; /* SINK_JSONL: a FILE * */
    struct final_features *final; /* NULL: not asked for */
    bool only_final;              /* nothing behind it */
    struct lease *lease;          /* of Redis; NULL: none is asked for */
    const char *fence;            /* the same */
};
struct sink *setup_sink(void *maker, int worker, sink_settled *settled, void *settled_context);

/* Engine settings from the configuration; source, letters and sink are still to be filled in. */
struct engine_settings setup_engine(const struct config *config, const struct lane_set *set);

#endif
