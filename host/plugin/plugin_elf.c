/* plugin_elf.c - see plugin_elf.h. The file is read by libelf; what it says is judged here. */
#include "plugin/plugin_elf.h"

#include "base/memory.h"
#include "plugin/plugin_table.h"

#include <shoplane/plugin.h>

#include <elf.h>
#include <gelf.h>
#include <libelf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#define OUR_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OUR_MACHINE EM_AARCH64
#else
#error "name this machine's ELF number here"
#endif

#define FOUND_MAX 8 /* names that are listed in one finding */
#define SECTIONS_MAX 256 /* of a file, of which those that are written are known */

/* ---- findings ---- */

struct finding *findings_add(struct findings *findings, enum finding_weight weight, const char *id)
{
    if (findings->count == findings->capacity) {
        findings->capacity = findings->capacity == 0 ? 8 : findings->capacity * 2;
        findings->items = memory_resize(findings->items, findings->capacity * sizeof *findings->items);
    }
    struct finding *finding = &findings->items[findings->count++];
    *finding = (struct finding){.weight = weight, .id = id};
    return finding;
}

const struct finding *findings_refusal(const struct findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->items[i].weight == FINDING_REFUSES)
            return &findings->items[i];
    return NULL;
}

void findings_free(struct findings *findings)
{
    free(findings->items);
    *findings = (struct findings){0};
}

