/* validate_lane.h - the lane that a metric parser is validated on. */
#ifndef TESTHOST_VALIDATE_LANE_H
#define TESTHOST_VALIDATE_LANE_H

#include "testhost/validate_process.h"

/* The first lane that a metric parser can stand on, into result->lane. One of its own folder that can't be loaded is not passed over
 * in favour of a lane of another folder: it is probably the one that the parser was written for. False: *error. */
bool validation_find_lane(struct validation *validation, struct error *error);

#endif
