/* formats.h - an event as one line, without the newline: the enriched TSV of 131 columns (enriched.c), or the JSON that the
 * live-shopper accelerator's transformation makes of it (accelerator.c). Both append to `out`. */
#ifndef DEMO_FORMATS_H
#define DEMO_FORMATS_H

#include "demo/event.h"

enum format { FORMAT_TSV, FORMAT_JSON };

void enriched_write(struct buffer *out, const struct world *world, const struct shop_event *event,
                    const struct delivery *delivery);
void accelerator_write(struct buffer *out, const struct world *world, const struct shop_event *event,
                       const struct delivery *delivery);

#endif
