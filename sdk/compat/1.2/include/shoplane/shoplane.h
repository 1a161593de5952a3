/* shoplane.h - all of the SDK. What is what: types.h, event.h (what a lane reads), scratch.h (memory of a fold), lane.h,
 * metric.h, plugin.h (how a shared object says that it is one). */
#ifndef SHOPLANE_H
#define SHOPLANE_H

#include "event.h"
#include "lane.h"
#include "metric.h"
#include "plugin.h"
#include "scratch.h"
#include "types.h"

#endif
