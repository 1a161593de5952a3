#!/usr/bin/env python3
"""More shoppers than there is memory for: the host refuses new ones and says so, serves those it knows, lives, and takes new ones
again when there is room.

    memory_bound.py BUILD_DIR [--only WORD] [--keep FOLDER]

With the smallest bound there is, 16 MB, and windows of some seconds, so that a test can watch a flood go by.
"""

import json
import re
import subprocess
import time

from features import replay
from live import end, event, session_lane
from servers import TOPIC, MockBroker, check, run_main, wait_for, write_config

BOUND_MB = 16
# What a process takes beside the bound: itself and its buffers, and for each worker parcels and scratch; a host also what
# librdkafka has fetched ahead, which is kept small here.
REPLAY_MB, WORKER_MB, HOST_MB = 10, 4, 40
WINDOW_S = 12


def lanes(length):
    windows = f'windows = ( {{ name = "w"; length = "{length}s"; emit = "200ms"; ttl = "{length + 5}s"; }} );'
    return (f'lanes = ( {{ lane = "product"; {windows} metrics = ( "product_views", "viewed_price" ); }},\n'
            f'{{ lane = "category"; {windows} metrics = ( "category_views" ); }},\n'
            f'{session_lane(f"{length // 2}s", "200ms", f"{length}s", "1s")} );\n'
            f'limits: {{ memory = "{BOUND_MB}MB"; }};\n')


def flood(path, count, at, span_s, name="flood"):
    """A view each of many shoppers, at times from `at` on."""
    path.write_text("".join(
        event("product_view", f"{name}-shopper-{number:012}", f"{name}-session-{number:012}", str(number % 7),
              at + span_s * number / count) + "\n" for number in range(count)))
    return path


def peak_mb(command, folder):
    """What the most was that a command had in memory, and what it said."""
    said = folder / "said"
    with open(said, "w", encoding="utf-8") as out:
        timed = subprocess.run(["python3", "-c", "import os, resource, subprocess, sys; s = subprocess.run(sys.argv[1:]).returncode;"
                                "print('peak', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(s)",
                                *map(str, command)], stdout=out, stderr=out, check=False)
    text = said.read_text(errors="replace")
    check(timed.returncode == 0, f"status {timed.returncode}: {text[-1000:]}")
    return int(re.search(r"^peak (\d+)$", text, re.M)[1]) / 1000, text


def flood_of_a_replay(servers):
    """In memory and out of it again; those who came before and those who come behind it have all they should have."""
    broker = type("Nobody", (), {"address": "127.0.0.1:9"})
    redis = type("Nobody", (), {"socket": servers.folder / "nowhere"})
    config = write_config(servers.folder / "bound.conf", lanes(WINDOW_S), broker, redis, clock="event", disorder="0s")
    start = time.time() - 3600
    before = flood(servers.folder / "before", 50, start, 1, "before")
    first = flood(servers.folder / "first", 60000, start + 2, 4)
    again = flood(servers.folder / "again", 50, start + 6, 1, "before")  # known keys, while it is full
    behind = flood(servers.folder / "behind", 300, start + 60, 2, "behind")
    for workers in (1, 4):
        stats = servers.folder / "stats"
        peak, said = peak_mb([servers.host, "replay", "--config", config, "--sink", "null", "--workers", workers, "--stats", stats,
                              "--dead-letters", "/dev/null", before, first, again], servers.folder)
        counts = json.loads(stats.read_text())
        print(f"      {workers} workers: {peak:.1f} MB, {counts['keys']} keys, {counts['full_keys']} records refused", flush=True)
        check(counts["full_keys"] > 60000, f"only {counts['full_keys']} records were refused of 180 000")
        check(counts["records"] > 20000, f"only {counts['records']} records were kept in {BOUND_MB} MB")
        check("memory is at its bound" in said and "do this: raise limits.memory" in said, f"it was not said:\n{said[-500:]}")
        check(said.count("at its bound") < 5, "it was said again and again")
        check("there is room again" not in said, "nothing has left yet")
        if not servers.sanitized():
            most = BOUND_MB + REPLAY_MB + workers * WORKER_MB
            check(peak < most, f"the process had {peak:.1f} MB, {most} are allowed")
        found = replay(servers, config, [before, first, again, behind], "--workers", workers, stats=stats)
        shoppers = [f"user:before-shopper-{number:012}:product_view_count_w" for number in range(50)]
        check(all(key in found for key in shoppers), "a shopper who was known before the flood has no features")
        late = [found.get(f"user:behind-shopper-{number:012}:product_view_count_w") for number in range(300)]
        check(all(feature and feature.value == "1" for feature in late), "a shopper who came behind the flood was refused")
    known = replay(servers, config, [before, first, again])
    views = [known[f"user:before-shopper-{number:012}:category_view_count_w"].value for number in range(50)]
    check(views == ["2"] * 50, f"known keys did not go on while it was full: {views}")


def flood_of_a_host(servers):
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 16})
    config = write_config(servers.folder / "bound.conf", lanes(WINDOW_S), broker, redis, clock="live", disorder="0s", idle="500ms",
                          properties={"queued.max.messages.kbytes": "1024", "fetch.message.max.bytes": "65536"})
    host, producer = servers.run(config, "--workers", 2, "--report", 1), servers.producer(broker)
    producer.send(event("product_view", "ann", "s-ann", "1"))
    wait_for(lambda: redis.get("user:ann:category_view_count_w") == "1", 20, "the first event arrives")
    # Spread evenly: the mock broker keeps 5 MiB of a partition, and drops the rest.
    servers.produce(broker, flood(servers.folder / "flood", 60000, time.time() + 1, 2), "-X", "sticky.partitioning.linger.ms=0")
    host.wait_text(r"error: memory is at its bound \(.+ of this worker's 8.0 MB\).*do this: raise limits.memory", 20)
    producer.send(event("product_view", "ann", "s-ann", "2"))
    wait_for(lambda: redis.get("user:ann:category_view_count_w") == "2", 5, "a known key goes on while memory is full")
    producer.send(event("product_view", "bob", "s-bob", "1"))
    found = host.wait_text(r"(\d+) refused for memory", 10)
    check(int(found[1]) > 1000, f"the report counts {found[1]} refused records")
    check(redis.get("user:bob:category_view_count_w") is None, "a new key was taken while memory was full: not much of a test")

    def taken():
        producer.send(event("product_view", "eve", "s-eve", "1"))
        return redis.get("user:eve:category_view_count_w") is not None
    wait_for(taken, 3 * WINDOW_S, lambda: f"new keys are taken again:\n{host.tail()}", every_s=0.5)
    check("new keys are taken" in host.text(), f"it was not said that there is room again:\n{host.tail()}")
    peak = host.memory_mb()
    print(f"      a host with 2 workers: {peak:.1f} MB at most", flush=True)
    if not servers.sanitized():
        check(peak < BOUND_MB + HOST_MB + 2 * WORKER_MB, f"the host had {peak:.1f} MB")
    end(host)


if __name__ == "__main__":
    run_main(__doc__, [flood_of_a_replay, flood_of_a_host])
