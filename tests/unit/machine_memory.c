/* machine_memory.c - how much memory a process may have is read from made-up control groups, as different systems have
 * them. Each test lays a folder of its own. */
#include "config/machine_memory.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MACHINE INT64_C(16000000000)

struct groups {
    char folder[64], groups[96], mount[96];
};

static void lay(const char *folder, const char *path, const char *text)
{
    char whole[PATH_MAX];
    (void)snprintf(whole, sizeof whole, "%s/%s", folder, path);
    for (char *slash = strchr(whole + strlen(folder) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int begin(void **state)
{
    struct groups *groups = calloc(1, sizeof *groups);
    if (groups == NULL)
        return -1;
    (void)snprintf(groups->folder, sizeof groups->folder, "/tmp/shoplane-groups-XXXXXX");
    if (mkdtemp(groups->folder) == NULL)
        return -1;
    (void)snprintf(groups->groups, sizeof groups->groups, "%s/cgroup", groups->folder);
    (void)snprintf(groups->mount, sizeof groups->mount, "%s/mount", groups->folder);
    *state = groups;
    return mkdir(groups->mount, 0700);
}

static int end(void **state)
{
    struct groups *groups = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -r %s", groups->folder);
    int status = system(command);
    free(groups);
    return status;
}

static int64_t limit(const struct groups *groups) { return group_memory(groups->groups, groups->mount, MACHINE); }

static void a_machine_without_groups_has_all_of_its_memory(void **state)
{
    assert_true(limit(*state) == MACHINE);
    assert_true(machine_memory() > 1000000);
}

static void version_2_takes_the_lowest_from_the_group_up(void **state)
{
    const struct groups *groups = *state;
    lay(groups->folder, "cgroup", "0::/system.slice/shoplane.service\n");
    lay(groups->mount, "system.slice/shoplane.service/memory.max", "max\n");
    assert_true(limit(groups) == MACHINE);
    lay(groups->mount, "system.slice/shoplane.service/memory.max", "4000000000\n");
    assert_true(limit(groups) == INT64_C(4000000000));
    lay(groups->mount, "system.slice/memory.max", "3000000000\n");
    assert_true(limit(groups) == INT64_C(3000000000));
    lay(groups->mount, "memory.max", "2000000000\n");
    assert_true(limit(groups) == INT64_C(2000000000));
    lay(groups->mount, "other.slice/memory.max", "1000000000\n");
    assert_true(limit(groups) == INT64_C(2000000000));
}

static void a_container_finds_its_limit_at_the_top(void **state)
{
    const struct groups *groups = *state;
    lay(groups->folder, "cgroup", "0::/\n");
    lay(groups->mount, "memory.max", "512000000\n");
    assert_true(limit(groups) == 512000000);
    lay(groups->folder, "cgroup", "0::/../../somewhere/else\n");
    assert_true(limit(groups) == 512000000);
    lay(groups->folder, "cgroup", "0::/docker/0123abc\n"); /* named as outside: not mounted here */
    assert_true(limit(groups) == 512000000);
}

static void version_1_has_a_hierarchy_for_memory(void **state)
{
    const struct groups *groups = *state;
    lay(groups->folder, "cgroup", "12:cpu,cpuacct:/wrong\n7:hugetlb,memory:/docker/abc\n1:name=systemd:/x\n0::/\n");
    lay(groups->mount, "memory/memory.limit_in_bytes", "9223372036854771712\n");
    assert_true(limit(groups) == MACHINE);
    lay(groups->mount, "memory/docker/abc/memory.limit_in_bytes", "700000000\n");
    lay(groups->mount, "memory/wrong/memory.limit_in_bytes", "100\n");
    assert_true(limit(groups) == 700000000);
}

static void a_limit_above_the_machine_and_a_broken_one_say_nothing(void **state)
{
    const struct groups *groups = *state;
    lay(groups->folder, "cgroup", "nonsense\n0::/a\n");
    lay(groups->mount, "a/memory.max", "17000000000\n");
    assert_true(limit(groups) == MACHINE);
    lay(groups->mount, "a/memory.max", "0\n");
    assert_true(limit(groups) == MACHINE);
    lay(groups->mount, "a/memory.max", "");
    assert_true(limit(groups) == MACHINE);
}

static void a_machine_that_says_nothing_has_what_the_group_says(void **state)
{
    const struct groups *groups = *state;
    lay(groups->folder, "cgroup", "0::/a\n");
    assert_true(group_memory(groups->groups, groups->mount, 0) == 0);
    lay(groups->mount, "a/memory.max", "5000000\n");
    assert_true(group_memory(groups->groups, groups->mount, 0) == 5000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_machine_without_groups_has_all_of_its_memory, begin, end),
        cmocka_unit_test_setup_teardown(version_2_takes_the_lowest_from_the_group_up, begin, end),
        cmocka_unit_test_setup_teardown(a_container_finds_its_limit_at_the_top, begin, end),
        cmocka_unit_test_setup_teardown(version_1_has_a_hierarchy_for_memory, begin, end),
        cmocka_unit_test_setup_teardown(a_limit_above_the_machine_and_a_broken_one_say_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_machine_that_says_nothing_has_what_the_group_says, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
