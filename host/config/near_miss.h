/* near_miss.h - which of the words that are known did somebody mean who wrote another one. */
#ifndef CONFIG_NEAR_MISS_H
#define CONFIG_NEAR_MISS_H

/* The NULL-terminated list's nearest word, or NULL if none is near: about a third of the letters may be wrong, missing,
 * added or swapped with a neighbour. Case does not matter, nor does - against _. */
const char *near_miss(const char *word, const char *const *known);

#endif
