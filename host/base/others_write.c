/* others_write.c - see others_write.h. The access list is as the kernel keeps it (acl(5), linux/posix_acl_xattr.h): a version and
 * entries of tag, permissions and id, all little-endian; a named entry, and that of the group, has no more than the mask. */
#include "base/others_write.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LIST_VERSION 2
#define MAY_WRITE    2

enum { TAG_USER = 0x02, TAG_GROUP_OWNING = 0x04, TAG_GROUP = 0x08, TAG_MASK = 0x10 };

struct entry {
    uint16_t tag, permissions;
    uint32_t id;
};

static bool is_our_group(uint32_t group) { return group == 0 || group == getegid(); }

/* False: there is no list. *names: it lets somebody else write; *group: the owning group may write. */
static bool read_list(int descriptor, bool *names, bool *group)
{
    char path[64], bytes[65536]; /* the most that an attribute has */
    uint32_t version;
    struct entry entry;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    ssize_t size = getxattr(path, "system.posix_acl_access", bytes, sizeof bytes);
    if (size < (ssize_t)sizeof version)
        return false;
    memcpy(&version, bytes, sizeof version);
    if (version != LIST_VERSION)
        return false;
    unsigned mask = MAY_WRITE, owning = 0, others = 0;
    for (size_t at = sizeof version; at + sizeof entry <= (size_t)size; at += sizeof entry) {
        memcpy(&entry, bytes + at, sizeof entry);
        if (entry.tag == TAG_MASK)
            mask = entry.permissions;
        else if (entry.tag == TAG_GROUP_OWNING)
            owning = entry.permissions;
        else if ((entry.tag == TAG_USER && entry.id != 0 && entry.id != geteuid()) ||
                 (entry.tag == TAG_GROUP && !is_our_group(entry.id)))
            others |= entry.permissions;
    }
    *names = (others & mask & MAY_WRITE) != 0;
    *group = (owning & mask & MAY_WRITE) != 0;
    return true;
}

bool others_write(int descriptor, const struct stat *status, bool must_own, bool *by_list)
{
    bool names = false, group = (status->st_mode & S_IWGRP) != 0;
    (void)read_list(descriptor, &names, &group);
    *by_list = false;
    if ((status->st_mode & S_IWOTH) != 0 || (group && !is_our_group(status->st_gid)) ||
        (must_own && status->st_uid != 0 && status->st_uid != geteuid()))
        return true;
    *by_list = names;
    return names;
}
