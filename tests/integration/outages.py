#!/usr/bin/env python3
"""Servers that go away and come back, and a host that is told to stop: nothing live may be missing or wrong afterwards.

    outages.py BUILD_DIR [--only WORD] [--keep FOLDER]

Event clock, one partition, no disorder allowed for: then what the host has at rest is what a replay of the same messages ends
with. Where Redis was away, and kept what it had, all of it must be right; where it came back empty, all that is live must be there
(windows that hold something, sessions that are not over), and the rest, if it is there, right.
"""

import re
import signal
import time

from features import Day, live, of_session, replay, right, same, tell
from servers import TOPIC, ApacheKafka, MockBroker, check, need_apache, run_main, shipped_lanes, wait_for, write_config

THREE_PARTS = r"; found: .+; do this: .+"
MEMORY_MB = 300  # of which librdkafka's queue may take 64


def set_up(servers, broker_kind=MockBroker, config_name="shoplane.conf", **more):
    """(Redis, not started; broker; configuration). The topic has one partition."""
    redis, broker = servers.redis(), broker_kind(servers, {TOPIC: 1})
    config = write_config(servers.folder / "outages.conf", shipped_lanes(config_name), broker, redis, clock="event", disorder="0s",
                          **more)
    return redis, broker, config


def day_in_parts(servers, *shares):
    """A day that the mock broker's partition holds (5 MiB), cut in order of arrival: (the whole, the parts)."""
    whole = servers.generate("day.tsv", "--duration", "25h", "--rate", 0.011, "--seed", 3, "--late", "2%", "--duplicates", "2%",
                             "--dirty", "1%")
    check(whole.stat().st_size < 5 << 20, "the day is too large for the mock broker")
    lines, parts, start = whole.read_bytes().split(b"\n")[:-1], [], 0
    for number, share in enumerate(shares):
        end = len(lines) if number == len(shares) - 1 else start + int(len(lines) * share)
        part = servers.folder / f"part{number}.tsv"
        part.write_bytes(b"".join(line + b"\n" for line in lines[start:end]))
        parts.append(part)
        start = end
    return whole, parts


def count(path):
    return path.read_bytes().count(b"\n")


def first_of(servers, path, number):
    """The first messages of a file, as a file."""
    part = servers.folder / f"first-{number}"
    part.write_bytes(b"".join(line + b"\n" for line in path.read_bytes().split(b"\n")[:number]))
    return part


def wait_idle(host, since, limit_s=30):
    """Until a report line, later than `since`, says that nothing comes any more. Needs --report 1."""
    host.wait_text(r"info: [1-9]\d* events/s(.|\n)* 0 events/s, ", limit_s, since)


def feed(servers, host, broker, part):
    """Produce it, and wait until the host has read it."""
    since = len(host.text())
    servers.produce(broker, part)
    wait_idle(host, since)


def stop(host, limit_s=10):
    """A clean end: status 0, within the limit."""
    start = time.monotonic()
    status = host.end(limit_s=limit_s)
    check(status == 0, f"the host ended with status {status} after {time.monotonic() - start:.1f} s:\n{host.tail()}")


def healthy(servers, host):
    check(host.running(), f"the host has ended, status {host.child.returncode}:\n{host.tail()}")
    if not servers.sanitized():
        check(host.memory_mb() < MEMORY_MB, f"the host had {host.memory_mb():.0f} MB")


def rests(host):
    """With nothing to read and nobody to write to there is nothing to do."""
    used, start = host.processor_s(), time.monotonic()
    wait_for(lambda: time.monotonic() - start > 2, 10, "two seconds")
    used, took = host.processor_s() - used, time.monotonic() - start
    check(used < took / 4, f"the host used {used:.2f} s of a processor in {took:.2f} s of an outage, doing nothing")


def log_says(host, pattern, what):
    check(re.search(pattern, host.text()), f"the log says nothing of {what} ({pattern}):\n{host.tail(30)}")


