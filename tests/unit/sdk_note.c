/* sdk_note.c - the note of a shared object, read from bytes that may be anything. */
#include "plugin/sdk_note.h"

#include <elf.h>
#include <shoplane/plugin.h>
#include <stdio.h>

#include "wrong_plugins.h"

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#define OTHER_MACHINE EM_AARCH64
#else
#define OUR_MACHINE EM_AARCH64
#define OTHER_MACHINE EM_X86_64
#endif

/* A file of two segments: the second is the one with notes; a note of somebody else comes before ours. */
struct note {
    Elf64_Nhdr header;
    char owner[12];
    uint32_t major, minor;
};
struct file {
    Elf64_Ehdr header;
    Elf64_Phdr segments[2];
    Elf64_Nhdr other;
    char other_owner[4];
    char other_descriptor[8]; /* 5 bytes, padded */
    struct note note;
};

static struct file good(void)
{
    struct file file = {
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_DYN,
                   .e_machine = OUR_MACHINE,
                   .e_phoff = offsetof(struct file, segments),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 2},
        .segments = {{.p_type = PT_LOAD, .p_filesz = UINT64_MAX},
                     {.p_type = PT_NOTE,
                      .p_offset = offsetof(struct file, other),
                      .p_filesz = sizeof(struct file) - offsetof(struct file, other)}},
        .other = {4, 5, 1},
        .other_owner = "GNU",
        .note = {{9, 8, SL_NOTE_SDK}, SL_NOTE_OWNER, 3, 14},
    };
    return file;
}

/* From memory of exactly that size, so that the sanitizers see a byte read beyond it. */
static bool reads(const struct file *file, size_t size, struct sdk_note *note, struct error *error)
{
    char *exact = malloc(size == 0 ? 1 : size);
    memcpy(exact, file, size);
    bool found = sdk_note_read(exact, size, note, error);
    free(exact);
    return found;
}

static const char no_elf[] = "it is not a shared object (no ELF header)";
static const char no_note[] = "it does not say which Shoplane SDK it was built against (no ELF note \"Shoplane\")";

static void refused(const struct file *file, const char *what)
{
    struct sdk_note note;
    struct error error = {0};
    assert_false(reads(file, sizeof *file, &note, &error));
    assert_string_equal(error.what, what);
    assert_string_not_equal(error.advice, "");
}

static void the_note_is_found_behind_another(void **state)
{
    (void)state;
    struct file file = good();
    struct sdk_note note;
    struct error error;
    assert_true(reads(&file, sizeof file, &note, &error));
    assert_int_equal(note.major, 3);
    assert_int_equal(note.minor, 14);
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    (void)state;
    struct file file = good();
    for (size_t size = 0; size < sizeof file; size++) {
        struct sdk_note note;
        struct error error = {0};
        assert_false(reads(&file, size, &note, &error));
        assert_string_equal(error.what, size < sizeof(Elf64_Ehdr) ? no_elf : no_note);
        /* Also where the header knows how long it is now. */
        if (size < offsetof(struct file, other))
            continue;
        struct file shorter = file;
        shorter.segments[1].p_filesz = size - offsetof(struct file, other);
        assert_false(reads(&shorter, size, &note, &error));
        assert_string_equal(error.what, no_note);
    }
}

static void a_real_plugin_cut_anywhere_is_refused_or_read(void **state)
{
    (void)state;
    char *folder = wrong_plugins(), *path = memory_format("%s/lanes/plain.so", folder);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *bytes = memory_new(1 << 20);
    size_t size = fread(bytes, 1, 1 << 20, file);
    (void)fclose(file);
    struct sdk_note note;
    struct error error;
    assert_true(sdk_note_read(bytes, size, &note, &error));
    assert_int_equal(note.major, SL_SDK_MAJOR);
    assert_int_equal(note.minor, SL_SDK_MINOR);
    size_t read_from = 0;
    for (size_t length = 0; length < 6000 && length < size; length++) {
        char *exact = malloc(length + 1);
        memcpy(exact, bytes, length);
        bool found = sdk_note_read(exact, length, &note, &error);
        assert_true(found || read_from == 0); /* from the length at which the note is inside it is found */
        read_from = found && read_from == 0 ? length : read_from;
        free(exact);
    }
    assert_true(read_from > sizeof(Elf64_Ehdr));
    free(bytes);
    free(path);
    free(folder);
}

