/* notice.c - see notice.h. */
#include "state/notice.h"

#include "base/memory.h"
#include "state/text_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOTICE      "running"
#define NOTICE_MOST 4096

bool notice_read(int folder, struct notice *notice)
{
    size_t size = 0;
    int trial, writes, end = 0;
    char set[SET_ID_MAX];
    char *text = text_file_read(folder, NOTICE, NOTICE_MOST, &size);
    *notice = (struct notice){0};
    bool good = text != NULL &&
                sscanf(text, "pid %" SCNd64 "\nstart %" SCNd64 "\nset %32s\ntrial %d\nwrites %d\nstood %" SCNd64
                       "\nrefusals %" SCNu64 "\nback%n", &notice->pid, &notice->start, set, &trial, &writes, &notice->stood_ms,
                       &notice->refusals, &end) == 7 && end > 0 && text[end] == ' ';
    if (good) {
        notice->trial = trial != 0;
        notice->writes = writes != 0;
        (void)snprintf(notice->set, sizeof notice->set, "%s", strcmp(set, "-") == 0 ? "" : set);
        (void)snprintf(notice->back, sizeof notice->back, "%.*s", (int)strcspn(text + end + 1, "\n"), text + end + 1);
        if (strcmp(notice->back, "-") == 0)
            notice->back[0] = '\0';
    } else {
        *notice = (struct notice){0};
    }
    free(text);
    return good;
}

bool notice_store(int folder, const struct notice *notice, struct error *error)
{
    char *text = memory_format("pid %" PRId64 "\nstart %" PRId64 "\nset %s\ntrial %d\nwrites %d\nstood %" PRId64
                               "\nrefusals %" PRIu64 "\nback %s\n", notice->pid, notice->start,
                               notice->set[0] == '\0' ? "-" : notice->set, notice->trial, notice->writes, notice->stood_ms,
                               notice->refusals, notice->back[0] == '\0' ? "-" : notice->back);
    bool good = text_file_replace(folder, NOTICE, text, strlen(text), false, error);
    free(text);
    return good;
}
