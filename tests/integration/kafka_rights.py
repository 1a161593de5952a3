#!/usr/bin/env python3
"""What Apache Kafka refuses is said, with what to do, and costs nothing else: dead letters that a topic does not take, and a group
that may not be used.

    kafka_rights.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import random
import re

from live import event, product_lane
from servers import TOPIC, ApacheKafka, check, need_apache, run_main, setting, wait_for, write_config

US = "User:ANONYMOUS"


def configured(servers, broker, redis, letters):
    config = write_config(servers.folder / f"{letters}.conf", f"lanes = ( {product_lane('1h', '0s', '1h')} );\n", broker, redis)
    text = re.sub(r"^dead_letters:.*\n", "", config.read_text(), flags=re.M)
    state = setting(servers.folder / f"state-{letters}")
    config.write_text(text + f'dead_letters: {{ topic = "{letters}"; }};\nstate: {{ folder = {state}; interval = "200ms"; }};\n')
    return config


def ends_with_losses(host):
    check(host.end() == 1, f"letters were lost, and the status is {host.child.returncode}:\n{host.tail()}")


def a_topic_that_is_missing(servers, broker, redis):
    host = servers.start([servers.host, "run", "--config", configured(servers, broker, redis, "none")], servers.fresh("host") / "log")
    check(host.wait(30) == 1, f"status {host.child.returncode}, must be 1:\n{host.tail()}")
    check("Kafka has no topic none for the dead letters" in host.text() and "--create --topic none" in host.text(), host.tail())


def a_topic_that_is_too_small(servers, broker, redis, producer):
    """Of many letters in one batch only that which is too large by itself is lost."""
    source = random.Random(3)
    small = [f"not an event {source.randbytes(250).hex()}" for _ in range(100)]
    producer.send(*small[:50], "not an event " + source.randbytes(20000).hex(), *small[50:], event("product_view", "ann", product="1"))
    host = servers.run(configured(servers, broker, redis, "small"), "--report", 1)
    host.wait_text("a dead letter to topic small is lost: Broker: Message size too large; found: a letter of 40[0-9]{3} bytes about "
                   "the message of partition 0, offset 50; do this: raise max.message.bytes", 30)
    wait_for(lambda: redis.get("user:ann:product_view_count_w") == "1", 30, "the events are taken")
    host.wait_text(" 1 dead letters LOST", 30)
    ends_with_losses(host)
    check("dead       101 letters, 101 not_tsv" in host.text(), host.tail())
    check("LOST       1 dead letters" in host.text(), f"it must say how many:\n{host.tail()}")


def rights_that_are_missing(servers, broker, redis, producer):
    """To write letters, and to the group: both are said, once, and the host takes events and ends as always."""
    broker.acl("--add", "--allow-principal", US, "--operation", "Describe", "--topic", "forbidden")
    broker.acl("--add", "--deny-principal", US, "--operation", "All", "--group", "shoplane")
    producer.send("not an event either", event("product_view", "bea", product="1"))
    host = servers.run(configured(servers, broker, redis, "forbidden"), "--report", 1)
    wait_for(lambda: redis.get("user:bea:product_view_count_w") == "1", 30, "the events are taken")
    host.wait_text("a dead letter to topic forbidden is lost: Broker: Topic authorization failed; found: .* do this: allow WRITE", 30)
    host.wait_text("Kafka does not take the offsets that are told for its monitors: Broker: Group authorization failed; nothing else "
                   'depends on them; found: group "shoplane"; do this: allow READ on the group', 30)
    host.wait_text(r"dead letters LOST, [1-9]\d* checkpoints", 30)
    ends_with_losses(host)
    check(host.text().count("Kafka does not take the offsets") == 1, f"it is said once:\n{host.tail()}")
    check("librdkafka does not end" not in host.text(), f"the stop was held up:\n{host.tail()}")


def what_kafka_refuses(servers):
    need_apache(servers.build)
    broker, redis = ApacheKafka(servers, {TOPIC: 1, "forbidden": 1}), servers.redis().start()
    broker.topic("small", 1, max_message_bytes=4000)
    producer = servers.producer(broker)
    a_topic_that_is_missing(servers, broker, redis)
    a_topic_that_is_too_small(servers, broker, redis, producer)
    rights_that_are_missing(servers, broker, redis, producer)


if __name__ == "__main__":
    run_main(__doc__, [what_kafka_refuses])
