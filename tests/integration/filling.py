#!/usr/bin/env python3
"""Lanes that fill their windows from the topic's past: new ones, changed ones, and those that were switched off for a while.

    filling.py BUILD_DIR [--only WORD] [--keep FOLDER]

Event clock, one partition, no disorder allowed for, state kept in between; at the end Redis must have what a replay of all
messages ends with. A lane that was not there knows nothing of windows that went empty before it came, so of lanes that are filled
only what is live must be there, and all that is there be right.
"""

import re

from features import Day, live, replay, right, same, split_key, tell
from outages import day_in_parts, feed, stop
from servers import TOPIC, MockBroker, check, group, run_main, setting, shipped_lanes, write_config

FILLED = {"product": ("product_view_count", "avg_viewed_price", "return_view_count", "price_range_viewed")}


def lanes_without(*names):
    """The shipped lanes but these."""
    text = shipped_lanes("shoplane.conf")
    head, *rest = re.split(r"(?m)^(?=    \{$)", text)
    kept = [part for part in rest if not any(f'lane = "{name}"' in part for name in names)]
    check(len(kept) == len(rest) - len(names), f"the lanes {names} are not in shoplane.conf as this test reads it")
    body = "".join(re.sub(r"\},?\n(\);\n)?\Z", "},\n", part) for part in kept)
    return head + body[:-2] + "\n);\n"


def set_up(servers):
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 1})
    folder = servers.fresh("state") / "shop"

    def config(name, lanes, **state):
        path = write_config(servers.folder / f"{name}.conf", lanes, broker, redis, clock="event", disorder="0s")
        settings = {"folder": folder, "interval": "300ms", **state}
        path.write_text(path.read_text() + group("state", {key: setting(str(value)) for key, value in settings.items()}))
        return path
    return redis, broker, config


def run_part(servers, config, broker, part):
    """A host that reads this part and stops."""
    host = servers.run(config, "--report", 1)
    feed(servers, host, broker, part)
    stop(host)
    return host


def must_be_full(found, wanted, day_path, where):
    """All that is live of every lane, and nothing wrong."""
    needed = live(wanted, Day.read(day_path, 0))
    check(len(needed) > 100, f"{where}: only {len(needed)} live features: not much of a test")
    missing = [f"{key} = {feature.value}" for key, feature in needed.items() if key not in found]
    check(not missing, tell(f"{where}: of {len(needed)} live features not in Redis", missing))
    right(found, wanted, where)


def a_new_lane(servers, fill="when_full"):
    redis, broker, config = set_up(servers)
    whole, parts = day_in_parts(servers, 0.6, 0.2, 0.2)
    run_part(servers, config("without", lanes_without("product", "session")), broker, parts[0])
    check(not [key for key in redis.keys() if key.startswith("session:") or ":product_view_count" in key],
          "lanes that are off write features")
    servers.produce(broker, parts[1])
    full = config("all", shipped_lanes("shoplane.conf"), fill=fill)
    seen = redis.monitor()
    host = servers.run(full, "--report", 1)
    host.wait_text(r"lane product is filled again from the topic: it is new", 5)
    host.wait_text(r"product, session: full after [\d.]+ s and \d+ messages of the past", 20)
    feed(servers, host, broker, parts[2])
    stop(host)
    must_be_full(redis.features(), replay(servers, full, [whole]), whole, f"new lanes, {fill}")
    return [words for _, words in seen()]


def written_at_once_and_marked(servers):
    """The mark stands before the first feature that is not complete, and goes when all are."""
    commands = a_new_lane(servers, "at_once")
    key = f"shoplane:{{{TOPIC}}}:filling:product"
    marks = [number for number, words in enumerate(commands) if words[:2] == ["SET", key]]
    ends = [number for number, words in enumerate(commands) if words[:2] == ["DEL", key]]
    features = [number for number, words in enumerate(commands)
                if words[0] == "SET" and words[1].startswith("user:") and split_key(words[1])[1] in FILLED["product"]]
    check(marks and ends and features, f"{len(marks)} marks, {len(ends)} ends of them, {len(features)} features")
    check(marks[0] < features[0], "a feature of a lane that is being filled came before its mark")
    check(marks[-1] < ends[-1] < len(commands), "the mark did not go")


