/* plain_count.c - nothing is wrong with it. */
#define NAME "plain_count"
#include "../plain_metric.h"
SL_METRIC_PLUGIN(metric)
