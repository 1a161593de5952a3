/* event_name.c - see event_name.h. */
#include "snowplow/event_name.h"

#include "snowplow/vocabulary.h"

#include <string.h>

static bool is(sl_view name, const char *word)
{
    return name.size != 0 && *name.data == *word && strlen(word) == name.size && memcmp(word, name.data, name.size) == 0;
}

bool event_is_action(sl_view name)
{
    for (const char *const *action = vocabulary_actions; *action != NULL; action++)
        if (is(name, *action))
            return true;
    return false;
}

bool event_is_built_in(sl_view name) { return is(name, "page_view") || is(name, "page_ping") || is(name, "struct"); }

bool event_vendor_is_snowplow(sl_view vendor)
{
    static const char prefix[] = "com.snowplowanalytics.";
    return vendor.size >= sizeof prefix && memcmp(vendor.data, prefix, sizeof prefix - 1) == 0;
}

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

bool event_name_listable(const char *listed)
{
    size_t vendor = strcspn(listed, "/");
    bool any = vendor == 1 && *listed == '*';
    if (listed[vendor] == '/') {
        if (vendor == 0 || (!any && strspn(listed, NAME_LETTERS ".") != vendor))
            return false;
        listed += vendor + 1;
    }
    size_t size = strlen(listed);
    return size > 0 && strspn(listed, NAME_LETTERS) == size;
}

const char *event_name_bare(const char *name)
{
    const char *slash = strchr(name, '/');
    return slash == NULL ? name : slash + 1;
}

bool event_name_fits(const char *listed, const char *name)
{
    if (strcmp(listed, name) == 0)
        return true;
    return listed[0] == '*' && listed[1] == '/' && strcmp(listed + 2, event_name_bare(name)) == 0;
}
