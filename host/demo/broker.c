/* broker.c - `shoplane-demo broker`: librdkafka's mock cluster as a process of its own.
 *
 * It speaks Kafka's protocol on the loopback interface, on a port that the system chooses. In its own process, so that what
 * is being tried can be killed and started again while its topics stay. For trying things out only: nothing is on disk, and
 * a partition holds 5 MiB. */
#include "demo/commands.h"
#include "demo/options.h"

#include "base/memory.h"

#include <errno.h>
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char help[] =
    "shoplane-demo broker - a Kafka broker for trying things out, in memory\n"
    "\n"
    "  shoplane-demo broker [--topic NAME[:PARTITIONS]]... [options]\n"
    "\n"
    "Prints its bootstrap servers as one line on standard output, then runs until SIGTERM or SIGINT. Loopback only.\n"
    "\n"
    "  --topic NAME       create it at the start; as often as needed. Others are created on first use, with 4 partitions\n"
    "  --partitions N     of topics that don't say; default 16\n"
    "  --port-file FILE   write the line there too, once the broker can be used; removed at the end\n"
    "  --nodes N          brokers in the cluster; default 1\n"
    "  --with-parent      end when the process that started it ends\n"
    "\n"
    "It is librdkafka's mock cluster: a partition holds 5 MiB (some 1300 events) or 100 000 batches, then the oldest are\n"
    "dropped without a word, so take as many partitions as your stream needs; there are no admin requests; the first join\n"
    "of a consumer group takes 3 s. What must be believed is tested on Apache Kafka.\n"
    "\n"
    "Example:\n"
    "  shoplane-demo broker --topic snowplow-enriched-good --partitions 64 --port-file /tmp/broker &\n"
    "  shoplane-demo produce --live --rate 100 --brokers \"$(cat /tmp/broker)\"\n";

enum { TOPICS_MAX = 64 };

struct broker_options {
    const char *topics[TOPICS_MAX];
    int topic_count;
    int64_t partitions, nodes;
    const char *port_file;
};

/* The whole file appears at once, so that who waits for it never reads half of it. */
static bool port_file_write(const char *path, const char *bootstrap)
{
    char *part = memory_format("%s.part", path);
    FILE *file = fopen(part, "w");
    bool written = file != NULL && fprintf(file, "%s\n", bootstrap) > 0;
    if (file != NULL && fclose(file) != 0)
        written = false;
    written = written && rename(part, path) == 0;
    free(part);
    return written;
}

static int topics_create(rd_kafka_mock_cluster_t *cluster, const struct broker_options *options)
{
    for (int i = 0; i < options->topic_count; i++) {
        char *name = memory_text(options->topics[i]), *colon = strchr(name, ':');
        int64_t partitions = options->partitions;
        bool good = true;
        if (colon != NULL) {
            *colon = '\0';
            good = option_integer("--topic", colon + 1, 1, 10000, &partitions);
        }
        rd_kafka_resp_err_t code =
            good ? rd_kafka_mock_topic_create(cluster, name, (int)partitions, 1) : RD_KAFKA_RESP_ERR_NO_ERROR;
        free(name);
        if (!good)
            return 2;
        if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
            return usage_error("the topic can't be created", options->topics[i], rd_kafka_err2str(code)), 1;
    }
    return 0;
}

static int run(const struct broker_options *options)
{
    /* before librdkafka starts its threads: all of them leave these signals to us */
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);

    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "log_level", "3", reason, sizeof reason);
    rd_kafka_t *kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (kafka == NULL)
        return usage_error("the broker can't start", reason, "check the installation of librdkafka"), 1;
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(kafka, (int)options->nodes);
    if (cluster == NULL)
        return usage_error("the broker can't start", "no mock cluster", "check that ports of 127.0.0.1 can be opened"), 1;
    int status = topics_create(cluster, options);
    if (status != 0)
        return status;
    const char *bootstrap = rd_kafka_mock_cluster_bootstraps(cluster);
    if (options->port_file != NULL && !port_file_write(options->port_file, bootstrap))
        return system_error("the port file can't be written", options->port_file);
    (void)printf("%s\n", bootstrap);
    (void)fflush(stdout);

    int received;
    (void)sigwait(&signals, &received);
    if (options->port_file != NULL)
        (void)unlink(options->port_file);
    /* All it had was in memory, and taking it apart under connected clients can hang. */
    _exit(0);
}

int command_broker(int argc, char **argv)
{
    enum { TOPIC = 1, PARTITIONS, PORT_FILE, NODES, WITH_PARENT, HELP };
    static const struct option options[] = {
        {"topic", required_argument, NULL, TOPIC}, {"partitions", required_argument, NULL, PARTITIONS},
        {"port-file", required_argument, NULL, PORT_FILE}, {"nodes", required_argument, NULL, NODES},
        {"with-parent", no_argument, NULL, WITH_PARENT}, {"help", no_argument, NULL, HELP}, {0},
    };
    struct broker_options broker = {.partitions = 16, .nodes = 1};
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        bool good = true;
        switch (option) {
        case TOPIC:
            if (broker.topic_count == TOPICS_MAX)
                return usage_error("too many topics", optarg, "give at most 64; others are created on first use");
            broker.topics[broker.topic_count++] = optarg;
            break;
        case PARTITIONS: good = option_integer("--partitions", optarg, 1, 10000, &broker.partitions); break;
        case PORT_FILE: broker.port_file = optarg; break;
        case NODES: good = option_integer("--nodes", optarg, 1, 16, &broker.nodes); break;
        case WITH_PARENT: (void)prctl(PR_SET_PDEATHSIG, SIGTERM); break;
        case 'h':
        case HELP: (void)fputs(help, stdout); return 0;
        default: return 2;
        }
        if (!good)
            return 2;
    }
    if (optind < argc)
        return usage_error("broker takes options only", argv[optind], "see shoplane-demo broker --help");
    return run(&broker);
}
