/* tsv.h - where the columns of a line are. */
#ifndef SNOWPLOW_TSV_H
#define SNOWPLOW_TSV_H

#include "snowplow/columns.h"

#include <shoplane/types.h>

/* Column i is the bytes from starts[i] up to the tab before starts[i + 1]. */
struct tsv {
    uint32_t starts[COLUMN_COUNT + 1];
};

/* Find the tabs of a line below 4 GiB. Returns how many columns there are, of which only COLUMN_COUNT are kept; the last
 * kept one ends where the line ends if there are no more. */
uint32_t tsv_split(struct tsv *tsv, sl_view line);

static inline sl_view tsv_column(const struct tsv *tsv, sl_view line, enum column column)
{
    uint32_t start = tsv->starts[column];
    return (sl_view){line.data + start, tsv->starts[column + 1] - start - 1};
}

#endif
