/* read_shadow.c - lanes and metric parsers that stand beside others: `as`, `shadow_of`, `role`, `prefix`. */
#include "config/groups.h"

#include <string.h>

#define PREFIX_MAX 15 /* bytes: keys are written a million times */

/* What says something of a shadow where there is none. */
static void refuse_alone(struct reading *reading, const config_setting_t *group, const char *name)
{
    const config_setting_t *setting = setting_find(group, name);
    if (setting != NULL)
        error_advice(mistake_at(reading, setting, "goes with shadow_of only"), "add shadow_of = \"NAME\"; or leave it out");
}

static void read_prefix(struct reading *reading, const config_setting_t *group, struct shadow_settings *shadow)
{
    if (text_read(reading, group, "prefix", "next", &shadow->prefix) != GOOD)
        return;
    const config_setting_t *setting = setting_find(group, "prefix");
    if (!name_check(reading, setting, shadow->prefix))
        return;
    bool ours = strcmp(shadow->prefix, "user") == 0 || strcmp(shadow->prefix, "session") == 0 ||
                strcmp(shadow->prefix, "shoplane") == 0;
    if (ours || strlen(shadow->prefix) > PREFIX_MAX)
        error_advice(mistake_at(reading, setting, ours ? "is what other keys begin with" : "is too long"),
                     "a word of at most %d bytes that no other key begins with: prefix = \"next\";", PREFIX_MAX);
}

void read_shadow(struct reading *reading, const config_setting_t *group, const char *name, const char **as,
                 struct shadow_settings *shadow)
{
    static const char *const roles[] = {"shadow", "live", NULL};
    int role = 0;
    *as = name;
    shadow->place = setting_place(reading, group);
    if (text_read(reading, group, "as", "product_next", as) == GOOD)
        (void)name_check(reading, setting_find(group, "as"), *as);
    if (text_read(reading, group, "shadow_of", "product", &shadow->of) == ABSENT) {
        refuse_alone(reading, group, "role");
        refuse_alone(reading, group, "prefix");
        return;
    }
    shadow->place = setting_place(reading, setting_find(group, "shadow_of"));
    (void)choice_read(reading, group, "role", roles, &role);
    shadow->live = role == 1;
    read_prefix(reading, group, shadow);
}

static size_t find(const struct shadow_list *entries, const char *name)
{
    size_t i = 0;
    while (i < entries->count && (entries->names[i] == NULL || strcmp(entries->names[i], name) != 0))
        i++;
    return i;
}

/* Another one that takes the place of the same. */
static bool has_rival(const struct shadow_list *entries, size_t number)
{
    const struct shadow_settings *shadow = entries->shadows[number];
    for (size_t i = 0; i < number; i++)
        if (entries->shadows[i]->of != NULL && entries->shadows[i]->live && strcmp(entries->shadows[i]->of, shadow->of) == 0)
            return shadow->live;
    return false;
}

void check_shadows(struct reading *reading, const config_setting_t *list, const struct shadow_list *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        const struct shadow_settings *shadow = entries->shadows[i];
        if (shadow->of == NULL)
            continue;
        const config_setting_t *setting = setting_find(config_setting_get_elem(list, (unsigned)i), "shadow_of");
        size_t of = find(entries, shadow->of);
        if (of == entries->count)
            error_advice(mistake_at(reading, setting, "names no %s that is here", entries->what),
                         "the name of the %s it stands beside", entries->what);
        else if (of == i)
            error_advice(mistake_at(reading, setting, "names the %s itself", entries->what),
                         "the name of another one; of the same plugin twice one is called otherwise: as = \"NAME\";");
        else if (entries->shadows[of]->of != NULL)
            error_advice(mistake_at(reading, setting, "names a %s that stands beside another one itself", entries->what),
                         "shadow_of = \"%s\"; as that one", entries->shadows[of]->of);
        else if (has_rival(entries, i))
            error_advice(mistake_at(reading, setting, "names a %s whose place another one has taken", entries->what),
                         "role = \"live\"; in one of the two only");
    }
}
