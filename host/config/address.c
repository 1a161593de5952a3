/* address.c - see address.h. */
#include "config/address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN 60
#define EXAMPLE "as in \"kafka-1:9092,kafka-2:9092\""

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

/* A part of a text. */
struct part {
    const char *at;
    size_t size;
};

static bool refuse(struct address_fault *fault, struct part part, const char *why, const char *advice)
{
    (void)snprintf(fault->what, sizeof fault->what, "names \"%.*s%s\", %s", part.size > SHOWN ? SHOWN : (int)part.size, part.at,
                   part.size > SHOWN ? "..." : "", why);
    (void)snprintf(fault->advice, sizeof fault->advice, "%s", advice);
    return false;
}

static bool is_port(struct part port)
{
    char digits[6] = "";
    if (port.size == 0 || port.size > 5)
        return false;
    memcpy(digits, port.at, port.size);
    long number = strspn(digits, "0123456789") == port.size ? strtol(digits, NULL, 10) : 0;
    return number >= 1 && number <= 65535;
}

static bool consists_of(struct part part, const char *bytes)
{
    for (size_t i = 0; i < part.size; i++)
        if (strchr(bytes, part.at[i]) == NULL)
            return false;
    return part.size > 0;
}

/* As fe80::1%eth0; the zone may have any name. */
static bool is_ipv6(struct part part)
{
    const char *zone = memchr(part.at, '%', part.size);
    struct part address = {part.at, zone == NULL ? part.size : (size_t)(zone - part.at)};
    return consists_of(address, "0123456789abcdefABCDEF:.") && memchr(address.at, ':', address.size) != NULL &&
           (zone == NULL || consists_of((struct part){zone + 1, part.size - address.size - 1}, letters));
}

/* Takes what stands before "://" off. False: librdkafka knows no such protocol. */
static bool take_protocol(struct part *rest)
{
    static const char *const protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
    const char *end = memmem(rest->at, rest->size, "://", 3);
    size_t size = end == NULL ? 0 : (size_t)(end - rest->at);
    bool known = end == NULL;
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        known = known || (strlen(protocols[i]) == size && strncasecmp(rest->at, protocols[i], size) == 0);
    if (end != NULL) {
        rest->at = end + 3;
        rest->size -= size + 3;
    }
    return known;
}

static bool check_broker(struct part broker, struct address_fault *fault)
{
    struct part rest = broker, host, port = {NULL, 0};
    if (broker.size == 0)
        return refuse(fault, broker, "an empty address between two commas", "leave out the comma, " EXAMPLE);
    if (!take_protocol(&rest))
        return refuse(fault, broker, "whose protocol Kafka does not have",
                      "host:port without a protocol; TLS and SASL are properties: (\"security.protocol\", \"SASL_SSL\")");
    const char *close = rest.size > 0 && *rest.at == '[' ? memchr(rest.at, ']', rest.size) : NULL;
    const char *colon = memchr(rest.at, ':', rest.size);
    if (close != NULL) {
        host = (struct part){rest.at + 1, (size_t)(close - rest.at) - 1};
        colon = close + 1 < rest.at + rest.size ? close + 1 : NULL;
        if (!is_ipv6(host) || (colon != NULL && *colon != ':'))
            return refuse(fault, broker, "which is no IPv6 address in brackets", "as in \"[::1]:9092\"");
    } else {
        host = (struct part){rest.at, colon == NULL ? rest.size : (size_t)(colon - rest.at)};
        if (colon != NULL && memchr(colon + 1, ':', rest.size - host.size - 1) != NULL)
            return refuse(fault, broker, "which has more than one colon", "an IPv6 address stands in brackets: \"[::1]:9092\"");
        if (host.size == 0)
            return refuse(fault, broker, "which has no host", "host:port, " EXAMPLE);
        if (!consists_of(host, letters))
            return refuse(fault, broker, "which can't be a host", "host:port, separated by commas, " EXAMPLE);
    }
    if (colon != NULL)
        port = (struct part){colon + 1, (size_t)(rest.at + rest.size - colon) - 1};
    if (colon != NULL && !is_port(port))
        return refuse(fault, broker, "whose port is not 1 to 65535", "host:port, " EXAMPLE);
    return true;
}

bool address_check_brokers(const char *list, struct address_fault *fault)
{
    for (const char *at = list;; at++) {
        struct part broker = {at, strcspn(at, ",")};
        at += broker.size;
        while (broker.size > 0 && *broker.at == ' ') {
            broker.at++;
            broker.size--;
        }
        while (broker.size > 0 && broker.at[broker.size - 1] == ' ')
            broker.size--;
        if (!check_broker(broker, fault))
            return false;
        if (*at == '\0')
            return true;
    }
}

bool address_check_host(const char *host, struct address_fault *fault)
{
    struct part whole = {host, strlen(host)};
    const char *colon = strchr(host, ':');
    if (strstr(host, "://") != NULL)
        return refuse(fault, whole, "which is a URL", "the name or address alone: host = \"127.0.0.1\"; port = 6379;");
    if (strchr(host, '/') != NULL)
        return refuse(fault, whole, "which is a path", "a unix socket is socket = \"/run/redis.sock\"; without host and port");
    if (colon != NULL && strchr(colon + 1, ':') == NULL)
        return refuse(fault, whole, "a host with its port", "the port has a setting of its own: host = \"127.0.0.1\"; port = 6379;");
    if (*host == '[')
        return refuse(fault, whole, "an address in brackets", "here it stands without: host = \"::1\";");
    if (colon == NULL ? !consists_of(whole, letters) : !is_ipv6(whole))
        return refuse(fault, whole, "which can't be a host", "a name or an address: host = \"127.0.0.1\";");
    return true;
}
