/* config.c - see config.h. Reads the text and hands each group to its reader (read_*.c). */
#include "config/config.h"

#include "config/config_memory.h"
#include "config/file_text.h"
#include "config/groups.h"
#include "config/reading.h"
#include "config/whole_text.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define WORKERS_MAX 256

static int64_t usable_cores(void)
{
    cpu_set_t cores;
    int64_t count = 0;
    if (sched_getaffinity(0, sizeof cores, &cores) == 0)
        count = CPU_COUNT(&cores);
    return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : count;
}

static void read_all(struct reading *reading, struct config *config)
{
    static const struct known_setting known[] = {{"workers", NULL}, {"plugins", NULL}, {"source", NULL},
                                                 {"lanes", NULL},   {"burst", NULL},   {"sink", NULL},
                                                 {"state", NULL},   {"limits", NULL},  {"dead_letters", NULL},
                                                 {NULL, NULL}};
    const config_setting_t *root = config_root_setting(&reading->tree);
    group_check(reading, root, known, NULL);
    config->workers = 1;
    (void)integer_read(reading, root, "workers", 0, WORKERS_MAX, &config->workers);
    if (config->workers == 0)
        config->workers = usable_cores();
    (void)text_read(reading, root, "plugins", "build/plugins", &config->plugins);
    read_source(reading, root, &config->source);
    read_lanes(reading, root, config);
    read_sink(reading, root, &config->sink);
    read_dead_letters(reading, root, &config->source, &config->dead_letters);
    read_state(reading, root, &config->state);
    read_limits(reading, root, &config->limits);
}

/* What to give out where something is wrong: nothing, or as much as could be read. */
enum mistakes { MISTAKES_FATAL, MISTAKES_ALLOWED };

static struct config *read_text(const char *text, const char *path, const char *folder, enum mistakes mistakes,
                                struct error_list *errors)
{
    struct reading reading;
    struct config_memory *memory = config_memory_new();
    struct config *config = config_memory_take(memory, sizeof *config);
    config->memory = memory;
    if (reading_begin(&reading, text, path, folder, memory)) {
        config->file = reading.path;
        read_all(&reading, config);
    }
    if (reading_end(&reading, errors) == 0 || (mistakes == MISTAKES_ALLOWED && config->file != NULL))
        return config;
    config_memory_free(memory);
    return NULL;
}

struct config *config_read_text(const char *text, const char *path, struct error_list *errors)
{
    return read_text(text, path, NULL, MISTAKES_FATAL, errors);
}

static struct config *read_path(const char *path, enum mistakes mistakes, struct error_list *errors)
{
    struct error error;
    size_t size;
    char *text = file_text_read(path, &size, &error);
    if (text == NULL) {
        *error_list_add(errors) = error;
        return NULL;
    }
    char *folder = whole_text_folder(path);
    struct config *config = read_text(text, path, folder, mistakes, errors);
    free(folder);
    explicit_bzero(text, size);
    free(text);
    return config;
}

struct config *config_read_path(const char *path, struct error_list *errors)
{
    return read_path(path, MISTAKES_FATAL, errors);
}

struct config *config_read_partial(const char *path, struct error_list *errors)
{
    return read_path(path, MISTAKES_ALLOWED, errors);
}

void config_free(struct config *config)
{
    if (config != NULL)
        config_memory_free(config->memory);
}