def redis_absent_at_start(servers):
    redis, broker, config = set_up(servers)
    whole, _ = day_in_parts(servers)
    servers.produce(broker, whole)
    wanted = replay(servers, config, [whole])
    host = servers.run(config, "--report", 1)
    wait_idle(host, 0)
    healthy(servers, host)
    rests(host)
    log_says(host, r"Redis at .*redis\.sock.*can't connect: .*; do this: .+", "the absent Redis")
    redis.start()
    wait_for(lambda: redis.keys(), 10, "what is owed arrives")
    log_says(host, r"Redis at .*: connected", "its coming")
    stop(host)
    must_be_live(redis.features(), wanted, whole, "absent at the start")


def must_be_live(found, wanted, day_path, where):
    """Everything live there, everything there right, nothing there that should not be."""
    day = Day.read(day_path, 0)
    needed = live(wanted, day)
    check(len(needed) > 100, f"{where}: only {len(needed)} live features: not much of a test")
    missing = [f"{key} = {feature.value}" for key, feature in needed.items() if key not in found]
    check(not missing, tell(f"{where}: of {len(needed)} live features not in Redis", missing))
    right(found, wanted, where)
    extra = [f"{key} = {value}" for key, value in found.items() if key not in wanted]
    check(not extra, tell(f"{where}: keys that the replay does not have", extra))


def redis_restarted_empty(servers):
    """Killed in mid-stream and back empty, while events go on."""
    redis, broker, config = set_up(servers)
    whole, parts = day_in_parts(servers, 0.45, 0.1, 0.45)
    wanted = replay(servers, config, [whole])
    redis.start()
    host = servers.run(config, "--report", 1)
    feed(servers, host, broker, parts[0])
    check(len(redis.keys()) > 100, "the first part is in Redis")
    redis.kill()
    feed(servers, host, broker, parts[1])
    healthy(servers, host)
    log_says(host, r"error: Redis at .*" + THREE_PARTS, "the lost Redis")
    seen = len(host.text())
    redis.start()
    feed(servers, host, broker, parts[2])
    host.wait_text(r"Redis at .*: connected", 10, seen)
    stop(host)
    must_be_live(redis.features(), wanted, whole, "restarted empty")


def redis_failed_over(servers):
    """The primary dies, and its replica, which is a little behind, takes its place under its name."""
    first, broker, _ = set_up(servers)
    second = servers.redis().start()
    first.start()
    name = servers.folder / "redis.sock"
    name.symlink_to(first.socket)
    config = write_config(servers.folder / "named.conf", shipped_lanes("shoplane.conf"), broker, first, clock="event",
                          disorder="0s", sink={"socket": str(name)})
    port = first.ask("CONFIG", "GET", "port")[1]
    check(port == "0", "the primary listens on a port")
    whole, parts = day_in_parts(servers, 0.4, 0.2, 0.4)
    wanted = replay(servers, config, [whole])
    host = servers.run(config, "--report", 1)
    feed(servers, host, broker, parts[0])
    snapshot = first.features()
    second.ask_all([("SET", key, value, "EX", 86400) for key, value in snapshot.items()])  # as far as replication came
    feed(servers, host, broker, parts[1])
    check(first.features() != snapshot, "nothing was written that the replica does not have")
    seen = len(host.text())
    name.unlink()
    name.symlink_to(second.socket)
    first.kill()
    host.wait_text(r"Redis at .*: connected", 20, seen)
    feed(servers, host, broker, parts[2])
    stop(host)
    # What was over when the replica took its place stays as it knew it, until its TTL.
    found, needed = second.features(), live(wanted, Day.read(whole, 0))
    missing = [f"{key} = {feature.value}" for key, feature in needed.items() if found.get(key) != feature.value]
    check(len(needed) > 100 and not missing, tell(f"failed over: of {len(needed)} live features not in Redis as they should be",
                                                  missing))
    right({key: value for key, value in found.items() if snapshot.get(key) != value}, wanted, "failed over")


