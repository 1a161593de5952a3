/* nowhere.c - a library that the linker finds, and the dynamic linker does not: for lanes/missing_library.c. */
int shop_nowhere(void);
int shop_nowhere(void) { return 1; }
