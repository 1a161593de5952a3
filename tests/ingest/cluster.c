/* cluster.c - see cluster.h. */
#include "cluster.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLUSH_MS 30000

static struct cluster *started; /* not to be left running when a test ends the program */

static void die(const char *what)
{
    (void)fprintf(stderr, "cluster: %s\n", what);
    if (started != NULL && started->real) {
        char command[1024];
        (void)snprintf(command, sizeof command, "'%s' kill %s", started->script, started->folder);
        (void)!system(command);
    }
    abort();
}

static void start_producer(struct cluster *cluster)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (rd_kafka_conf_set(conf, "bootstrap.servers", cluster->address, reason, sizeof reason) != RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, "linger.ms", "5", reason, sizeof reason) != RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, "log_level", "0", reason, sizeof reason) != RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, "reconnect.backoff.max.ms", "500", reason, sizeof reason) != RD_KAFKA_CONF_OK ||
        (cluster->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason)) == NULL)
        die(reason);
}

static bool read_line(FILE *file, char *line, size_t size)
{
    if (fgets(line, (int)size, file) == NULL)
        return false;
    line[strcspn(line, "\n")] = 0;
    return true;
}

bool cluster_start_mock(struct cluster *cluster, const char *program)
{
    int to[2], from[2];
    if (pipe(to) != 0 || pipe(from) != 0)
        die("pipe");
    *cluster = (struct cluster){.child = fork()};
    if (cluster->child == 0) {
        (void)dup2(to[0], STDIN_FILENO);
        (void)dup2(from[1], STDOUT_FILENO);
        for (int i = 0; i < 2; i++) {
            (void)close(to[i]);
            (void)close(from[i]);
        }
        (void)execl(program, program, (char *)NULL);
        _exit(127);
    }
    (void)close(to[0]);
    (void)close(from[1]);
    cluster->commands = fdopen(to[1], "w");
    cluster->answers = fdopen(from[0], "r");
    if (cluster->child < 0 || cluster->commands == NULL || cluster->answers == NULL ||
        !read_line(cluster->answers, cluster->address, sizeof cluster->address)) {
        (void)printf("the mock broker %s did not start\n", program);
        return false;
    }
    start_producer(cluster);
    return true;
}

static bool run_script(const struct cluster *cluster, const char *arguments, char *line, size_t size)
{
    char command[1024];
    (void)snprintf(command, sizeof command, "'%s' %s", cluster->script, arguments);
    FILE *output = popen(command, "r");
    if (output == NULL)
        die("popen");
    if (!read_line(output, line, size))
        line[0] = 0;
    return pclose(output) == 0;
}

static void run_or_die(const struct cluster *cluster, const char *arguments)
{
    char line[256];
    if (!run_script(cluster, arguments, line, sizeof line))
        die(arguments);
}

bool cluster_start_real(struct cluster *cluster, const char *script, const char *build_folder)
{
    char arguments[512];
    *cluster = (struct cluster){.real = true, .script = script, .folder = "/tmp/shoplane_kafka_XXXXXX"};
    (void)snprintf(arguments, sizeof arguments, "available '%s'", build_folder);
    if (!run_script(cluster, arguments, cluster->address, sizeof cluster->address)) {
        (void)printf("no Apache Kafka here: %s\n", cluster->address);
        return false;
    }
    if (mkdtemp(cluster->folder) == NULL)
        die("mkdtemp");
    (void)snprintf(arguments, sizeof arguments, "start %s '%s'", cluster->folder, build_folder);
    if (!run_script(cluster, arguments, cluster->address, sizeof cluster->address))
        die("Apache Kafka did not start");
    started = cluster;
    start_producer(cluster);
    return true;
}

void cluster_end(struct cluster *cluster)
{
    char arguments[512];
    rd_kafka_destroy(cluster->producer);
    if (!cluster->real) {
        (void)fclose(cluster->commands);
        (void)fclose(cluster->answers);
        (void)waitpid(cluster->child, NULL, 0);
        return;
    }
    (void)snprintf(arguments, sizeof arguments, "kill %s", cluster->folder);
    run_or_die(cluster, arguments);
    (void)snprintf(arguments, sizeof arguments, "rm -rf %s", cluster->folder);
    if (system(arguments) != 0)
        die(arguments);
}

static void command(struct cluster *cluster, const char *text)
{
    char line[256];
    (void)fprintf(cluster->commands, "%s\n", text);
    (void)fflush(cluster->commands);
    if (!read_line(cluster->answers, line, sizeof line) || strcmp(line, "ok") != 0)
        die(text);
}

void cluster_topic(struct cluster *cluster, const char *name, int partitions)
{
    char text[256];
    if (cluster->real) {
        (void)snprintf(text, sizeof text, "topic %s %s %d", cluster->folder, name, partitions);
        run_or_die(cluster, text);
    } else {
        (void)snprintf(text, sizeof text, "topic %s %d", name, partitions);
        command(cluster, text);
    }
}

/* The answer to an administrator's request; its own errors of topics are in `topics`. */
static void await_answer(rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, FLUSH_MS);
    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(what);
    const rd_kafka_topic_result_t **results = NULL;
    size_t count = 0;
    if (rd_kafka_event_DeleteTopics_result(event) != NULL)
        results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
    else if (rd_kafka_event_CreateTopics_result(event) != NULL)
        results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    else if (rd_kafka_event_CreatePartitions_result(event) != NULL)
        results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count);
    for (size_t i = 0; i < count; i++)
        if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR)
            die(rd_kafka_topic_result_error_string(results[i]));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
}

