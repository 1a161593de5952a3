/* plugin_elf.c - any bytes as the file of a plugin: it is judged from inside the bytes, and what refuses says why and what to do.
 * Begins with real plugins, right ones and wrong ones, as they were built. */
#include "plugin/plugin_elf.h"

#include <shoplane/plugin.h>
#include <stdlib.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plugin_elf elf;
    struct findings findings = {0};
    plugin_elf_check(data, size, &elf, &findings);
    for (size_t i = 0; i < findings.count; i++)
        CHECK(findings.items[i].error.what[0] != '\0' && findings.items[i].error.advice[0] != '\0');
    bool speaks = elf.has_note && elf.sdk_major == SL_SDK_MAJOR && elf.sdk_minor <= SL_SDK_MINOR;
    CHECK(speaks || findings_refusal(&findings) != NULL);
    findings_free(&findings);
    return 0;
}
