/* table.h - a table on standard output: columns as wide as they must be, numbers to the right. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define TABLE_COLUMNS_MAX 12

struct table {
    const char *title[TABLE_COLUMNS_MAX];
    const char *right; /* one letter a column: 'r' to the right, anything else to the left; its length is their number */
    char **cells;      /* row by row; texts are the table's */
    size_t count, capacity;
};

/* The next cell of the table, left to right, row by row. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Print it, behind `indent` blanks, and forget the cells. */
void table_print(struct table *table, int indent);

/* 1234567 as "1 234 567". */
#define GROUPED_MAX 32
const char *grouped(uint64_t number, char out[GROUPED_MAX]); /* returns out */

#endif
