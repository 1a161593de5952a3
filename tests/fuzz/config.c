/* config.c - any text as a configuration: it is read or refused, never both, and our own reading of libconfig's grammar
 * (host/config/syntax.h) finds a fault exactly where libconfig does. */
#include "config/config.h"
#include "config/syntax.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libconfig 1.5 leaks texts that are not closed; what we hand to it in earnest has none. */
#if defined(__has_feature) && __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define LEAKS_ALLOWED(allowed) ((allowed) ? __lsan_disable() : __lsan_enable())
#else
#define LEAKS_ALLOWED(allowed) ((void)0)
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Does libconfig's grammar take it? -1: it stopped for another reason, a name that is there twice for instance. */
static int libconfig_takes(const char *text)
{
    config_t tree;
    LEAKS_ALLOWED(true);
    config_init(&tree);
    int taken = config_read_string(&tree, text) == CONFIG_TRUE;
    if (!taken && (config_error_text(&tree) == NULL || strcmp(config_error_text(&tree), "syntax error") != 0))
        taken = -1;
    config_destroy(&tree);
    LEAKS_ALLOWED(false);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* No files: another's includes, a password file that is a device. A zero byte would end the text. */
    if (size > 65536 || memmem(data, size, "@include", 8) != NULL || memmem(data, size, "password_file", 13) != NULL)
        return 0;
    char *text = malloc(size + 2);
    if (text == NULL)
        return 0;
    for (size_t i = 0; i < size; i++)
        text[i] = data[i] == '\0' ? ' ' : (char)data[i];
    text[size] = '\n';
    text[size + 1] = '\0';

    struct error_list errors = {0};
    struct config *config = config_read_text(text, "fuzz.conf", &errors);
    if ((config == NULL) != (errors.count > 0))
        abort();
    for (size_t i = 0; i < errors.count; i++)
        if (strncmp(errors.items[i].found, "fuzz.conf:", 10) != 0 || errors.items[i].what[0] == '\0' ||
            errors.items[i].advice[0] == '\0')
            abort();
    config_free(config);
    error_list_free(&errors);

    struct syntax_fault fault = {0};
    struct config_memory *memory = config_memory_new();
    struct whole_text whole;
    bool faulty = !whole_text_make(&whole, text, strlen(text), "fuzz.conf", NULL, memory) || syntax_explain(&whole, &fault);
    whole_text_free(&whole);
    config_memory_free(memory);
    int taken = libconfig_takes(text);
    /* Where we are stricter: what is not closed swallows the rest of the file, and libconfig says nothing. */
    bool stricter = strstr(fault.detail, "nested more than") != NULL || strstr(fault.detail, "never closed") != NULL ||
                    strstr(fault.detail, "closing quote is missing") != NULL ||
                    strstr(fault.detail, "goes on over the end of the line") != NULL;
    /* What is explained is the grammar of 1.5. Since 1.7 a list may end with a comma, an integer can be too large. */
    bool same_grammar = LIBCONFIG_VER_MAJOR == 1 && LIBCONFIG_VER_MINOR < 7;
    if (same_grammar && taken != -1 && faulty != (taken == 0) && !(faulty && stricter))
        abort();
    free(text);
    return 0;
}
