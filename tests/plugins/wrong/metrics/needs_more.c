/* needs_more.c - needs a value that lane plain has not. */
#define NAME "needs_more"
#define NEED visitors
#include "../plain_metric.h"
SL_METRIC_PLUGIN(metric)
