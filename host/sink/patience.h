/* patience.h - a sink that is only full is waited for; one that is away holds nobody up. */
#ifndef SINK_PATIENCE_H
#define SINK_PATIENCE_H

#include "sink/sink.h"

/* True: a group may be written. Where the sink is not ready it gets a moment (100 ms) to catch up; after one in vain it
 * counts as away and gets none until it is ready again. `*away` is that memory, of whoever asks; false at first. */
bool sink_patient(struct sink *sink, bool *away);

#endif
