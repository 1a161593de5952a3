/* iglu.h - schema URIs: iglu:vendor/name/format/model-revision-addition. */
#ifndef SNOWPLOW_IGLU_H
#define SNOWPLOW_IGLU_H

#include <shoplane/types.h>

struct iglu {
    sl_view vendor, name, format, model; /* model: the first number of the version, as text */
};

/* Take a URI apart. False: it does not match
 * ^iglu:[a-zA-Z0-9-_.]+/[a-zA-Z0-9-_]+/[a-zA-Z0-9-_]+/[1-9][0-9]*-(0|[1-9][0-9]*)-(0|[1-9][0-9]*)$ */
bool iglu_read(sl_view uri, struct iglu *out);

#endif
