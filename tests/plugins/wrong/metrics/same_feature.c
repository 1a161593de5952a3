/* same_feature.c - writes the feature that plain_count writes. */
#define NAME    "same_feature"
#define FEATURE "plain_count"
#include "../plain_metric.h"
SL_METRIC_PLUGIN(metric)
