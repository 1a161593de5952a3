/* read_password.c - where the sink's password comes from: the configuration, a file that only we may read, or the
 * environment. Whatever goes wrong, no message shows it; not even where it was written in the wrong place, as the "name of
 * a file". */
#include "config/file_text.h"
#include "config/groups.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A mistake at a setting whose text is not shown if it may be the password itself. */
static struct error *mistake_hiding(struct reading *reading, const config_setting_t *setting, bool hide,
                                    const char *what)
{
    struct error *error = mistake_at(reading, setting, "%s", what);
    struct config_place place = setting_place(reading, setting);
    if (hide)
        error_found(error, "%s:%d: %s = (not shown: it may be the password itself)", place.file, place.line,
                    config_setting_name(setting));
    return error;
}

static void from_file(struct reading *reading, const config_setting_t *setting, const char *path, const char **password)
{
    size_t size = 0;
    struct error reason;
    char *text = file_text_read_guarded(path, S_IRWXG | S_IRWXO, &size, &reason);
    bool hide = strchr(path, '/') == NULL && access(path, F_OK) != 0;
    if (text == NULL && hide) {
        error_advice(mistake_hiding(reading, setting, hide, "names no file that exists"),
                     "the path of a file that holds nothing but the password, of mode 600");
        return;
    }
    if (text == NULL) {
        char what[300];
        (void)snprintf(what, sizeof what, "can't be used: %.250s", reason.what);
        error_advice(mistake_hiding(reading, setting, hide, what), "%s", reason.advice);
        return;
    }
    if (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    if (size > 0 && text[size - 1] == '\r')
        text[--size] = '\0';
    if (size == 0)
        error_advice(mistake_hiding(reading, setting, hide, "names a file without a password in it"),
                     "a file that holds the password, and at most a newline behind it");
    else if (strchr(text, '\n') != NULL)
        error_advice(mistake_hiding(reading, setting, hide, "names a file of several lines"),
                     "a file that holds the password, and at most a newline behind it");
    else
        *password = config_memory_text(reading->memory, text);
    explicit_bzero(text, size);
    free(text);
}

static void from_environment(struct reading *reading, const config_setting_t *setting, const char *name,
                             const char **password)
{
    bool usual = name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
    const char *value = getenv(name);
    if (value == NULL || *value == '\0')
        error_advice(mistake_hiding(reading, setting, !usual,
                                    value == NULL ? "names a variable that the environment does not have"
                                                  : "names a variable that is empty"),
                     "export that variable before Shoplane starts; password_env holds its name, not the password");
    else
        *password = config_memory_text(reading->memory, value);
}

void read_password(struct reading *reading, const config_setting_t *group, const char **password)
{
    static const char *const names[] = {"password", "password_file", "password_env"};
    const config_setting_t *given = NULL;
    for (size_t i = 0; i < 3; i++) {
        const config_setting_t *setting = setting_find(group, names[i]);
        if (setting != NULL && given != NULL) {
            char what[96];
            (void)snprintf(what, sizeof what, "contradicts %s: there is one password", config_setting_name(given));
            error_advice(mistake_hiding(reading, setting, true, what),
                         "one of password, password_file and password_env");
            return;
        }
        if (setting != NULL)
            given = setting;
    }
    const char *text = NULL;
    if (given == NULL || text_read(reading, group, config_setting_name(given),
                                   given == setting_find(group, "password") ? "..." : "NAME", &text) != GOOD)
        return;
    if (given == setting_find(group, "password"))
        *password = text;
    else if (given == setting_find(group, "password_file"))
        from_file(reading, given, text, password);
    else
        from_environment(reading, given, text, password);
}
