/* loaded.c - see loaded.h. The table is that of the ELF relocations JUMP_SLOT and GLOB_DAT (System V ABI, "Global Offset
 * Table"). */
#include "testhost/loaded.h"

#include "base/memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* ---- the object ---- */

struct object {
    uintptr_t address; /* asked for */
    bool found;
    struct dl_phdr_info info;
};

static int look(struct dl_phdr_info *info, size_t size, void *context)
{
    struct object *object = context;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_LOAD && object->address >= start && object->address < start + header->p_memsz) {
            object->info = *info;
            object->found = true;
            return 1;
        }
    }
    return 0;
}

static bool find_object(const void *address, struct object *object)
{
    *object = (struct object){.address = (uintptr_t)address};
    (void)dl_iterate_phdr(look, object);
    return object->found;
}

/* ---- what stands in the place of the C library's ---- */

static struct loaded_calls calls;

#define BLOCKS 65536 /* of live blocks: places by address; what finds none is not counted */
static struct block {
    void *at;
    size_t size;
} * blocks;

static struct block *block_of(const void *at, bool is_new)
{
    size_t place = ((uintptr_t)at >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 48;
    struct block *dead = NULL;
    for (size_t i = 0; i < BLOCKS; i++) {
        struct block *block = &blocks[(place + i) % BLOCKS];
        if (block->at == at && !is_new)
            return block;
        if (block->at == NULL && block->size == 0)
            return !is_new ? NULL : dead != NULL ? dead : block;
        if (block->at == NULL && dead == NULL)
            dead = block;
    }
    return is_new ? dead : NULL;
}

static bool fails(void)
{
    calls.allocations++;
    bool now =
        calls.fail_from != 0 && (calls.fail_all ? calls.allocations >= calls.fail_from : calls.allocations == calls.fail_from);
    if (now)
        errno = ENOMEM;
    return now;
}

static void *note(void *at, size_t size)
{
    struct block *block = at == NULL ? NULL : block_of(at, true);
    if (block == NULL)
        return at;
    *block = (struct block){at, size + 1};
    calls.live++;
    calls.live_bytes += size;
    return at;
}

static void forget(void *at)
{
    struct block *block = at == NULL ? NULL : block_of(at, false);
    if (block == NULL)
        return;
    calls.live--;
    calls.live_bytes -= block->size - 1;
    block->at = NULL; /* its size stays: the place was taken once */
}

static void *own_malloc(size_t size) { return fails() ? NULL : note(malloc(size), size); }
static void *own_calloc(size_t count, size_t size) { return fails() ? NULL : note(calloc(count, size), count * size); }
static void *own_realloc(void *at, size_t size)
{
    if (fails())
        return NULL;
    forget(at);
    return note(realloc(at, size), size);
}
static void *own_reallocarray(void *at, size_t count, size_t size)
{
    if (fails())
        return NULL;
    forget(at);
    return note(reallocarray(at, count, size), count * size);
}
static void own_free(void *at)
{
    forget(at);
    free(at);
}
static void *own_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : note(aligned_alloc(alignment, size), size);
}
static int own_posix_memalign(void **at, size_t alignment, size_t size)
{
    if (fails())
        return ENOMEM;
    int error = posix_memalign(at, alignment, size);
    if (error == 0)
        (void)note(*at, size);
    return error;
}
static char *own_strdup(const char *text) { return fails() ? NULL : note(strdup(text), strlen(text) + 1); }
static char *own_strndup(const char *text, size_t size)
{
    return fails() ? NULL : note(strndup(text, size), strnlen(text, size) + 1);
}

static void ask(const char *name)
{
    if (calls.pure && calls.impure == NULL)
        calls.impure = name;
}
static time_t own_time(time_t *out)
{
    ask("time");
    return time(out);
}
static int own_clock_gettime(clockid_t clock, struct timespec *out)
{
    ask("clock_gettime");
    return clock_gettime(clock, out);
}
static int own_gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    ask("gettimeofday");
    return gettimeofday(out, zone);
}
static clock_t own_clock(void)
{
    ask("clock");
    return clock();
}
static int own_rand(void)
{
    ask("rand");
    return rand();
}
static long own_random(void)
{
    ask("random");
    return random();
}
static double own_drand48(void)
{
    ask("drand48");
    return drand48();
}
static ssize_t own_getrandom(void *out, size_t size, unsigned flags)
{
    ask("getrandom");
    return getrandom(out, size, flags);
}

typedef void (*function)(void);
static const struct {
    const char *name;
    function own;
} replaced[] = {
    {"malloc", (function)own_malloc},
    {"calloc", (function)own_calloc},
    {"realloc", (function)own_realloc},
    {"reallocarray", (function)own_reallocarray},
    {"free", (function)own_free},
    {"aligned_alloc", (function)own_aligned_alloc},
    {"posix_memalign", (function)own_posix_memalign},
    {"strdup", (function)own_strdup},
    {"__strdup", (function)own_strdup},
    {"strndup", (function)own_strndup},
    {"time", (function)own_time},
    {"clock_gettime", (function)own_clock_gettime},
    {"gettimeofday", (function)own_gettimeofday},
    {"clock", (function)own_clock},
    {"rand", (function)own_rand},
    {"random", (function)own_random},
    {"drand48", (function)own_drand48},
    {"getrandom", (function)own_getrandom},
};

