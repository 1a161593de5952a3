/* plugin_elf.h - what the file of a plugin says of itself, read without running anything of it.
 *
 * A plugin is a shared object of one exported symbol, with a note that names its SDK (plugin.h of the SDK). Much of what goes
 * wrong with shared objects shows in the file already: that it wants symbols nobody gives it, runs code before it is asked to,
 * brings its own search path, or was linked against what is the host's own. The loader refuses by these findings before it
 * loads anything, and `shoplane plugin check` shows all of them.
 *
 * What only the loaded tables can tell is plugin_table.h's. */
#ifndef PLUGIN_PLUGIN_ELF_H
#define PLUGIN_PLUGIN_ELF_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum finding_weight {
    FINDING_WARNS,  /* it is loaded, and its author should know */
    FINDING_REFUSES /* it is not loaded */
};

/* What was found, why that is bad, and what to do. */
struct finding {
    enum finding_weight weight;
    const char *id; /* "undefined", "constructor", ...: for tests and scripts; never changes */
    struct error error; /* `found`: the values, which may be long */
};

/* A zeroed struct is empty. In the order in which they were found. */
struct findings {
    struct finding *items;
    size_t count, capacity;
};
struct finding *findings_add(struct findings *findings, enum finding_weight weight, const char *id);
/* The first that refuses; NULL: it may be loaded. */
const struct finding *findings_refusal(const struct findings *findings);
void findings_free(struct findings *findings);

struct plugin_elf {
    bool has_note;
    uint32_t sdk_major, sdk_minor;
    bool instrumented; /* built with a sanitizer or for coverage: it runs in a host that was built so */
};

/* Look at the whole bytes of a file, which may be anything. Never reads outside of them. */
void plugin_elf_check(const void *bytes, size_t size, struct plugin_elf *elf, struct findings *findings);

/* The variable that this address of the file is in, by the name that the finding "variables" has. False: its names were stripped, or
 * there is none. */
bool plugin_elf_variable(const void *bytes, size_t size, uint64_t address, char *name, size_t name_size);

#endif
