/* machine_memory.h - how much memory this process may have at most: what the machine has, or what its control group (a
 * container, a systemd unit with MemoryMax) leaves of that. */
#ifndef CONFIG_MACHINE_MEMORY_H
#define CONFIG_MACHINE_MEMORY_H

#include <stdint.h>

/* Bytes of physical memory; 0: not known. */
int64_t machine_memory(void);

#define MACHINE_GROUPS "/proc/self/cgroup"
#define MACHINE_MOUNT  "/sys/fs/cgroup"

/* The lowest limit among this process's control group and those above it; `machine` where there is none or it is higher.
 * `groups` is a file as /proc/self/cgroup, which names the process's group, and `mount` a folder as /sys/fs/cgroup: with
 * <group>/memory.max (version 2) or memory/<group>/memory.limit_in_bytes (version 1). Inside a container the group may be
 * named as it is called outside; the container's own limit is then at the top of the mount, and is found there. */
int64_t group_memory(const char *groups, const char *mount, int64_t machine);

#endif