__attribute__((format(printf, 4, 5))) static struct error *find(struct findings *findings, enum finding_weight weight,
                                                                const char *id, const char *format, ...)
{
    char what[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    struct error *error = &findings_add(findings, weight, id)->error;
    error_what(error, "%s", what);
    return error;
}

/* Names that belong together: how many, and the first of them as one text. */
struct names {
    size_t count;
    char text[400];
};

static void names_add(struct names *names, const char *name)
{
    size_t used = strlen(names->text);
    if (names->count++ < FOUND_MAX)
        (void)snprintf(names->text + used, sizeof names->text - used, "%s%.60s", used == 0 ? "" : ", ", name);
    else if (names->count == FOUND_MAX + 1)
        (void)snprintf(names->text + used, sizeof names->text - used, ", ...");
}

/* ---- the file ---- */

struct reading {
    Elf *file;
    struct plugin_elf *elf;
    struct findings *findings;
    bool tls;             /* it has thread-local variables */
    size_t constructors;  /* that its language's library brings, and that do nothing to us */
    bool other_libraries; /* it needs some of which we know nothing */
};

static bool starts(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static bool check_header(const void *bytes, size_t size, struct findings *findings)
{
    Elf64_Ehdr header;
    if (size < sizeof header || memcmp(bytes, ELFMAG, SELFMAG) != 0) {
        error_advice(find(findings, FINDING_REFUSES, "no_elf", "it is not a shared object (no ELF header)"),
                     "compile it with -shared -fPIC, or name another file");
        return false;
    }
    memcpy(&header, bytes, sizeof header);
    if (header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == ELFDATA2LSB &&
        header.e_machine == OUR_MACHINE && header.e_type == ET_DYN)
        return true;
    error_advice(find(findings, FINDING_REFUSES, "machine",
                      "it is not a shared object for this machine (ELF machine %u, type %u; this host is %u, type %u)",
                      header.e_machine, header.e_type, (unsigned)OUR_MACHINE, (unsigned)ET_DYN),
                 "rebuild it on, or for, this machine with -shared -fPIC");
    return false;
}

/* ---- the note ---- */

/* How many notes of ours are in this segment; the first one's SDK goes to *elf. */
static size_t read_notes(const struct reading *reading, const GElf_Phdr *segment)
{
    Elf_Data *data = elf_getdata_rawchunk(reading->file, (int64_t)segment->p_offset, segment->p_filesz, ELF_T_NHDR);
    size_t count = 0, name_at, text_at;
    GElf_Nhdr note;
    for (size_t at = 0; data != NULL && (at = gelf_getnote(data, at, &note, &name_at, &text_at)) > 0;) {
        const char *base = data->d_buf;
        if (note.n_namesz != sizeof SL_NOTE_OWNER || note.n_type != SL_NOTE_SDK || note.n_descsz < 8 ||
            memcmp(base + name_at, SL_NOTE_OWNER, sizeof SL_NOTE_OWNER) != 0)
            continue;
        if (!reading->elf->has_note) {
            memcpy(&reading->elf->sdk_major, base + text_at, 4);
            memcpy(&reading->elf->sdk_minor, base + text_at + 4, 4);
        }
        reading->elf->has_note = true;
        count++;
    }
    return count;
}

static void judge_note(const struct reading *reading, size_t notes)
{
    const struct plugin_elf *elf = reading->elf;
    if (!elf->has_note)
        error_advice(find(reading->findings, FINDING_REFUSES, "no_note",
                          "it does not say which Shoplane SDK it was built against (no ELF note \"%s\")", SL_NOTE_OWNER),
                     "end its source with SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...) of <shoplane/plugin.h>");
    else if (notes > 1)
        error_advice(find(reading->findings, FINDING_REFUSES, "notes", "it is %zu plugins in one file", notes),
                     "one of these a shared object: SL_LANE_PLUGIN(...), SL_METRIC_PLUGIN(...), or SL_PLUGIN(...) for one of each");
    else if (elf->sdk_major != SL_SDK_MAJOR || elf->sdk_minor > SL_SDK_MINOR)
        error_advice(find(reading->findings, FINDING_REFUSES, "sdk", "it was built for SDK %u.%u, this host speaks %d.%d",
                          elf->sdk_major, elf->sdk_minor, SL_SDK_MAJOR, SL_SDK_MINOR),
                     "rebuild it against shoplane %d.x headers, or install a shoplane that speaks SDK %u.%u", SL_SDK_MAJOR,
                     elf->sdk_major, elf->sdk_minor);
}

/* ---- segments ---- */

static void check_segments(struct reading *reading)
{
    size_t count = 0, notes = 0;
    bool stack = false, stack_runs = false, writes_code = false;
    (void)elf_getphdrnum(reading->file, &count);
    for (size_t i = 0; i < count && i <= INT32_MAX; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(reading->file, (int)i, &segment) == NULL)
            break;
        if (segment.p_type == PT_NOTE)
            notes += read_notes(reading, &segment);
        reading->tls = reading->tls || segment.p_type == PT_TLS;
        writes_code = writes_code || (segment.p_type == PT_LOAD && (segment.p_flags & (PF_W | PF_X)) == (PF_W | PF_X));
        stack = stack || segment.p_type == PT_GNU_STACK;
        stack_runs = stack_runs || (segment.p_type == PT_GNU_STACK && (segment.p_flags & PF_X) != 0);
    }
    judge_note(reading, notes);
    if (stack_runs || !stack)
        error_advice(find(reading->findings, FINDING_REFUSES, "stack", "it asks for an executable stack, for the whole host"),
                     "no functions inside functions, assembler files with .section .note.GNU-stack; link with -Wl,-z,noexecstack");
    if (writes_code)
        error_advice(find(reading->findings, FINDING_REFUSES, "code_writable", "it has memory that is both written and executed"),
                     "link it as usual: no -Wl,-N, no linker script of its own");
}

/* ---- the dynamic section ---- */

/* What every process has, and what a compiler may link on its own. */
static bool is_systems(const char *library)
{
    static const char *const systems[] = {"libc.so.",     "libm.so.",   "libgcc_s.so.", "libstdc++.so.", "libpthread.so.",
                                          "libdl.so.",    "librt.so.",  "ld-linux",     "libatomic.so.", "libmvec.so.",
                                          "libasan.so.",  "libubsan.so.", "libtsan.so.", "libclang_rt."};
    for (size_t i = 0; i < sizeof systems / sizeof *systems; i++)
        if (starts(library, systems[i]))
            return true;
    return false;
}

static bool is_hosts(const char *library)
{
    static const char *const hosts[] = {"librdkafka", "libhiredis", "libconfig", "libsimdjson", "libxxhash", "libelf"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (starts(library, hosts[i]))
            return true;
    return false;
}

static void need(struct reading *reading, const char *library)
{
    if (is_systems(library))
        return;
    reading->other_libraries = true;
    if (is_hosts(library)) {
        struct error *error = find(reading->findings, FINDING_REFUSES, "host_library", "it links %s, which is the host's own",
                                   library);
        error_advice(error, "take it out of the link: Kafka, Redis and the configuration are the host's business; what a plugin "
                            "needs comes through its functions' arguments");
        return;
    }
    error_advice(find(reading->findings, FINDING_WARNS, "library", "it links %s, which must be on every machine it runs on", library),
                 "link it statically, or see that it is installed; it must neither start threads nor keep state between calls");
}

static void find_text_relocations(struct reading *reading)
{
    error_advice(find(reading->findings, FINDING_REFUSES, "text_relocations", "its code would be changed while it is loaded"),
                 "compile all of it with -fPIC");
}

static void check_entry(struct reading *reading, const GElf_Dyn *entry, const char *text)
{
    switch (entry->d_tag) {
    case DT_NEEDED: need(reading, text); break;
    case DT_RPATH:
    case DT_RUNPATH:
        error_advice(find(reading->findings, FINDING_REFUSES, "search_path", "it brings a search path for libraries: \"%.200s\"", text),
                     "link it without -Wl,-rpath (CMake: set CMAKE_SKIP_RPATH)");
        break;
    case DT_TEXTREL: find_text_relocations(reading); break;
    case DT_FLAGS:
        if ((entry->d_un.d_val & DF_STATIC_TLS) != 0 && !reading->elf->instrumented)
            error_advice(find(reading->findings, FINDING_REFUSES, "static_tls",
                              "it wants thread-local memory from the start of the process, which may be used up"),
                         "compile it with -fPIC and without -ftls-model=initial-exec; better: keep no such variables");
        if ((entry->d_un.d_val & DF_TEXTREL) != 0)
            find_text_relocations(reading);
        break;
    case DT_INIT_ARRAYSZ: /* one is the compiler's own start file's */
    case DT_FINI_ARRAYSZ:
        if (entry->d_un.d_val <= (1 + (entry->d_tag == DT_INIT_ARRAYSZ ? reading->constructors : 0)) * sizeof(Elf64_Addr) ||
            reading->elf->instrumented)
            break;
        error_advice(find(reading->findings, FINDING_REFUSES, entry->d_tag == DT_INIT_ARRAYSZ ? "constructor" : "destructor",
                          "%llu of its functions would run by itself when it is %s",
                          (unsigned long long)(entry->d_un.d_val / sizeof(Elf64_Addr) - 1) -
                              (entry->d_tag == DT_INIT_ARRAYSZ ? reading->constructors : 0),
                          entry->d_tag == DT_INIT_ARRAYSZ ? "loaded" : "unloaded"),
                     "no __attribute__((constructor)), no C++ objects outside of functions: what is to be prepared, `open` prepares");
        break;
    default: break;
    }
}

static void check_dynamic(struct reading *reading, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Dyn entry;
    for (int i = 0; data != NULL && gelf_getdyn(data, i, &entry) != NULL && entry.d_tag != DT_NULL; i++) {
        bool named = entry.d_tag == DT_NEEDED || entry.d_tag == DT_RPATH || entry.d_tag == DT_RUNPATH;
        const char *text = named ? elf_strptr(reading->file, header->sh_link, entry.d_un.d_val) : "";
        check_entry(reading, &entry, text == NULL ? "" : text);
    }
}

/* ---- symbols ---- */

/* The compiler's, or its runtime's. */
static bool is_reserved(const char *name)
{
    return starts(name, "__") || strcmp(name, "_init") == 0 || strcmp(name, "_fini") == 0 || strcmp(name, "_edata") == 0 ||
           strcmp(name, "_end") == 0;
}

static bool is_instrumentation(const char *name)
{
    static const char *const begins[] = {"__asan_", "__ubsan_", "__tsan_", "__msan_", "__lsan_", "__sanitizer_", "__sancov_", "__gcov_",
                                         "__llvm_prof"};
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (starts(name, begins[i]))
            return true;
    return false;
}

struct symbols {
    struct names exported, undefined;
    bool ours, ours_is_data;
};

/* `version`: of an undefined symbol, the entry of its library's version; up to 1 it has none. */
static void look_at_symbol(struct reading *reading, const GElf_Sym *symbol, const char *name, unsigned version, struct symbols *symbols)
{
    unsigned binding = GELF_ST_BIND(symbol->st_info), type = GELF_ST_TYPE(symbol->st_info);
    if (binding == STB_LOCAL || *name == '\0')
        return;
    if (symbol->st_shndx != SHN_UNDEF) {
        if (strcmp(name, SL_PLUGIN_SYMBOL) == 0) {
            symbols->ours = true;
            symbols->ours_is_data = type == STT_OBJECT && symbol->st_size >= PLUGIN_LEAST_SIZE;
        } else if (!is_reserved(name) && type != STT_SECTION && type != STT_FILE) {
            names_add(&symbols->exported, name);
        }
        return;
    }
    reading->elf->instrumented = reading->elf->instrumented || is_instrumentation(name);
    if (binding != STB_WEAK && version <= VER_NDX_GLOBAL && !is_instrumentation(name))
        names_add(&symbols->undefined, name);
}

static void read_symbols(struct reading *reading, Elf_Scn *section, const GElf_Shdr *header, Elf_Data *versions, struct symbols *symbols)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Sym symbol;
    for (int i = 1; data != NULL && gelf_getsym(data, i, &symbol) != NULL; i++) {
        GElf_Versym version = VER_NDX_GLOBAL;
        if (versions != NULL)
            (void)gelf_getversym(versions, i, &version);
        const char *name = elf_strptr(reading->file, header->sh_link, symbol.st_name);
        look_at_symbol(reading, &symbol, name == NULL ? "" : name, version & 0x7fffu, symbols);
    }
}

static void judge_symbols(const struct reading *reading, const struct symbols *symbols)
{
    struct error *error;
    if (!symbols->ours)
        error_advice(find(reading->findings, FINDING_REFUSES, "no_symbol", "it has no symbol %s", SL_PLUGIN_SYMBOL),
                     "end its source with SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...)");
    else if (!symbols->ours_is_data)
        error_advice(find(reading->findings, FINDING_REFUSES, "symbol_kind", "its symbol %s is not the SDK's table", SL_PLUGIN_SYMBOL),
                     "let SL_LANE_PLUGIN(...) or SL_METRIC_PLUGIN(...) define it");
    if (symbols->exported.count > 0) {
        error = find(reading->findings, FINDING_REFUSES, "exports", "it exports %zu symbol%s beside %s", symbols->exported.count,
                     symbols->exported.count == 1 ? "" : "s", SL_PLUGIN_SYMBOL);
        error_found(error, "%s", symbols->exported.text);
        error_advice(error, "compile it with -fvisibility=hidden: two plugins with functions of one name must not meet");
    }
    if (symbols->undefined.count == 0 || reading->elf->instrumented) /* a sanitizer's runtime stands before the C library */
        return;
    error = find(reading->findings, reading->other_libraries ? FINDING_WARNS : FINDING_REFUSES, "undefined",
                 reading->other_libraries ? "it needs %zu symbol%s that only its further libraries can give it"
                                          : "it needs %zu symbol%s that nobody gives it",
                 symbols->undefined.count, symbols->undefined.count == 1 ? "" : "s");
    error_found(error, "%s", symbols->undefined.text);
    error_advice(error, "link it with -Wl,-z,defs to find what is missing; a plugin imports nothing from the host");
}

/* ---- state of its own ---- */

/* Sections that stay writable while it runs, and the variables in them as far as their names were not stripped. */
struct variables {
    bool written[SECTIONS_MAX]; /* by number of the section */
    bool tls;                   /* thread-local ones of its own; without names: any */
    bool more;                  /* there is more in them than the compiler's start files put there */
    Elf_Scn *symbols;
    GElf_Shdr symbols_header;
    struct names names;
    uint64_t bytes;
};

/* The start files bring __dso_handle into .data, and `completed` into .bss: bytes without an alignment of their own. */
static void note_section(struct variables *variables, size_t number, const char *name, const GElf_Shdr *header)
{
    bool data = strcmp(name, ".data") == 0 || starts(name, ".data."), bss = strcmp(name, ".bss") == 0 || starts(name, ".bss.");
    if ((!data && !bss) || starts(name, ".data.rel.ro") || (header->sh_flags & SHF_WRITE) == 0 || (header->sh_flags & SHF_TLS) != 0)
        return;
    if (number < SECTIONS_MAX)
        variables->written[number] = true;
    variables->more = variables->more || header->sh_size > 8 || (bss && header->sh_addralign > 1);
}

/* A symbol of Rust's own library, or of a crate that is a part of it, in either of its manglings. */
static bool is_rusts(const char *name)
{
    static const char *const crates[] = {"3std", "4core", "5alloc", "6memchr"};
    for (size_t i = 0; i < sizeof crates / sizeof *crates; i++) {
        const char *at = strstr(name, crates[i]);
        if (at != NULL && ((starts(name, "_ZN") && at == name + 3) || (starts(name, "_R") && at[-1] == '_')))
            return true;
    }
    return false;
}

/* The author has no say in what the start files, unwinding and a language's library put there. */
static bool brought_along(const char *name)
{
    return starts(name, "completed.") || strcmp(name, "__dso_handle") == 0 || starts(name, "DW.ref.") ||
           starts(name, "_rust_extern_with_linkage_") || is_rusts(name);
}

static void name_variables(struct reading *reading, struct variables *variables)
{
    Elf_Data *data = elf_getdata(variables->symbols, NULL);
    size_t count = data == NULL ? 0 : (size_t)(variables->symbols_header.sh_size / variables->symbols_header.sh_entsize);
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL)
            break;
        const char *name = elf_strptr(reading->file, variables->symbols_header.sh_link, symbol.st_name);
        if (name != NULL && is_rusts(name) && strstr(name, "ARGV_INIT_ARRAY") != NULL && GELF_ST_TYPE(symbol.st_info) == STT_OBJECT)
            reading->constructors++; /* it only keeps the program's arguments */
        if (name != NULL && GELF_ST_TYPE(symbol.st_info) == STT_TLS && !is_rusts(name))
            variables->tls = true;
        if (GELF_ST_TYPE(symbol.st_info) != STT_OBJECT || symbol.st_size == 0 || symbol.st_shndx >= SECTIONS_MAX ||
            !variables->written[symbol.st_shndx] || name == NULL || brought_along(name))
            continue;
        variables->bytes += symbol.st_size;
        names_add(&variables->names, name);
    }
}