static void other_machines_and_kinds_are_refused(void **state)
{
    (void)state;
    char what[200];
    struct file file = good();
    file.header.e_machine = OTHER_MACHINE;
    (void)snprintf(what, sizeof what,
                   "it is not a shared object for this machine (ELF machine %u, type 3; this host is %u, type 3)",
                   (unsigned)OTHER_MACHINE, (unsigned)OUR_MACHINE);
    refused(&file, what);
    file = good();
    file.header.e_type = ET_EXEC;
    (void)snprintf(what, sizeof what,
                   "it is not a shared object for this machine (ELF machine %u, type 2; this host is %u, type 3)",
                   (unsigned)OUR_MACHINE, (unsigned)OUR_MACHINE);
    refused(&file, what);
    (void)snprintf(what, sizeof what,
                   "it is not a shared object for this machine (ELF machine %u, type 3; this host is %u, type 3)",
                   (unsigned)OUR_MACHINE, (unsigned)OUR_MACHINE);
    file = good();
    file.header.e_ident[EI_CLASS] = ELFCLASS32;
    refused(&file, what);
    file = good();
    file.header.e_ident[EI_DATA] = ELFDATA2MSB;
    refused(&file, what);
    file = good();
    file.header.e_ident[1] = 'e';
    refused(&file, no_elf);
}

static void a_note_that_is_not_ours_is_none(void **state)
{
    (void)state;
    struct file file = good();
    file.note.owner[7] = 'E';
    refused(&file, no_note);
    file = good();
    file.note.header.n_namesz = 8; /* without its zero */
    refused(&file, no_note);
    file = good();
    file.note.header.n_type = 2;
    refused(&file, no_note);
    file = good();
    file.note.header.n_descsz = 4; /* no minor */
    refused(&file, no_note);
    file = good();
    file.segments[1].p_type = PT_LOAD;
    refused(&file, no_note);
    file = good();
    file.header.e_phnum = 0;
    refused(&file, no_note);
    file = good();
    file.header.e_phnum = 1;
    refused(&file, no_note);
}

static void sizes_and_offsets_beyond_the_file_are_refused(void **state)
{
    (void)state;
    static const uint64_t huge[] = {sizeof(struct file) + 1, UINT32_MAX, (uint64_t)1 << 32, INT64_MAX, UINT64_MAX - 7,
                                    UINT64_MAX};
    for (size_t i = 0; i < sizeof huge / sizeof huge[0]; i++) {
        struct file file = good();
        file.header.e_phoff = huge[i];
        refused(&file, no_note);
        file = good();
        file.segments[1].p_offset = huge[i];
        refused(&file, no_note);
        file = good();
        file.segments[1].p_filesz = huge[i];
        refused(&file, no_note);
        file = good();
        file.other.n_namesz = (uint32_t)huge[i];
        if (file.other.n_namesz > sizeof file) {
            refused(&file, no_note);
            file = good();
            file.other.n_descsz = (uint32_t)huge[i];
            refused(&file, no_note);
            file = good();
            file.note.header.n_descsz = (uint32_t)huge[i];
            refused(&file, no_note);
        }
    }
    struct file file = good();
    file.header.e_phentsize = 1;
    refused(&file, no_note);
    file = good();
    file.header.e_phnum = UINT16_MAX; /* more than there are, the note among the first */
    struct sdk_note note;
    struct error error;
    assert_true(reads(&file, sizeof file, &note, &error));
}

/* Any bytes changed anywhere: found or refused, and never a byte read outside (that is for the sanitizers to say). */
static void damaged_files_are_found_or_refused(void **state)
{
    (void)state;
    uint64_t seed = 23;
    size_t found = 0;
    for (int round = 0; round < 200000; round++) {
        struct file file = good();
        for (int changes = 1 + round % 4; changes > 0; changes--) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            ((unsigned char *)&file)[4 + (seed >> 33) % (sizeof file - 4)] = (unsigned char)(seed >> 24);
        }
        struct sdk_note note;
        struct error error = {0};
        if (reads(&file, sizeof file, &note, &error))
            found++;
        else
            assert_string_not_equal(error.what, "");
    }
    assert_in_range(found, 1000, 199000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_note_is_found_behind_another),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_real_plugin_cut_anywhere_is_refused_or_read),
        cmocka_unit_test(other_machines_and_kinds_are_refused),
        cmocka_unit_test(a_note_that_is_not_ours_is_none),
        cmocka_unit_test(sizes_and_offsets_beyond_the_file_are_refused),
        cmocka_unit_test(damaged_files_are_found_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