/* ---- its table ---- */

#if defined(__x86_64__)
#define IS_IMPORT(type) ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT || (type) == R_X86_64_64)
#elif defined(__aarch64__)
#define IS_IMPORT(type) ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT || (type) == R_AARCH64_ABS64)
#endif

#ifdef IS_IMPORT
static bool put(function *slot, function own)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)slot & ~(page - 1);
    if (mprotect((void *)start, page, PROT_READ | PROT_WRITE) != 0) /* it was read-only after relocation, perhaps */
        return false;
    *slot = own;
    return true;
}

static void replace_in(const struct object *object, const ElfW(Rela) * table, size_t size, const ElfW(Sym) * symbols,
                       const char *names)
{
    for (size_t i = 0; i < size / sizeof *table; i++) {
        const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(table[i].r_info)];
        if (!IS_IMPORT(ELF64_R_TYPE(table[i].r_info)) || symbol->st_shndx != SHN_UNDEF)
            continue;
        for (size_t k = 0; k < sizeof replaced / sizeof *replaced; k++)
            if (strcmp(replaced[k].name, names + symbol->st_name) == 0)
                (void)put((function *)(object->info.dlpi_addr + table[i].r_offset), replaced[k].own);
    }
}

struct loaded_calls *loaded_take_over(const void *address)
{
    struct object object;
    const ElfW(Dyn) *dynamic = NULL;
    const ElfW(Rela) *jumps = NULL, *others = NULL;
    const ElfW(Sym) *symbols = NULL;
    const char *names = NULL;
    size_t jumps_size = 0, others_size = 0;
    if (!find_object(address, &object))
        return NULL;
    for (int i = 0; i < object.info.dlpi_phnum; i++)
        if (object.info.dlpi_phdr[i].p_type == PT_DYNAMIC)
            dynamic = (const void *)(object.info.dlpi_addr + object.info.dlpi_phdr[i].p_vaddr);
    for (; dynamic != NULL && dynamic->d_tag != DT_NULL; dynamic++) {
        const void *at = (const void *)dynamic->d_un.d_ptr; /* the C library has relocated it */
        switch (dynamic->d_tag) {
        case DT_JMPREL: jumps = at; break;
        case DT_PLTRELSZ: jumps_size = dynamic->d_un.d_val; break;
        case DT_RELA: others = at; break;
        case DT_RELASZ: others_size = dynamic->d_un.d_val; break;
        case DT_SYMTAB: symbols = at; break;
        case DT_STRTAB: names = at; break;
        default: break;
        }
    }
    if (symbols == NULL || names == NULL)
        return NULL;
    if (blocks == NULL)
        blocks = memory_new(BLOCKS * sizeof *blocks);
    memset(blocks, 0, BLOCKS * sizeof *blocks);
    calls = (struct loaded_calls){0};
    replace_in(&object, jumps, jumps == NULL ? 0 : jumps_size, symbols, names);
    replace_in(&object, others, others == NULL ? 0 : others_size, symbols, names);
    return &calls;
}
#else
struct loaded_calls *loaded_take_over(const void *address)
{
    (void)address;
    return NULL;
}
#endif

/* ---- its variables ---- */

void loaded_image_take(struct loaded_image *image, const void *address)
{
    struct object object;
    uintptr_t constant = 0, constant_end = 0; /* read-only after relocation */
    *image = (struct loaded_image){0};
    if (!find_object(address, &object))
        return;
    for (int i = 0; i < object.info.dlpi_phnum; i++)
        if (object.info.dlpi_phdr[i].p_type == PT_GNU_RELRO) {
            constant = object.info.dlpi_addr + object.info.dlpi_phdr[i].p_vaddr;
            constant_end = constant + object.info.dlpi_phdr[i].p_memsz;
        }
    for (int i = 0; i < object.info.dlpi_phnum && image->count < LOADED_SEGMENTS; i++) {
        const ElfW(Phdr) *header = &object.info.dlpi_phdr[i];
        uintptr_t start = object.info.dlpi_addr + header->p_vaddr, end = start + header->p_memsz;
        if (header->p_type != PT_LOAD || (header->p_flags & PF_W) == 0)
            continue;
        if (constant <= start && constant_end > start)
            start = constant_end < end ? constant_end : end;
        struct loaded_variables *segment = &image->segments[image->count++];
        *segment =
            (struct loaded_variables){(const char *)start, memory_new(end - start + 1), end - start, object.info.dlpi_addr};
        memcpy(segment->copy, segment->start, segment->size);
    }
}

void loaded_image_free(struct loaded_image *image)
{
    for (size_t i = 0; i < image->count; i++)
        free(image->segments[i].copy);
    image->count = 0;
}

bool loaded_image_changed(const struct loaded_image *image, uintptr_t *where)
{
    for (size_t i = 0; i < image->count; i++) {
        const struct loaded_variables *segment = &image->segments[i];
        for (size_t at = 0; at < segment->size; at++)
            if (segment->start[at] != segment->copy[at]) {
                *where = (uintptr_t)segment->start + at - segment->base;
                return true;
            }
    }
    return false;
}