static bool has_names(const struct variables *variables)
{
    return variables->symbols != NULL && variables->symbols_header.sh_entsize > 0;
}

static void check_state(const struct reading *reading, struct variables *variables)
{
    if (reading->elf->instrumented) /* the counters are the instrumentation's */
        return;
    bool named = has_names(variables);
    if (named ? variables->tls : reading->tls)
        error_advice(find(reading->findings, FINDING_WARNS, "tls", "it has thread-local variables"),
                     "keep state in records and aggregates only: which thread folds a key, and how often, is the host's business");
    if (named ? variables->bytes == 0 : !variables->more)
        return;
    struct error *error =
        named ? find(reading->findings, FINDING_WARNS, "variables", "it has %llu bytes of variables that live as long as the host",
                     (unsigned long long)variables->bytes)
              : find(reading->findings, FINDING_WARNS, "variables", "it has variables that live as long as the host");
    error_found(error, "%s", named ? variables->names.text : "");
    error_advice(error, "make them const, or settings in `self`: all workers share them, and what a fold says must depend on its "
                        "records alone");
}

static void check_sections(struct reading *reading)
{
    Elf_Scn *section = NULL, *symbols_section = NULL, *dynamic_section = NULL;
    GElf_Shdr header, symbols_header = {0}, dynamic_header = {0};
    Elf_Data *versions = NULL;
    struct symbols symbols = {0};
    struct variables variables = {0};
    size_t names = 0;
    (void)elf_getshdrstrndx(reading->file, &names);
    while ((section = elf_nextscn(reading->file, section)) != NULL && gelf_getshdr(section, &header) != NULL) {
        const char *name = elf_strptr(reading->file, names, header.sh_name);
        if (header.sh_type == SHT_DYNSYM)
            symbols_section = section, symbols_header = header;
        else if (header.sh_type == SHT_DYNAMIC)
            dynamic_section = section, dynamic_header = header;
        else if (header.sh_type == SHT_GNU_versym)
            versions = elf_getdata(section, NULL);
        else if (header.sh_type == SHT_SYMTAB)
            variables.symbols = section, variables.symbols_header = header;
        else if (name != NULL)
            note_section(&variables, elf_ndxscn(section), name, &header);
    }
    if (symbols_section == NULL || dynamic_section == NULL) {
        error_advice(find(reading->findings, FINDING_REFUSES, "sections", "it can't be looked into: its section headers are missing"),
                     "strip it with `strip`, no further");
        return;
    }
    if (has_names(&variables))
        name_variables(reading, &variables);
    read_symbols(reading, symbols_section, &symbols_header, versions, &symbols);
    check_dynamic(reading, dynamic_section, &dynamic_header);
    judge_symbols(reading, &symbols);
    check_state(reading, &variables);
}

