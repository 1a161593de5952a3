/* file_text.c - see file_text.h. Permissions are asked of the opened file, so that it can't be exchanged in between; a
 * FIFO does not hang it. */
#include "config/file_text.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *read_all(int descriptor, size_t room, size_t *size)
{
    char *text = memory_new(room + 1);
    for (*size = 0; *size < room;) {
        ssize_t got = read(descriptor, text + *size, room - *size);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR) {
            free(text);
            return NULL;
        }
        *size += got > 0 ? (size_t)got : 0;
    }
    text[*size] = '\0';
    return text;
}

char *file_text_read_guarded(const char *path, mode_t refused, size_t *size, struct error *error)
{
    struct stat status;
    char *text = NULL;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    error_what(error, "%s can't be read", path);
    error_found(error, "%s", path);
    if (descriptor < 0 || fstat(descriptor, &status) != 0) {
        error_what(error, "%s can't be opened: %s", path, strerror(errno));
        error_advice(error, "%s",
                     errno == ENOENT ? "the path of a file that exists" : "a file that this user may read");
    } else if (!S_ISREG(status.st_mode)) {
        error_what(error, "%s is not a file", path);
        error_advice(error, "the path of a regular file");
    } else if ((status.st_mode & refused) != 0) {
        error_what(error, "%s may be read by others: its mode is %04o", path, (unsigned)(status.st_mode & 07777));
        error_advice(error, "chmod 600 %s", path);
    } else if (status.st_size > FILE_TEXT_MAX) {
        error_what(error, "%s is too large: %lld bytes", path, (long long)status.st_size);
        error_advice(error, "at most %d bytes", FILE_TEXT_MAX);
    } else if ((text = read_all(descriptor, FILE_TEXT_MAX, size)) == NULL) {
        error_what(error, "%s can't be read: %s", path, strerror(errno));
        error_advice(error, "try again, or move it to another disk");
    } else if (memchr(text, '\0', *size) != NULL) {
        error_what(error, "%s is not a text: it holds a zero byte", path);
        error_advice(error, "a text file in UTF-8");
        free(text);
        text = NULL;
    }
    if (text == NULL && error->found[0] == '\0')
        error_found(error, "%s", path);
    if (descriptor >= 0)
        (void)close(descriptor);
    return text;
}
