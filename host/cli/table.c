/* table.c - see table.h. */
#include "cli/table.h"

#include "base/memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_cell(struct table *table, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 64 : table->capacity * 2;
        table->cells = memory_resize(table->cells, table->capacity * sizeof *table->cells);
    }
    table->cells[table->count++] = memory_text(text);
}

static void print_row(const struct table *table, const int *widths, int indent, const char *const *cells)
{
    size_t columns = strlen(table->right);
    char line[1024];
    int used = 0;
    for (size_t c = 0; c < columns && used < (int)sizeof line - 1; c++)
        used += snprintf(line + used, sizeof line - (size_t)used, table->right[c] == 'r' ? "%s%*s" : "%s%-*s",
                         c == 0 ? "" : "  ", widths[c], cells[c]);
    used = used < (int)sizeof line ? used : (int)sizeof line - 1;
    while (used > 0 && line[used - 1] == ' ')
        used--;
    (void)printf("%*s%.*s\n", indent, "", used, line);
}

void table_print(struct table *table, int indent)
{
    size_t columns = strlen(table->right), rows = table->count / columns;
    int widths[TABLE_COLUMNS_MAX] = {0};
    for (size_t c = 0; c < columns; c++) {
        widths[c] = (int)strlen(table->title[c]);
        for (size_t r = 0; r < rows; r++) {
            int width = (int)strlen(table->cells[r * columns + c]);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    print_row(table, widths, indent, table->title);
    for (size_t r = 0; r < rows; r++)
        print_row(table, widths, indent, (const char *const *)table->cells + r * columns);
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->count = table->capacity = 0;
}

const char *grouped(uint64_t number, char out[GROUPED_MAX])
{
    char digits[24];
    size_t size = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number), used = 0;
    for (size_t i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            out[used++] = ' ';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}
