/* needs_other.c - needs a value that lane plain has, but of another type. */
#define NAME      "needs_other"
#define NEED      share
#define NEED_TYPE SL_MONEY
#include "../plain_metric.h"
SL_METRIC_PLUGIN(metric)
