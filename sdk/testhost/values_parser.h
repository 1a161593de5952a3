/* values_parser.h - metric parsers that print every value of a lane as it is, under the value's name: so a lane is looked at
 * without any parser that somebody wrote for it. */
#ifndef TESTHOST_VALUES_PARSER_H
#define TESTHOST_VALUES_PARSER_H

#include "plugin/lane_set.h"

/* Add them to the set's first lane, which is running with no parsers: as many as its values need. Values beyond the most that
 * one lane can have (METRICS_MAX parsers of METRIC_FEATURES_MAX) are left out. Before anything is driven; freed by
 * values_parser_take_off(), before lane_set_free(). */
struct values_parser;
struct values_parser *values_parser_put_on(struct lane_set *set);
void values_parser_take_off(struct values_parser *parser);

#endif
