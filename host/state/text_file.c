/* text_file.c - see text_file.h. */
#include "state/text_file.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *text_file_read(int folder, const char *name, size_t most, size_t *size)
{
    struct stat status;
    char *bytes = NULL;
    int number, file = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (file < 0 || fstat(file, &status) != 0)
        goto failed;
    errno = !S_ISREG(status.st_mode) ? EINVAL : EFBIG;
    if (!S_ISREG(status.st_mode) || (uint64_t)status.st_size > most)
        goto failed;
    size_t room = (size_t)status.st_size;
    bytes = memory_new(room + 1);
    for (*size = 0; *size < room;) {
        ssize_t got = read(file, bytes + *size, room - *size);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            goto failed;
        *size += got > 0 ? (size_t)got : 0;
    }
    bytes[*size] = '\0';
    (void)close(file);
    return bytes;

failed:
    number = errno;
    free(bytes);
    if (file >= 0)
        (void)close(file);
    errno = number;
    return NULL;
}

static bool refuse(const char *name, const char *step, struct error *error)
{
    int number = errno;
    error_what(error, "%s can't be %s: %s", name, step, strerror(number));
    error_advice(error, "%s", number == ENOSPC || number == EDQUOT ? "make room in the file system of the state's folder"
                                                                 : "look at the disk, and who owns the state's folder");
    return false;
}

static bool write_all(int file, const char *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t put = write(file, bytes + done, size - done);
        if (put < 0 && errno != EINTR)
            return false;
        done += put > 0 ? (size_t)put : 0;
    }
    return true;
}

bool text_file_make(int folder, const char *name, const void *bytes, size_t size, bool sync, struct error *error)
{
    int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0)
        return refuse(name, "made", error);
    bool good = (write_all(file, bytes, size) && (!sync || fsync(file) == 0)) || refuse(name, "written", error);
    (void)close(file);
    if (!good)
        (void)unlinkat(folder, name, 0);
    return good;
}

bool text_file_replace(int folder, const char *name, const void *bytes, size_t size, bool sync, struct error *error)
{
    char *beside = memory_format("%s.new", name);
    (void)unlinkat(folder, beside, 0); /* of one that died over it */
    bool good = text_file_make(folder, beside, bytes, size, sync, error);
    if (good && renameat(folder, beside, folder, name) != 0) {
        good = refuse(name, "put in its place", error);
        (void)unlinkat(folder, beside, 0);
    }
    if (good && sync && fsync(folder) != 0)
        good = refuse(name, "made to last", error);
    free(beside);
    return good;
}
