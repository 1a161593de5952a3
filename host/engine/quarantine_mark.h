/* quarantine_mark.h - which plugins are not called, since they ended the host again and again: said to readers beside the features.
 *
 *     shoplane:{TOPIC}:quarantine:LANE             why, with a TTL of a minute, renewed while it stands
 *     shoplane:{TOPIC}:quarantine:LANE:PARSER
 *
 * Written by the first worker, through its sink. */
#ifndef ENGINE_QUARANTINE_MARK_H
#define ENGINE_QUARANTINE_MARK_H

#include "engine/engine.h"
#include "engine/shard.h"

/* With every round of sends; *renewed_ms (monotonic, 0 at first) is when it was written last. */
void quarantine_mark_keep(int64_t *renewed_ms, struct shard *shard, const struct engine_settings *settings, int64_t now_ms);

#endif
