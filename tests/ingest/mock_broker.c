/* mock_broker.c - librdkafka's mock cluster in a process of its own, for kafka_source.c: what runs in the tested process
 * would share its threads, and could not die.
 *
 * Prints the bootstrap address, then obeys lines of standard input, answering each with "ok": `topic NAME PARTITIONS`,
 * `down`, `up` (all brokers refuse or take connections), `hide NAME`, `show NAME` (they say that there is no such topic), `send
 * NAME PARTITION TIMESTAMP BYTES`, behind which that many bytes follow: a message; `flush`: until all have arrived. Ends with its
 * input. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEND_MS 10000

static rd_kafka_resp_err_t deliver(rd_kafka_t *producer, const char *name, int partition, long long stamp_ms, size_t size)
{
    char *bytes = malloc(size + 1);
    if (bytes == NULL || fread(bytes, 1, size, stdin) != size)
        abort();
    const rd_kafka_vu_t values[] = {{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = name},
                                    {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
                                    {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {bytes, size}},
                                    {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = stamp_ms},
                                    {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_FREE}};
    rd_kafka_error_t *error = rd_kafka_produceva(producer, values, sizeof values / sizeof *values);
    rd_kafka_resp_err_t err = error == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
    if (error != NULL)
        rd_kafka_error_destroy(error);
    return err;
}

static rd_kafka_t *new_producer(const char *brokers)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason);
    (void)rd_kafka_conf_set(conf, "linger.ms", "5", reason, sizeof reason);
    return rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
}

int main(void)
{
    rd_kafka_t *producer = NULL;
    char reason[256], line[256], name[128];
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    rd_kafka_mock_cluster_t *cluster = handle == NULL ? NULL : rd_kafka_mock_cluster_new(handle, 1);
    if (cluster == NULL)
        return 1;
    (void)printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
    (void)fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        int partitions, partition;
        long long stamp_ms;
        size_t size;
        rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__INVALID_ARG;
        if (sscanf(line, "topic %127s %d", name, &partitions) == 2)
            err = rd_kafka_mock_topic_create(cluster, name, partitions, 1);
        else if (sscanf(line, "send %127s %d %lld %zu", name, &partition, &stamp_ms, &size) == 4) {
            if (producer == NULL)
                producer = new_producer(rd_kafka_mock_cluster_bootstraps(cluster));
            err = producer == NULL ? err : deliver(producer, name, partition, stamp_ms, size);
        } else if (strcmp(line, "flush\n") == 0)
            err = producer == NULL ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_flush(producer, SEND_MS);
        else if (sscanf(line, "hide %127s", name) == 1) {
            rd_kafka_mock_topic_set_error(cluster, name, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
            err = RD_KAFKA_RESP_ERR_NO_ERROR;
        } else if (sscanf(line, "show %127s", name) == 1) {
            rd_kafka_mock_topic_set_error(cluster, name, RD_KAFKA_RESP_ERR_NO_ERROR);
            err = RD_KAFKA_RESP_ERR_NO_ERROR;
        } else if (strcmp(line, "down\n") == 0)
            err = rd_kafka_mock_broker_set_down(cluster, 1);
        else if (strcmp(line, "up\n") == 0)
            err = rd_kafka_mock_broker_set_up(cluster, 1);
        (void)printf("%s\n", err == RD_KAFKA_RESP_ERR_NO_ERROR ? "ok" : rd_kafka_err2str(err));
        (void)fflush(stdout);
    }
    if (producer != NULL)
        rd_kafka_destroy(producer);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(handle);
    return 0;
}
