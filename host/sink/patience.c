/* patience.c - see patience.h. */
#include "sink/patience.h"

#include "base/time.h"

#define PATIENCE_MS 100

bool sink_patient(struct sink *sink, bool *away)
{
    if (!sink_ready(sink) && !*away) {
        int64_t until_ms = time_monotonic_ms() + PATIENCE_MS;
        while (!sink_ready(sink) && time_monotonic_ms() < until_ms)
            (void)sink_poll(sink, 10);
    }
    *away = !sink_ready(sink);
    return !*away;
}