def redis_stopped_and_continued(servers):
    """It hangs for longer than the sink's timeout, and then goes on with all it had."""
    redis, broker, config = set_up(servers, sink={"timeout": "500ms"})
    whole, parts = day_in_parts(servers, 0.4, 0.3, 0.3)
    wanted = replay(servers, config, [whole])
    redis.start()
    host = servers.run(config, "--report", 1)
    feed(servers, host, broker, parts[0])
    redis.pause()
    try:
        seen = len(host.text())
        servers.produce(broker, parts[1])
        host.wait_text(r"no reply within 500 ms" + THREE_PARTS, 10, seen)
        wait_idle(host, seen)
        healthy(servers, host)
    finally:
        redis.go_on()
    feed(servers, host, broker, parts[2])
    log_says(host, r"no reply(.|\n)*Redis at .*: connected", "Redis's return")
    stop(host)
    must_be_live(redis.features(), wanted, whole, "stopped and continued")


def broker_stopped_and_continued(servers):
    redis, broker, config = set_up(servers, properties={"socket.timeout.ms": "1000", "fetch.wait.max.ms": "200"})
    whole, parts = day_in_parts(servers, 0.5, 0.5)
    wanted = replay(servers, config, [whole])
    redis.start()
    host = servers.run(config, "--report", 1)
    feed(servers, host, broker, parts[0])
    broker.pause()
    try:
        host.wait_text(r"warning: (no Kafka broker is in reach|kafka: )", 20)
        healthy(servers, host)
    finally:
        broker.go_on()
    feed(servers, host, broker, parts[1])
    stop(host)
    same(redis.features(), wanted, "broker stopped and continued")


def broker_killed_and_restarted(servers):
    """A real one, by SIGKILL as in a power cut."""
    need_apache(servers.build)
    redis, broker, config = set_up(servers, ApacheKafka)
    whole, parts = day_in_parts(servers, 0.5, 0.5)
    wanted = replay(servers, config, [whole])
    redis.start()
    host = servers.run(config, "--report", 1)
    feed(servers, host, broker, parts[0])
    broker.kill()
    host.wait_text(r"no Kafka broker is in reach; trying on: ", 20)
    healthy(servers, host)
    broker.restart()
    feed(servers, host, broker, parts[1])
    log_says(host, r"no Kafka broker is in reach(.|\n)*Kafka is in reach again", "the broker's return")
    check(len(re.findall("no Kafka broker is in reach", host.text())) <= 3, "it says so again and again")
    stop(host)
    same(redis.features(), wanted, "broker killed and restarted")


def told_to_stop_in_mid_stream(servers):
    """SIGTERM while it reads: what was read is written, whatever its emit interval; a prefix of the stream, exactly."""
    redis, broker, config = set_up(servers, config_name="live-shopper.conf", batch=50)
    whole, _ = day_in_parts(servers)
    redis.start()
    host = servers.run(config, "--report", 1)
    producer = servers.start([servers.demo, "produce", whole, "--speed", 20000, "--brokers", broker.address],
                             servers.fresh("producer") / "log")
    wait_for(lambda: len(redis.keys()) > 200, 20, "the host is in the middle of it")
    stop(host)
    producer.kill()
    read = int(re.search(r"shoplane: (\d+) messages", host.text())[1])
    print(f"      stopped after {read} of {count(whole)} messages", flush=True)
    check(0 < read < count(whole), f"{read} messages were read: not in mid-stream")
    part = first_of(servers, whole, read)
    same(redis.features(), replay(servers, config, [part]), f"after {read} messages")