def a_lane_that_was_off(servers):
    """Its records are kept, and what it missed is read again: not one feature differs."""
    redis, broker, config = set_up(servers)
    whole, parts = day_in_parts(servers, 0.5, 0.3, 0.2)
    everything = config("all", shipped_lanes("shoplane.conf"))
    run_part(servers, everything, broker, parts[0])
    host = run_part(servers, config("without", lanes_without("product")), broker, parts[1])
    check("lane product is off: its state waits until it expires" in host.text(), f"it does not say what is off:\n{host.tail()}")
    host = servers.run(everything, "--report", 1)
    host.wait_text(r"lane product is kept, and what it missed is read again from the topic: it was switched off", 5)
    found = host.wait_text(r"product: full after [\d.]+ s and (\d+) messages of the past", 20)
    messages = parts[1].read_bytes().count(b"\n")
    check(int(found[1]) == messages, f"it read {found[1]} messages of the past, {messages} went by while it was off")
    feed(servers, host, broker, parts[2])
    stop(host)
    must_be_full(redis.features(), replay(servers, everything, [whole]), whole, "off and on again")


def longer_windows(servers):
    redis, broker, config = set_up(servers)
    whole, parts = day_in_parts(servers, 0.7, 0.3)
    lanes = shipped_lanes("shoplane.conf")
    short = re.sub(r'(lane = "product";(?:.|\n)*?windows = \()(?:.|\n)*?\n( *\);)',
                   r'\1\n            { name = "5m"; length = "5m"; }\n\2', lanes, count=1)
    check(short != lanes, "the windows of lane product are not in shoplane.conf as this test reads it")
    run_part(servers, config("short", short), broker, parts[0])
    long = config("long", lanes)
    host = servers.run(long, "--report", 1)
    host.wait_text(r"lane product is filled again from the topic: its records go back 300 s, its windows need 24 h", 5)
    host.wait_text(r"product: full after", 20)
    feed(servers, host, broker, parts[1])
    stop(host)
    must_be_full(redis.features(), replay(servers, long, [whole]), whole, "longer windows")


def another_setting(servers):
    """What a lane was told decides what its records hold: with another they are of no use. The fold is not asked."""
    redis, broker, config = set_up(servers)
    whole, parts = day_in_parts(servers, 0.7, 0.3)
    lanes = shipped_lanes("shoplane.conf")
    other = lanes.replace("count_lists = true;", "count_lists = false;")
    check(other != lanes, "lane category is not in shoplane.conf as this test reads it")
    run_part(servers, config("before", lanes), broker, parts[0])
    after = config("after", other)
    host = servers.run(after, "--report", 1)
    host.wait_text(r"lane category is filled again from the topic: its records can't be kept: .*count_lists", 5)
    host.wait_text(r"category: full after", 20)
    feed(servers, host, broker, parts[1])
    stop(host)
    must_be_full(redis.features(), replay(servers, after, [whole]), whole, "another setting")


def nothing_changed(servers):
    """Three starts, nothing to fill, and not one feature differs."""
    redis, broker, config = set_up(servers)
    whole, parts = day_in_parts(servers, 0.3, 0.4, 0.3)
    everything = config("all", shipped_lanes("shoplane.conf"))
    for part in parts:
        host = run_part(servers, everything, broker, part)
        check("filling" not in host.text(), f"something is filled:\n{host.tail()}")
    same(redis.features(), replay(servers, everything, [whole]), "three starts")


if __name__ == "__main__":
    run_main(__doc__, [nothing_changed, a_new_lane, written_at_once_and_marked, a_lane_that_was_off, longer_windows,
                       another_setting])
