/* validate_process.c - see validate_process.h. */
#include "testhost/validate_process.h"

#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void validation_empty_folder(const char *path)
{
    char *journal = memory_format("%s/journal", path);
    const char *const both[] = {journal, path};
    for (size_t i = 0; i < 2; i++) {
        DIR *folder = opendir(both[i]);
        for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        if (folder != NULL)
            (void)closedir(folder);
    }
    (void)rmdir(journal);
    free(journal);
}

static char *read_evidence(int file)
{
    char *text = memory_new(8192);
    ssize_t size = pread(file, text, 8191, 0);
    text[size > 0 ? size : 0] = '\0';
    for (char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < ' ' && *at != '\n' && *at != '\t')
            *at = '?';
    return text;
}

static void in_child(const struct validation *validation, const struct job *job, int evidence)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGALRM, SIG_DFL); /* those of faults are a sanitizer's, perhaps */
    int nothing = open("/dev/null", O_RDWR);
    (void)dup2(nothing, STDIN_FILENO);
    (void)dup2(nothing, STDOUT_FILENO);
    (void)dup2(evidence, STDERR_FILENO);
    (void)alarm((unsigned)validation->settings->timeout_s);
    job_run(job, validation->report);
    _exit(0);
}

bool validation_run(const struct validation *validation, const struct job *job, struct outcome *outcome)
{
    int evidence = memfd_create("evidence", MFD_CLOEXEC);
    memset(validation->report, 0, sizeof *validation->report);
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        in_child(validation, job, evidence);
    outcome->status = -1;
    while (child > 0 && waitpid(child, &outcome->status, 0) < 0 && errno == EINTR)
        continue;
    outcome->evidence = read_evidence(evidence);
    (void)close(evidence);
    validation_empty_folder(validation->folder);
    return child > 0;
}

bool validation_died(const struct job_report *report, const struct outcome *outcome, struct job_finding *finding)
{
    if (report->complete)
        return false;
    *finding = (struct job_finding){.check = report->check};
    bool hangs = WIFSIGNALED(outcome->status) && WTERMSIG(outcome->status) == SIGALRM;
    (void)snprintf(finding->id, sizeof finding->id, "%s", report->place.slot ? "slot" : hangs ? "hangs" : "crash");
    if (report->place.slot)
        (void)snprintf(finding->what, sizeof finding->what, "it calls what is behind the end of a table of the host");
    else if (hangs)
        (void)snprintf(finding->what, sizeof finding->what, "it does not come back");
    else if (WIFSIGNALED(outcome->status))
        (void)snprintf(finding->what, sizeof finding->what, "it ends the process: %s", strsignal(WTERMSIG(outcome->status)));
    else
        (void)snprintf(finding->what, sizeof finding->what, "it ends the process, with status %d",
                       WEXITSTATUS(outcome->status));
    (void)snprintf(finding->advice, sizeof finding->advice, "%s",
                   report->place.slot ? "its minor of the SDK has what is before struct_size, and no more"
                   : hangs            ? "each call must end soon, whatever the event holds"
                   : WIFEXITED(outcome->status)
                       ? "no exit() in a plugin: each call comes back, and `open` may refuse"
                       : "build it with -fsanitize=address,undefined and validate it again: that says where");
    return true;
}
