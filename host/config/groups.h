/* groups.h - the readers of the groups of a configuration: one file each. Each fills its part of `struct config`, defaults
 * included, and notes what is wrong. */
#ifndef CONFIG_GROUPS_H
#define CONFIG_GROUPS_H

#include "config/setting.h"

void read_source(struct reading *reading, const config_setting_t *root, struct source_settings *source);
void read_lanes(struct reading *reading, const config_setting_t *root, struct config *config);
void read_sink(struct reading *reading, const config_setting_t *root, struct sink_settings *sink);
/* After read_source: a topic needs its brokers. */
void read_dead_letters(struct reading *reading, const config_setting_t *root, const struct source_settings *source,
                       struct dead_letter_settings *letters);
void read_state(struct reading *reading, const config_setting_t *root, struct state_settings *state);
void read_limits(struct reading *reading, const config_setting_t *root, struct limit_settings *limits);

/* `as`, `shadow_of`, `role`, `prefix` of a lane's or a parser's group; `name`: the plugin's, for `as` where there is none. */
void read_shadow(struct reading *reading, const config_setting_t *group, const char *name, const char **as,
                 struct shadow_settings *shadow);
/* Once all of a list are read: do those that stand beside another name one that is there, and can? `what`: "lane". Name and
 * shadow of element i. */
struct shadow_list {
    const char *const *names;
    const struct shadow_settings *const *shadows;
    size_t count;
    const char *what;
};
void check_shadows(struct reading *reading, const config_setting_t *list, const struct shadow_list *entries);

/* A name that Kafka takes for a topic. */
bool topic_check(struct reading *reading, const config_setting_t *group, const char *topic);
/* The password of the sink's group: `password`, `password_file` or `password_env`. */
void read_password(struct reading *reading, const config_setting_t *group, const char **password);

#endif