void plugin_elf_check(const void *bytes, size_t size, struct plugin_elf *elf, struct findings *findings)
{
    *elf = (struct plugin_elf){0};
    if (!check_header(bytes, size, findings))
        return;
    (void)elf_version(EV_CURRENT);
    char *copy = memory_new(size); /* libelf wants bytes that it could write to */
    memcpy(copy, bytes, size);
    struct reading reading = {.file = elf_memory(copy, size), .elf = elf, .findings = findings};
    if (reading.file == NULL) {
        error_advice(find(findings, FINDING_REFUSES, "damaged", "it is damaged: %s", elf_errmsg(-1)), "build and copy it again");
    } else {
        check_segments(&reading);
        check_sections(&reading);
        (void)elf_end(reading.file);
    }
    free(copy);
}

/* The one of the table's variables that the address is in. */
static bool name_at(Elf *file, Elf_Scn *section, const GElf_Shdr *header, uint64_t address, char *name,
                    size_t name_size)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data == NULL || header->sh_entsize == 0 ? 0 : (size_t)(header->sh_size / header->sh_entsize);
    for (size_t i = 0; i < count; i++) {
        GElf_Sym symbol;
        if (gelf_getsym(data, (int)i, &symbol) == NULL)
            break;
        const char *found = elf_strptr(file, header->sh_link, symbol.st_name);
        if (found == NULL || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT || address < symbol.st_value ||
            address - symbol.st_value >= symbol.st_size)
            continue;
        (void)snprintf(name, name_size, "%s", found);
        return true;
    }
    return false;
}

bool plugin_elf_variable(const void *bytes, size_t size, uint64_t address, char *name, size_t name_size)
{
    GElf_Shdr header;
    Elf_Scn *section = NULL;
    bool found = false;
    (void)elf_version(EV_CURRENT);
    char *copy = memory_new(size); /* libelf wants bytes that it could write to */
    memcpy(copy, bytes, size);
    Elf *file = elf_memory(copy, size);
    while (file != NULL && !found && (section = elf_nextscn(file, section)) != NULL &&
           gelf_getshdr(section, &header) != NULL)
        found = header.sh_type == SHT_SYMTAB && name_at(file, section, &header, address, name, name_size);
    (void)elf_end(file);
    free(copy);
    return found;
}
