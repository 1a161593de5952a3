/* read_state.c - the group `state`: where state is kept, and how durably. */
#include "config/groups.h"

#include <string.h>

/* Is there a topic whose offsets a checkpoint can name? What is wrong with the source itself is said by its reader. */
static void check_source(struct reading *reading, const config_setting_t *root, const config_setting_t *group)
{
    const config_setting_t *source = setting_find(root, "source");
    const char *kind = NULL;
    if (source != NULL && config_setting_is_group(source))
        (void)config_setting_lookup_string(source, "kind", &kind);
    if (source == NULL || (kind != NULL && strcmp(kind, "files") == 0))
        error_advice(mistake_at(reading, group, "needs a Kafka topic: it is kept together with the topic's offsets"),
                     "leave the group out, or use a source of kind = \"kafka\"");
}

void read_state(struct reading *reading, const config_setting_t *root, struct state_settings *state)
{
    static const struct known_setting known[] = {{"folder", NULL}, {"interval", NULL}, {"fsync", NULL},
                                                 {"fill", NULL},   {NULL, NULL}};
    static const char *const fsyncs[] = {"checkpoint", "never", NULL};
    static const char *const fills[] = {"when_full", "at_once", NULL};
    *state = (struct state_settings){.interval_ms = 5000, .fsync = FSYNC_CHECKPOINT, .fill = FILL_WHEN_FULL};
    config_setting_t *group = group_find(reading, root, "state", "state: { folder = \"/var/lib/shoplane\"; };");
    if (group == NULL)
        return;
    group_check(reading, group, known, NULL);
    check_source(reading, root, group);
    if (text_read(reading, group, "folder", "/var/lib/shoplane", &state->folder) == ABSENT)
        error_advice(mistake_missing(reading, group, "folder"),
                     "folder = \"/var/lib/shoplane\"; without the group, state is in memory only");
    (void)duration_read(reading, group, "interval", 100, 3600000, &state->interval_ms);
    int choice = 0;
    if (choice_read(reading, group, "fsync", fsyncs, &choice) == GOOD)
        state->fsync = choice == 0 ? FSYNC_CHECKPOINT : FSYNC_NEVER;
    if (choice_read(reading, group, "fill", fills, &choice) == GOOD)
        state->fill = choice == 0 ? FILL_WHEN_FULL : FILL_AT_ONCE;
}