void cluster_delete_topic(struct cluster *cluster, const char *name)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(cluster->producer);
    rd_kafka_DeleteTopic_t *request = rd_kafka_DeleteTopic_new(name);
    rd_kafka_DeleteTopics(cluster->producer, &request, 1, NULL, queue);
    await_answer(queue, "DeleteTopics");
    rd_kafka_DeleteTopic_destroy(request);
}

void cluster_make_topic(struct cluster *cluster, const char *name, int partitions)
{
    char reason[256];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(cluster->producer);
    rd_kafka_NewTopic_t *request = rd_kafka_NewTopic_new(name, partitions, 1, reason, sizeof reason);
    rd_kafka_CreateTopics(cluster->producer, &request, 1, NULL, queue);
    await_answer(queue, "CreateTopics");
    rd_kafka_NewTopic_destroy(request);
}

void cluster_add_partitions(struct cluster *cluster, const char *name, int partitions)
{
    char reason[256];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(cluster->producer);
    rd_kafka_NewPartitions_t *request = rd_kafka_NewPartitions_new(name, (size_t)partitions, reason, sizeof reason);
    rd_kafka_CreatePartitions(cluster->producer, &request, 1, NULL, queue);
    await_answer(queue, "CreatePartitions");
    rd_kafka_NewPartitions_destroy(request);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(cluster->producer, name, NULL);
    for (int known = 0, tries = 0; known != partitions; tries++) { /* until the producer knows them, too */
        const struct rd_kafka_metadata *metadata = NULL;
        if (tries == 1000 ||
            rd_kafka_metadata(cluster->producer, 0, topic, &metadata, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
            die("partitions are not there");
        known = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
}

void cluster_hide_topic(struct cluster *cluster, const char *name, bool hidden)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%s %s", hidden ? "hide" : "show", name);
    command(cluster, text);
}

void cluster_down(struct cluster *cluster)
{
    char text[256];
    (void)snprintf(text, sizeof text, "kill %s", cluster->folder);
    if (cluster->real)
        run_or_die(cluster, text);
    else
        command(cluster, "down");
}

void cluster_up(struct cluster *cluster)
{
    char text[256];
    (void)snprintf(text, sizeof text, "restart %s", cluster->folder);
    if (cluster->real)
        run_or_die(cluster, text);
    else
        command(cluster, "up");
}

static void send_by(rd_kafka_t *producer, const char *topic, int32_t partition, const void *bytes, size_t size,
                    int64_t stamp_ms)
{
    rd_kafka_vu_t values[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)bytes, size}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = stamp_ms},
    };
    rd_kafka_error_t *error;
    while ((error = rd_kafka_produceva(producer, values, sizeof values / sizeof *values)) != NULL) {
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            die(rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        (void)rd_kafka_poll(producer, 100);
    }
    (void)rd_kafka_poll(producer, 0);
}

void cluster_send(struct cluster *cluster, const char *topic, int32_t partition, const void *bytes, size_t size,
                  int64_t stamp_ms)
{
    send_by(cluster->producer, topic, partition, bytes, size, stamp_ms);
}

void cluster_flush(struct cluster *cluster)
{
    if (rd_kafka_flush(cluster->producer, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("what was sent is not acknowledged");
}

static rd_kafka_t *new_handle(const struct cluster *cluster, rd_kafka_type_t type, const char *name, const char *value)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_t *handle = NULL;
    if (rd_kafka_conf_set(conf, "bootstrap.servers", cluster->address, reason, sizeof reason) != RD_KAFKA_CONF_OK ||
        rd_kafka_conf_set(conf, name, value, reason, sizeof reason) != RD_KAFKA_CONF_OK ||
        (handle = rd_kafka_new(type, conf, reason, sizeof reason)) == NULL)
        die(reason);
    return handle;
}

static void check(rd_kafka_error_t *error)
{
    if (error != NULL)
        die(rd_kafka_error_string(error));
}

static void send_transaction(struct cluster *cluster, const char *topic, int32_t partition, int count, bool abort)
{
    rd_kafka_t *handle = new_handle(cluster, RD_KAFKA_PRODUCER, "transactional.id", "test");
    check(rd_kafka_init_transactions(handle, FLUSH_MS));
    check(rd_kafka_begin_transaction(handle));
    for (int i = 0; i < count; i++)
        send_by(handle, topic, partition, "x", 1, 0);
    if (abort && rd_kafka_flush(handle, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR) /* or they would never be sent */
        die("what was sent is not acknowledged");
    check(abort ? rd_kafka_abort_transaction(handle, FLUSH_MS) : rd_kafka_commit_transaction(handle, FLUSH_MS));
    rd_kafka_destroy(handle);
}

void cluster_send_transaction(struct cluster *cluster, const char *topic, int32_t partition, int count)
{
    send_transaction(cluster, topic, partition, count, false);
}

void cluster_send_aborted(struct cluster *cluster, const char *topic, int32_t partition, int count)
{
    send_transaction(cluster, topic, partition, count, true);
}

int64_t cluster_committed(struct cluster *cluster, const char *group, const char *topic, int32_t partition)
{
    rd_kafka_t *handle = new_handle(cluster, RD_KAFKA_CONSUMER, "group.id", group);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t err = rd_kafka_committed(handle, list, FLUSH_MS);
    int64_t offset = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(handle);
    rd_kafka_destroy(handle);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("committed offsets");
    return offset;
}

void cluster_delete_before(struct cluster *cluster, const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(cluster->producer);
    rd_kafka_DeleteRecords(cluster->producer, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, FLUSH_MS);
    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(event == NULL ? "no answer to DeleteRecords" : rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
}
