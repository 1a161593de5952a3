/* Faults below the journal: the calls of segment_writer.c go through __wrap_* here, put there by the linker (CMakeLists.txt),
 * and a disk of a certain size is full. In a folder of its own. */
#include "engine/journal.h"

#include "state_fixture.h"

#define MEGABYTE ((size_t)1 << 20)

static struct {
    size_t room;      /* bytes that the disk still takes */
    size_t deepest;   /* bytes that were taken at most */
    unsigned tries;   /* pwrite() */
} disk;

ssize_t __real_pwrite(int file, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int file, const void *data, size_t size, off_t offset);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);

ssize_t __wrap_pwrite(int file, const void *data, size_t size, off_t offset)
{
    disk.tries++;
    size_t taken = size < disk.room ? size : disk.room;
    if (taken == 0) {
        errno = ENOSPC;
        return -1;
    }
    disk.room -= taken;
    return __real_pwrite(file, data, taken, offset);
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
    struct stat status;
    if (fstatat(folder, name, &status, 0) == 0)
        disk.room += (size_t)status.st_size;
    return __real_unlinkat(folder, name, flags);
}
