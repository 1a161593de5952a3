/* is_metric.c - a metric parser among the lanes. */
#define NAME "is_metric"
#include "../plain_metric.h"
SL_METRIC_PLUGIN(metric)