def told_to_stop_while_redis_hangs(servers):
    """It gives up after 5 s without progress, says what is not sent, and status 1; told a second time, at once."""
    redis, broker, config = set_up(servers, sink={"lease": 0}) # two at once, which a lease would not let be
    whole, _ = day_in_parts(servers)
    redis.start()
    first, second = (servers.run(config, "--report", 1) for _ in range(2))
    for host in (first, second):
        host.wait_text("Redis at .*: connected", 10)
    redis.pause()
    try:
        servers.produce(broker, whole)
        for host in (first, second):
            wait_idle(host, 0)
        start = time.monotonic()
        first.send_signal(signal.SIGTERM)
        second.send_signal(signal.SIGTERM)
        second.wait_text("writing what is left, then stopping; once more stops at once", 5)
        again = time.monotonic()
        check(second.end(limit_s=5) == 1, f"told twice: status {second.child.returncode}, must be 1")
        check(time.monotonic() - again < 1, f"told twice, it took {time.monotonic() - again:.1f} s")
        log_says(second, "told to stop again", "being told twice")
        check(first.wait(10 - (time.monotonic() - start)) == 1, f"with features unsent: status {first.child.returncode}, must be 1")
        log_says(first, r"NOT SENT .* \d+ keys", "what was not sent")
    finally:
        redis.go_on()


def told_twice_keeps_state(servers):
    """A second SIGTERM ends it at once, and all goes on from the last checkpoint: nothing is lost."""
    redis, broker, config = set_up(servers)
    folder = servers.fresh("state") / "shop"
    config.write_text(config.read_text() + f'state: {{ folder = "{folder}"; interval = "200ms"; }};\n')
    whole, parts = day_in_parts(servers, 0.6, 0.4)
    redis.start()
    host = servers.run(config, "--report", 1)
    feed(servers, host, broker, parts[0])
    redis.pause()
    try:
        servers.produce(broker, parts[1])
        wait_idle(host, len(host.text()) - 200)
        host.send_signal(signal.SIGTERM)
        host.wait_text("writing what is left, then stopping; once more stops at once", 5)
        check(host.end(limit_s=5) == 1, f"told twice: status {host.child.returncode}, must be 1")
    finally:
        redis.go_on()
    again = servers.run(config, "--to-end")
    check(again.wait(30) == 0, f"started again, it ended with status {again.child.returncode}:\n{again.tail()}")
    must_be_live(redis.features(), replay(servers, config, [whole]), whole, "told twice")


def overtaken_by_another(servers):
    """A checkpoint of a later start appears in its folder: it keeps nothing more, and goes on only from what counts now."""
    redis, broker, config = set_up(servers)
    folder = servers.fresh("state") / "shop"
    config.write_text(config.read_text() + f'state: {{ folder = "{folder}"; interval = "200ms"; }};\n')
    whole, parts = day_in_parts(servers, 0.5, 0.5)
    redis.start()
    host = servers.run(config, "--report", 1)
    feed(servers, host, broker, parts[0])
    wait_for(lambda: any(folder.glob("manifest-*")), 10, "a checkpoint")
    seen = len(host.text())
    newest = max(folder.glob("manifest-*"), key=lambda path: int(path.name.split("-")[1]))
    later = folder / f"manifest-{int(newest.name.split('-')[1]) + 5}"
    later.write_text(newest.read_text()[:-20])  # of no use, but it is there
    host.wait_text(r"another process has taken over this state", 10, seen)
    host.wait_text(r"stands by(.|\n)*running with", 20, seen)
    feed(servers, host, broker, parts[1])
    stop(host)
    must_be_live(redis.features(), replay(servers, config, [whole]), whole, "overtaken")


if __name__ == "__main__":
    run_main(__doc__, [redis_absent_at_start, redis_restarted_empty, redis_failed_over, told_twice_keeps_state, overtaken_by_another,
                       redis_stopped_and_continued, broker_stopped_and_continued,
                       broker_killed_and_restarted, told_to_stop_in_mid_stream, told_to_stop_while_redis_hangs])
