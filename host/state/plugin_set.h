/* plugin_set.h - what runs, as one thing: the configuration's text and the bytes of every plugin file.
 *
 *     <folder>/sets/<id>/shoplane.conf             with the files of its @include in place
 *     <folder>/sets/<id>/plugins/lanes/NAME.so     and plugins/metrics/NAME.so
 *     <folder>/set                                 set_marks: which is good, which is being tried, which failed
 *
 * A set is named by a hash of all that is in it. What is kept is what was loaded, not what lies at the installed paths later:
 * so the last good set can run again whatever became of those. The configuration may hold a password: folders have mode
 * 0700, files 0600, and no text of it is ever logged.
 *
 * Main thread. */
#ifndef STATE_PLUGIN_SET_H
#define STATE_PLUGIN_SET_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define SET_ID_MAX 33 /* 32 hex digits and the zero */
#define SET_CONFIG "shoplane.conf"

struct set_file {
    char *name; /* "shoplane.conf", "plugins/lanes/product.so" */
    char *bytes;
    size_t size;
};
struct plugin_set {
    struct set_file *files; /* by name */
    size_t count, capacity;
    char id[SET_ID_MAX]; /* after plugin_set_name() */
};

/* Takes the bytes over (free()d with the set); a file of the same name is there once. A zeroed struct is an empty set. */
void plugin_set_add(struct plugin_set *set, const char *name, char *bytes, size_t size);
void plugin_set_name(struct plugin_set *set); /* all were added: set->id */
void plugin_set_free(struct plugin_set *set); /* overwrites what it frees: it may hold a password */

/* Write it under sets/ unless it is there and is what its name says; whole or not at all. */
bool plugin_set_store(int folder, const struct plugin_set *set, bool sync, struct error *error);
/* Read the copy: is it what its name says? Only then may it be used. False: it is not there (error->what is empty), or it is
 * damaged or can't be read, and *error says which. */
bool plugin_set_verify(int folder, const char *id, struct error *error);
bool plugin_set_id_valid(const char *id);
/* Verify all copies that there are; the damaged ones are added to the list. Returns how many there are. */
size_t plugin_sets_verify(int folder, struct error_list *damages);
/* Delete every other set, and what is left of unfinished ones. */
void plugin_set_forget_others(int folder, const char *keep, const char *keep_too);

#define SET_REASON_MAX 512
struct set_marks { /* texts are empty where there is none */
    char good[SET_ID_MAX];
    char trying[SET_ID_MAX];   /* a host runs with it and does not know yet whether it is good; or it died over that */
    char failed[SET_ID_MAX];   /* it is not tried again by itself */
    char reason[SET_REASON_MAX]; /* why it failed */
};

/* No file is as good as an empty one; so is one that can't be read or is damaged, but that is said in *error (what is not
 * empty then). */
void set_marks_read(int folder, struct set_marks *marks, struct error *error);
bool set_marks_store(int folder, const struct set_marks *marks, bool sync, struct error *error);

#endif
