#!/usr/bin/env python3
"""A generated day through a broker and `shoplane run --to-end` into Redis: what is there must be what a replay of the file gives.

    end_to_end.py BUILD_DIR [--only WORD] [--keep FOLDER]

25 hours with late events, copies, bots and broken lines; both shipped configurations' lanes; one and four workers. On Apache
Kafka (skipped, 77, where there is no Java; in CI, with CI set, that is a failure) and on the mock broker.

One partition keeps the order of arrival, so nothing may differ: the same keys, the same values, as many records kept, late and
twice, as many dead letters. Lifetimes: more than 0, at most the window's.

Six partitions are read at different speeds, so the clock - the least over the partitions of the newest event time - is at each
event's arrival where the replay's was or behind it, never ahead; at the end it is the same. Hence, and this is what is compared:
  - Whatever the replay took in time is in time here too. So every key of the replay is in Redis, and every rolling window, live
    or gone empty, has the replay's value: at the end it holds the same events, and a fold does not depend on their order.
  - What the replay found too late may be in time here. For a rolling window it has left again by the end: the only keys beyond
    the replay's are of windows gone empty, and say so (0, {}, []...).
  - An event that came when the log of its session had gone is late there, or begins a run, and here may be in time. Exactly these
    sessions ("disturbed", from the file alone) are left out where they are over at the end; live ones are not. A day has few of
    them: less than 10% of all.
  - A session that goes on for longer than a session may last (12 h) is cut into runs by what came in time, and where the newest
    run begins may depend on a late event hours ago: the one of all broken events without a session is such.
"""

import re

from features import EMPTY, Day, lifetimes_fit, of_session, replay, right, same, tell
from servers import TOPIC, ApacheKafka, MockBroker, check, need_apache, run_main, shipped_lanes, write_config

CONFIGURATIONS = ("live-shopper.conf", "shoplane.conf")
LIMIT_S = 60
LONGEST_MS = 12 * 3600 * 1000


def generate(servers, name, rate, *options):
    return servers.generate(name, "--duration", "25h", "--rate", rate, "--seed", "11", "--late", "3%", "--duplicates", "3%",
                            "--bots", "3%", "--dirty", "2%", *options)


def summary(log):
    """The counts that do not depend on pace."""
    return (re.search(r"(\d+) messages", log)[1], re.search(r"records +(.*)", log)[1], re.search(r"dead +(.*)", log)[1])


def lasts_too_long(session):
    return max(session.times.values()) - min(session.times.values()) > LONGEST_MS


def compare_reordered(found, wanted, day, where):
    """What six partitions leave to compare: see above."""
    def open_to_order(key):
        return of_session(key) and (day.session(key).disturbed and day.over(key) or lasts_too_long(day.session(key)))
    disturbed = sum(session.disturbed for session in day.sessions.values())
    check(disturbed < 0.1 * len(day.sessions),
          f"{where}: {disturbed} of {len(day.sessions)} sessions of this day depend on the order of arrival: too many")
    missing = [key for key in wanted if key not in found and not open_to_order(key)]
    check(not missing, tell(f"{where}: features that are not in Redis", missing))
    right({key: value for key, value in found.items() if not open_to_order(key)}, wanted, where)
    extra = [f"{key} = {value}" for key, value in found.items() if key not in wanted and not open_to_order(key)
             and (of_session(key) or value not in EMPTY)]
    check(not extra, tell(f"{where}: keys in Redis that neither the replay has nor order explains", extra))


def run_days(servers, broker, topics, workers=(1, 4), configurations=CONFIGURATIONS):
    """topics: {topic: (its partitions, the file that goes into it)}"""
    redis = servers.redis().start()
    for topic, (partitions, path) in topics.items():
        servers.produce(broker, path, "-X", "sticky.partitioning.linger.ms=0", topic=topic)  # each event for itself
        day = Day.read(path) if partitions > 1 else None
        for name in configurations:
            config = write_config(servers.folder / f"{topic}-{name}", shipped_lanes(name), broker, redis, topic, clock="event")
            wanted = replay(servers, config, [path])
            check(len(wanted) > 1000, f"only {len(wanted)} features: too small a day")
            _, told = servers.command([servers.host, "replay", "--config", config, "--sink", "null", "--dead-letters", "/dev/null",
                                       path])
            for count in workers:
                where = f"{broker.kind} broker, {partitions} partitions, {count} workers, {name}"
                redis.ask("FLUSHALL")
                host = servers.run(config, "--to-end", "--workers", count)
                check(host.wait(LIMIT_S) == 0, f"{where}: status {host.child.returncode}\n{host.tail()}")
                found = redis.features()
                lifetimes_fit(redis.lifetimes(), wanted, where)
                if partitions == 1:
                    same(found, wanted, where)
                    check(summary(host.text()) == summary(told), f"{where}: it counts {summary(host.text())}, the replay "
                          f"{summary(told)}")
                else:
                    compare_reordered(found, wanted, day, where)
                print(f"      {where}: {len(found)} features agree", flush=True)


def apache_kafka(servers):
    need_apache(servers.build)
    path = generate(servers, "day.tsv", 0.15)
    broker = ApacheKafka(servers, {TOPIC: 1, "six": 6})
    run_days(servers, broker, {TOPIC: (1, path), "six": (6, path)})


def mock_broker(servers):
    """It keeps 5 MiB a partition, so its one partition gets the accelerator's short JSON."""
    small = generate(servers, "day.jsonl", 0.018, "--format", "json")
    path = generate(servers, "day.tsv", 0.06)
    broker = MockBroker(servers, {TOPIC: 1, "six": 6})
    run_days(servers, broker, {TOPIC: (1, small), "six": (6, path)})


if __name__ == "__main__":
    run_main(__doc__, [mock_broker, apache_kafka])
