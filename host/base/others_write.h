/* others_write.h - may somebody besides us change a file or folder: by its mode, its owner, or a POSIX access list. */
#ifndef BASE_OTHERS_WRITE_H
#define BASE_OTHERS_WRITE_H

#include <stdbool.h>
#include <sys/stat.h>

/* `descriptor` (O_PATH will do) is open on what `status` is of. We are root, this process's user, and, for writing, its group. True:
 * others than we may write it; or, with `must_own`, its owner is another. *by_list: only an access list says so. */
bool others_write(int descriptor, const struct stat *status, bool must_own, bool *by_list);

#endif
