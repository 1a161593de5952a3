#!/usr/bin/env python3
"""What durable state costs: prints one JSON object.

    state_bench.py BUILD_DIR [--events N]

A stream of product views (each a record in the lanes product, category and session) goes through `shoplane run` to the end of a
topic of the embedded broker, into a sink that forgets everything: with state in memory only, with checkpoints every second, and
ten times a second. Compared is the processor time of the whole process, reading from Kafka included, so the ratios are of one
run of this script on one machine. Then the host is started on that state again, with one worker, two, and one again after
two: how long reading the journals took is what it says itself. Last, with a real Redis: a reload (SIGHUP), and a takeover by a
standby of a host that is killed, both on that state; how long features stood still is measured from the signal until the feature
of an event that was produced right before it can be read.
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from servers import TOPIC, MockBroker, Servers, group, setting, shipped_lanes, wait_for  # noqa: E402

COLUMNS = 131
COLLECTOR, EVENT, EVENT_ID, DOMAIN_USERID, CONTEXTS, UNSTRUCT, SESSION_ID, EVENT_VENDOR, EVENT_NAME, DERIVED = \
    3, 5, 6, 15, 52, 58, 123, 125, 127, 124
LAST_MS = 1500000  # event time of the last event, from 10:00 on
ECOMMERCE, ATOMIC = "com.snowplowanalytics.snowplow.ecommerce", "com.snowplowanalytics.snowplow"


def product_view(dice, user, session, ms):
    time = f"2025-06-02 10:{ms // 60000:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
    action = {"schema": f"iglu:{ATOMIC}/unstruct_event/jsonschema/1-0-0", "data": {
        "schema": f"iglu:{ECOMMERCE}/snowplow_ecommerce_action/jsonschema/1-0-2", "data": {"type": "product_view"}}}
    product = {"id": str(dice.randrange(100000)), "category": f"Category {dice.randrange(60)}", "currency": "EUR",
               "price": dice.randrange(500, 30000) / 100}
    contexts = {"schema": f"iglu:{ATOMIC}/contexts/jsonschema/1-0-1", "data": [
        {"schema": f"iglu:{ECOMMERCE}/product/jsonschema/1-0-0", "data": product}]}
    columns = [""] * COLUMNS
    for column, value in ((1, "web"), (COLLECTOR, time), (DERIVED, time), (EVENT, "unstruct"),
                          (EVENT_ID, str(uuid.UUID(int=dice.getrandbits(128)))), (DOMAIN_USERID, user), (SESSION_ID, session),
                          (EVENT_NAME, "snowplow_ecommerce_action"), (UNSTRUCT, json.dumps(action, separators=(",", ":"))),
                          (CONTEXTS, json.dumps(contexts, separators=(",", ":")))):
        columns[column] = value
    return "\t".join(columns)


def product_views(path, count, seed):
    """As many events in 25 minutes; 14 of a shopper."""
    dice = random.Random(seed)
    people = [(str(uuid.UUID(int=dice.getrandbits(128))), str(uuid.UUID(int=dice.getrandbits(128)))) for _ in range(count // 14 + 1)]
    with open(path, "w", encoding="utf-8") as out:
        for number in range(count):
            user, session = people[number % len(people)]
            out.write(product_view(dice, user, session, number * LAST_MS // count) + "\n")


def configuration(path, broker, folder=None, interval="1s", redis=None):
    groups = {"kind": "kafka", "brokers": broker.address, "topic": TOPIC, "start": "earliest", "clock": "event"}
    text = group("source", {name: setting(value) for name, value in groups.items()}) + shipped_lanes("shoplane.conf")
    sink = {"kind": setting("null")} if redis is None else {"kind": setting("redis"), "socket": setting(str(redis.socket))}
    text += group("sink", sink) + group("dead_letters", {"file": setting("/dev/null")})
    if folder is not None:
        text += group("state", {"folder": setting(folder), "interval": setting(interval)})
    path.write_text(text)
    return path


def run(servers, config, workers):
    """(seconds of processor time, what it logged) of reading to the end of the topic."""
    host = servers.start([servers.host, "run", "--config", config, "--to-end", "--workers", workers, "--report", 1],
                         servers.fresh("host") / "log")
    _, status, usage = os.wait4(host.child.pid, 0)
    host.child.returncode = os.waitstatus_to_exitcode(status)
    if host.child.returncode != 0:
        sys.exit(f"state_bench: status {host.child.returncode}\n{host.tail()}")
    return usage.ru_utime + usage.ru_stime, host.text()


def read_in(text):
    """(records, seconds) that the host says of its start."""
    found = re.search(r"state: (\d+) records .* read in ([\d.]+) s", text)
    return int(found[1]), float(found[2])


def state_size(folder):
    files = list((folder / "journal").iterdir())
    return sum(file.stat().st_size for file in files)


def stood_still(producer, redis, dice, act, number):
    """Seconds from `act` until what was produced before it is there."""
    user = f"probe-{number}"
    producer.send(product_view(dice, user, f"session-{number}", LAST_MS + number))
    began = time.monotonic()
    act()
    wait_for(lambda: redis.get(f"user:{user}:product_view_count_5m") == "1", 60, f"the feature of {user}", every_s=0.002)
    return time.monotonic() - began


def restarts(servers, broker, folder):
    """{what: seconds} with all of that state in memory."""
    redis, dice, times = servers.redis().start(), random.Random(2), {}
    config = configuration(servers.folder / "redis.conf", broker, folder, "5s", redis)

    def start(*options):
        return servers.start([servers.host, "run", "--config", config, "--report", 1, *options], servers.fresh("host") / "log")
    host = start()
    host.wait_text(r"state: \d+ records", 60)
    producer = servers.producer(broker)
    stood_still(producer, redis, dice, lambda: None, 0)
    times["freshness_s"] = stood_still(producer, redis, dice, lambda: None, 1)
    times["reload_s"] = stood_still(producer, redis, dice, lambda: host.send_signal(signal.SIGHUP), 2)
    said = host.wait_text(r"features stood still for (\d+) ms", 60)
    times["reload_s_it_says"] = int(said[1]) / 1000
    host.wait_text(r"set \w+ of configuration and plugins is good", 60)
    standby = start()
    standby.wait_text(r"standing by", 20)
    times["takeover_s"] = stood_still(producer, redis, dice, host.kill, 3)
    standby.kill()
    return {name: round(seconds, 3) for name, seconds in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=334000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="shoplane-state-bench-") as temporary:
        servers = Servers(arguments.build.resolve(), pathlib.Path(temporary))
        try:
            events = servers.folder / "events.tsv"
            product_views(events, arguments.events, 1)
            broker = MockBroker(servers, {TOPIC: max(4, events.stat().st_size // 3500000 + 1)})
            servers.produce(broker, events, "-X", "sticky.partitioning.linger.ms=0")
            memory = configuration(servers.folder / "memory.conf", broker)
            costs = {"without": min(run(servers, memory, 1)[0] for _ in range(3))}
            for name, interval in (("every_second", "1s"), ("ten_a_second", "100ms")):
                costs[name], checkpoints = 1e9, 0
                for _ in range(3):
                    folder = servers.folder / f"state-{name}"
                    shutil.rmtree(folder, ignore_errors=True)
                    config = configuration(servers.folder / f"{name}.conf", broker, folder, interval)
                    seconds, _ = run(servers, config, 1)
                    costs[name] = min(costs[name], seconds)
            result = {"events": arguments.events, "processor_s_without_state": round(costs["without"], 2),
                      "ratio_checkpoint_every_second": round(costs["every_second"] / costs["without"], 3),
                      "ratio_ten_checkpoints_a_second": round(costs["ten_a_second"] / costs["without"], 3)}
            size = state_size(folder)
            for name, workers in (("1_worker", 1), ("2_workers_after_1", 2), ("2_workers", 2), ("1_worker_after_2", 1)):
                records, seconds = read_in(run(servers, config, workers)[1])
                result[f"restart_s_per_million_records_{name}"] = round(seconds / records * 1e6, 3)
            result |= {"records": records, "journal_bytes_per_record": round(size / records)}
            result |= restarts(servers, broker, folder)
            print(json.dumps(result))
        finally:
            servers.end_scenario()


if __name__ == "__main__":
    main()
