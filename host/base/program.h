/* program.h - files that lie near the running program: built beside it, or installed under one prefix with it. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <stddef.h>

/* The first of `count` paths, relative to the folder of the program, that can be read; NULL if none. Free with free(). */
char *program_near(const char *const *paths, size_t count);

#endif
