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

void cluster_send(struct cluster *cluster, const char *topic, int32_t partition, const void *bytes, size_t size,
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
    while ((error = rd_kafka_produceva(cluster->producer, values, sizeof values / sizeof *values)) != NULL) {
        if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            die(rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        (void)rd_kafka_poll(cluster->producer, 100);
    }
    (void)rd_kafka_poll(cluster->producer, 0);
}

void cluster_flush(struct cluster *cluster)
{
    if (rd_kafka_flush(cluster->producer, FLUSH_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("what was sent is not acknowledged");
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
