/* kafka_config.h - what librdkafka is told: our defaults, the user's properties, and what the source needs. */
#ifndef INGEST_KAFKA_CONFIG_H
#define INGEST_KAFKA_CONFIG_H

#include "base/error.h"
#include "config/config.h"

#include <librdkafka/rdkafka.h>

/* The consumer's configuration, or NULL and the error: a property that librdkafka does not know or does not take, or that
 * the source must have otherwise. The message names the place and never shows a value of the user's: it may be a secret. */
rd_kafka_conf_t *kafka_config_new(const struct kafka_settings *settings, struct error *error);

#endif
