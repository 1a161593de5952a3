/* sdk_note.c - see sdk_note.h. Everything here comes from a file and is checked before it is used. */
#include "plugin/sdk_note.h"

#include <elf.h>
#include <shoplane/plugin.h>
#include <string.h>

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#error "name this machine's ELF number here"
#endif

static bool inside(size_t size, uint64_t offset, uint64_t length) { return offset <= size && length <= size - offset; }

/* Walk the notes of one segment; true when ours is found. */
static bool segment_note(const char *notes, size_t size, struct sdk_note *note)
{
    size_t at = 0;
    while (inside(size, at, sizeof(Elf64_Nhdr))) {
        Elf64_Nhdr header;
        memcpy(&header, notes + at, sizeof header);
        size_t owner = at + sizeof header;
        size_t owner_size = ((size_t)header.n_namesz + 3) & ~(size_t)3;
        size_t descriptor_size = ((size_t)header.n_descsz + 3) & ~(size_t)3;
        if (!inside(size, owner, owner_size) || !inside(size, owner + owner_size, header.n_descsz))
            return false;
        if (header.n_namesz == sizeof SL_NOTE_OWNER && header.n_type == SL_NOTE_SDK && header.n_descsz >= 8 &&
            memcmp(notes + owner, SL_NOTE_OWNER, sizeof SL_NOTE_OWNER) == 0) {
            memcpy(&note->major, notes + owner + owner_size, 4);
            memcpy(&note->minor, notes + owner + owner_size + 4, 4);
            return true;
        }
        at = owner + owner_size + descriptor_size;
    }
    return false;
}

bool sdk_note_read(const void *bytes, size_t size, struct sdk_note *note, struct error *error)
{
    Elf64_Ehdr header;
    if (size < sizeof header || memcmp(bytes, ELFMAG, SELFMAG) != 0) {
        error_what(error, "it is not a shared object (no ELF header)");
        error_advice(error, "compile it with -shared -fPIC, or name another file");
        return false;
    }
    memcpy(&header, bytes, sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_machine != OUR_MACHINE || header.e_type != ET_DYN) {
        error_what(error, "it is not a shared object for this machine (ELF machine %u, type %u; this host is %u, type %u)",
                   header.e_machine, header.e_type, (unsigned)OUR_MACHINE, (unsigned)ET_DYN);
        error_advice(error, "rebuild it on, or for, this machine with -shared -fPIC");
        return false;
    }
    for (uint32_t i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        uint64_t at = header.e_phoff + (uint64_t)i * header.e_phentsize;
        if (header.e_phentsize < sizeof segment || at < header.e_phoff || !inside(size, at, sizeof segment))
            break;
        memcpy(&segment, (const char *)bytes + at, sizeof segment);
        if (segment.p_type == PT_NOTE && inside(size, segment.p_offset, segment.p_filesz) &&
            segment_note((const char *)bytes + segment.p_offset, segment.p_filesz, note))
            return true;
    }
    error_what(error, "it does not say which Shoplane SDK it was built against (no ELF note \"%s\")", SL_NOTE_OWNER);
    error_advice(error, "end its source with SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...) of <shoplane/plugin.h>");
    return false;
}
