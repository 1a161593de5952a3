/* plugin_elf.c - what the file of a plugin says of itself, and files that are damaged or changed in one place each. What real
 * builds do wrong is in plugin_file.c and tests/integration/plugin_check.py. */
#include "plugin/plugin_elf.h"

#include <elf.h>
#include <shoplane/plugin.h>

#include "wrong_plugins.h"

static char *bytes;
static size_t size;

static int set_up(void **state)
{
    (void)state;
    char *folder = wrong_plugins(), *path = memory_format("%s/lanes/plain.so", folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    bytes = memory_new(4 << 20);
    size = fread(bytes, 1, 4 << 20, file);
    (void)fclose(file);
    assert_in_range(size, sizeof(Elf64_Ehdr), (4 << 20) - 1);
    free(path);
    free(folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(bytes);
    return 0;
}

static Elf64_Ehdr *header(void) { return (void *)bytes; }
static Elf64_Phdr *segment(unsigned type, unsigned flags)
{
    Elf64_Phdr *segments = (void *)(bytes + header()->e_phoff);
    for (unsigned i = 0; i < header()->e_phnum; i++)
        if (segments[i].p_type == type && (segments[i].p_flags & flags) == flags)
            return &segments[i];
    fail_msg("no segment of type %x", type);
    return NULL;
}

/* Of a copy of exactly that size, so that the sanitizers see a byte read beyond it. */
static void look(size_t length, struct plugin_elf *elf, struct findings *findings)
{
    char *exact = malloc(length == 0 ? 1 : length);
    memcpy(exact, bytes, length);
    plugin_elf_check(exact, length, elf, findings);
    free(exact);
}

/* There is such a finding, which refuses. */
static void refuses(const char *id, const char *what)
{
    struct plugin_elf elf;
    struct findings findings = {0};
    look(size, &elf, &findings);
    const struct finding *found = NULL;
    for (size_t i = 0; i < findings.count; i++)
        if (strcmp(findings.items[i].id, id) == 0)
            found = &findings.items[i];
    if (found == NULL)
        fail_msg("nothing is said of %s", id);
    assert_int_equal(found->weight, FINDING_REFUSES);
    assert_string_equal(found->error.what, what);
    assert_string_not_equal(found->error.advice, "");
    assert_non_null(findings_refusal(&findings));
    findings_free(&findings);
    free(bytes);
    (void)set_up(NULL);
}

static void a_good_one_says_its_sdk(void **state)
{
    (void)state;
    struct plugin_elf elf;
    struct findings findings = {0};
    look(size, &elf, &findings);
    assert_null(findings_refusal(&findings));
    assert_true(elf.has_note);
    assert_int_equal(elf.sdk_major, SL_SDK_MAJOR);
    assert_int_equal(elf.sdk_minor, SL_SDK_MINOR);
    findings_free(&findings);
}

static void a_header_changed_in_one_place(void **state)
{
    (void)state;
    unsigned ours = header()->e_machine, other = ours == EM_X86_64 ? EM_AARCH64 : EM_X86_64;
    char machine[200], type[200], same[200];
    static const char format[] = "it is not a shared object for this machine (ELF machine %u, type %u; this host is %u, type 3)";
    (void)snprintf(machine, sizeof machine, format, other, 3u, ours);
    (void)snprintf(type, sizeof type, format, ours, 2u, ours);
    (void)snprintf(same, sizeof same, format, ours, 3u, ours);
    header()->e_machine = (Elf64_Half)other;
    refuses("machine", machine);
    header()->e_type = ET_EXEC;
    refuses("machine", type);
    header()->e_ident[EI_CLASS] = ELFCLASS32;
    refuses("machine", same);
    header()->e_ident[EI_DATA] = ELFDATA2MSB;
    refuses("machine", same);
    header()->e_ident[1] = 'e';
    refuses("no_elf", "it is not a shared object (no ELF header)");
    header()->e_shoff = 0;
    header()->e_shnum = 0;
    refuses("sections", "it can't be looked into: its section headers are missing");
    header()->e_phnum = 0;
    refuses("no_note", "it does not say which Shoplane SDK it was built against (no ELF note \"Shoplane\")");
}

static void segments_changed_in_one_place(void **state)
{
    (void)state;
    segment(PT_GNU_STACK, 0)->p_flags |= PF_X;
    refuses("stack", "it asks for an executable stack, for the whole host");
    segment(PT_GNU_STACK, 0)->p_type = PT_NULL; /* who says nothing gets one */
    refuses("stack", "it asks for an executable stack, for the whole host");
    segment(PT_LOAD, PF_X)->p_flags |= PF_W;
    refuses("code_writable", "it has memory that is both written and executed");
}

/* The first entry of the dynamic section with this tag. */
static Elf64_Dyn *entry(int64_t tag)
{
    Elf64_Dyn *at = (void *)(bytes + segment(PT_DYNAMIC, 0)->p_offset);
    for (; at->d_tag != DT_NULL; at++)
        if (at->d_tag == tag)
            return at;
    fail_msg("no entry %lld", (long long)tag);
    return NULL;
}

static void entries_changed_in_one_place(void **state)
{
    (void)state;
    *entry(DT_GNU_HASH) = (Elf64_Dyn){.d_tag = DT_FLAGS, .d_un = {.d_val = DF_STATIC_TLS}};
    refuses("static_tls", "it wants thread-local memory from the start of the process, which may be used up");
    *entry(DT_GNU_HASH) = (Elf64_Dyn){.d_tag = DT_FLAGS, .d_un = {.d_val = DF_TEXTREL}};
    refuses("text_relocations", "its code would be changed while it is loaded");
    *entry(DT_GNU_HASH) = (Elf64_Dyn){.d_tag = DT_TEXTREL};
    refuses("text_relocations", "its code would be changed while it is loaded");
}

static void a_file_cut_anywhere_is_refused_or_read(void **state)
{
    (void)state;
    for (size_t length = 0; length < size; length += length < 5000 ? 1 : 97) {
        struct plugin_elf elf;
        struct findings findings = {0};
        look(length, &elf, &findings);
        assert_non_null(findings_refusal(&findings)); /* its section headers are at its end */
        findings_free(&findings);
    }
}

/* Whatever it says then, it says it from inside the bytes. */
static void a_file_with_any_bytes_changed_is_read(void **state)
{
    (void)state;
    uint64_t random = 11;
    char *good = memory_new(size);
    memcpy(good, bytes, size);
    for (int i = 0; i < 4000; i++) {
        for (int n = 0; n < 1 + i % 5; n++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            /* Mostly where the structure is: the headers, the dynamic part, the section headers. */
            size_t at = (random >> 60) < 6 ? (random >> 20) % 1024 : (random >> 60) < 12 ? size - 1 - (random >> 20) % 2600
                                                                                         : (random >> 20) % size;
            bytes[at % size] = (char)(random >> 33);
        }
        struct plugin_elf elf;
        struct findings findings = {0};
        look(size, &elf, &findings);
        findings_free(&findings);
        memcpy(bytes, good, size);
    }
    free(good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_good_one_says_its_sdk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_header_changed_in_one_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(segments_changed_in_one_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(entries_changed_in_one_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_cut_anywhere_is_refused_or_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_with_any_bytes_changed_is_read, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
