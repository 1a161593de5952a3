/* address.h - what can't be the address of a broker, or the host of a Redis; and why, with what to write instead.
 *
 * librdkafka takes nearly anything: "localhost:99999" would be port 34463. A name that nobody knows is found out when it is asked
 * for, not here. */
#ifndef CONFIG_ADDRESS_H
#define CONFIG_ADDRESS_H

#include <stdbool.h>

struct address_fault {
    char what[160]; /* goes on behind the setting's name: "names \"localhost:99999\", whose port is not 1 to 65535" */
    char advice[160];
};

/* "kafka-1:9092", and more behind commas; the port may be left out (9092), [::1]:9092 is an IPv6 address, and a security
 * protocol may stand in front: SSL://kafka-1:9093. False: *fault. */
bool address_check_brokers(const char *list, struct address_fault *fault);

/* A name or an address, without port. False: *fault. */
bool address_check_host(const char *host, struct address_fault *fault);

#endif
