/* loaded.h - a plugin in memory: its calls into the C library, taken over, and its global variables, looked at.
 *
 * A shared object calls what it imports through a table of its own, which the dynamic linker fills. Entries of some functions
 * are replaced in it, for this one plugin and nobody else: so allocation fails where that is wanted, blocks that are never
 * freed are counted, and who asks for the time of the day or for chance is seen. What was compiled with a sanitizer imports its
 * functions under the same names.
 *
 * One thread; only in processes that end soon: nothing is put back. */
#ifndef TESTHOST_LOADED_H
#define TESTHOST_LOADED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loaded_calls {
    uint64_t allocations; /* malloc, calloc, realloc, strdup, ... so far */
    uint64_t fail_from;   /* this one fails, counted from 1, and all after it where `fail_all`; 0: none does */
    bool fail_all;
    size_t live, live_bytes; /* blocks that are allocated now */
    const char *impure; /* "time": the first function called while `pure` whose answer is not the same each time; or NULL */
    bool pure;          /* such functions are noticed */
};

/* The object that has this address in it: its table of the SDK, say. Of several objects the calls are counted together. The
 * calls, zeroed; NULL: it can't be done on this machine. */
struct loaded_calls *loaded_take_over(const void *address);

/* Its variables that are not constant, as they are now: a copy. */
struct loaded_variables {
    const char *start; /* in memory */
    char *copy;
    size_t size;
    uintptr_t base; /* of the object */
};
#define LOADED_SEGMENTS 8
struct loaded_image {
    struct loaded_variables segments[LOADED_SEGMENTS];
    size_t count;
};
void loaded_image_take(struct loaded_image *image, const void *address);
void loaded_image_free(struct loaded_image *image);
/* True: one has changed since; *where is its address as the file's symbols count it. */
bool loaded_image_changed(const struct loaded_image *image, uintptr_t *where);

#endif
