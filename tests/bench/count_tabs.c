/* count_tabs.c - the least that can be done with a file of events: read it, count its tabs. The yardstick of tests/bench.
 *
 * Prints the tabs and the seconds of CPU it took. Plain C, a byte at a time for the compiler to make the best of. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    enum { CHUNK = 1 << 20 };
    int file = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
    char *bytes = malloc(CHUNK);
    if (file < 0 || bytes == NULL) {
        (void)fprintf(stderr, "count_tabs FILE: it can't be read\n");
        return 2;
    }
    uint64_t tabs = 0;
    for (ssize_t size; (size = read(file, bytes, CHUNK)) > 0;)
        for (ssize_t i = 0; i < size; i++)
            tabs += bytes[i] == '\t';
    struct timespec cpu;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    (void)printf("%llu %.6f\n", (unsigned long long)tabs, (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
    free(bytes);
    (void)close(file);
    return 0;
}
