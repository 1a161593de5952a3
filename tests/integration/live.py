#!/usr/bin/env python3
"""The live clock against real servers: fresh within a second, at the set pace, decaying and ending without further events.

    live.py BUILD_DIR [--only WORD] [--keep FOLDER]

Windows of a few seconds, so that a test can watch them empty. How fresh, and what simulated shoppers do, is tried on Apache
Kafka where it is there; what is only about time, on the mock broker.
"""

import sys
import time
import uuid

from features import EMPTY, Day, of_session, replay, tell
from servers import ROOT, TOPIC, ApacheKafka, MockBroker, check, run_main, shipped_lanes, wait_for, write_config

sys.path.insert(0, str(ROOT / "tests" / "property"))
from wire import to_tsv  # noqa: E402  pylint: disable=wrong-import-position

BLANK = {name: "" for name in ("user_id", "domain_userid", "network_userid", "domain_sessionid", "client_session", "useragent")}
BLANK.update({name: None for name in ("cart", "step", "transaction", "refund", "list_name", "page_url", "yauaa", "geo_country",
                                      "geo_region", "dvce_type")}, platform="web", replacing_products=[], products=[])


def event(kind, user="", session="", product=None, at=None):
    """A line of enriched TSV; now, unless `at` says otherwise."""
    at = time.time() if at is None else at
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03}"
    products = [] if product is None else [{"id": product, "price": 10, "category": "shoes"}]
    return to_tsv({**BLANK, "kind": kind, "id": str(uuid.uuid4()), "derived": stamp, "collector": stamp, "user_id": user,
                   "domain_sessionid": session, "products": products})


def product_lane(length, emit, ttl, burst=5):
    return (f'{{ lane = "product"; windows = ( {{ name = "w"; length = "{length}"; emit = "{emit}"; ttl = "{ttl}"; '
            f'burst = {burst}; }} ); metrics = ( "product_views" ); }}')


def session_lane(gap, emit, ttl, lateness):
    return (f'{{ lane = "session"; windows = ( {{ name = "session"; gap = "{gap}"; emit = "{emit}"; ttl = "{ttl}"; '
            f'lateness = "{lateness}"; }} ); metrics = ( "session_pages" ); }}')


def set_up(servers, *lanes, shipped=None, apache=False, **source):
    """(Redis, broker, host, producer, its configuration); the host has taken a first event, so that all are connected."""
    kind = ApacheKafka if apache and ApacheKafka.missing(servers.build) is None else MockBroker
    redis, broker = servers.redis().start(), kind(servers, {TOPIC: 4})
    lanes = shipped or f"lanes = ( {', '.join(lanes)} );\n"
    config = write_config(servers.folder / "live.conf", lanes, broker, redis, clock="live", **{"idle": "500ms", "disorder": "0s",
                                                                                           **source})
    host, producer = servers.run(config, "--workers", 2, "--report", 1), servers.producer(broker)
    producer.send(event("product_view", "first", "first", "1"), event("page_view", "first", "first"))
    wait_for(lambda: redis.keys(), 20, lambda: f"the first event arrives:\n{host.tail()}")
    return redis, broker, host, producer, config


def end(host):
    check(host.end() == 0, f"the host ends with status {host.child.returncode}:\n{host.tail()}")


def fresh_within_a_second(servers):
    """From the moment the line is handed to the producer until a reader of Redis finds the feature."""
    redis, _, host, producer, _ = set_up(servers, product_lane("1h", "1s", "1h"), apache=True)
    took = []
    for number in range(20):
        start = time.monotonic()
        producer.send(event("product_view", f"ann{number}", product="1"))
        wait_for(lambda n=number: redis.get(f"user:ann{n}:product_view_count_w") == "1", 5, "a feature", every_s=0.002)
        took.append(time.monotonic() - start)
    took.sort()
    print(f"      fresh after {took[10] * 1000:.0f} ms, at most {took[-1] * 1000:.0f} ms", flush=True)
    check(took[-1] < (3 if servers.sanitized() else 1), f"a shopper's first event took {took[-1]:.3f} s to Redis")
    end(host)


def a_burst_goes_out_at_once(servers):
    """With an hour between changes a person's first five are there, each on its own; the sixth is held back."""
    redis, _, host, producer, _ = set_up(servers, product_lane("1h", "1h", "2h"))
    key = "user:ann:product_view_count_w"
    for number in range(1, 6):
        producer.send(event("product_view", "ann", product=str(number)))
        wait_for(lambda n=number: redis.get(key) == str(n), 5, lambda n=number: f"change {n}, it is {redis.get(key)}", every_s=0.002)
    producer.send(event("product_view", "ann", product="6"), event("product_view", "bob", product="1"))
    wait_for(lambda: redis.get("user:bob:product_view_count_w") == "1", 5, "another shopper's first")
    check(redis.get(key) == "5", f"the sixth change is held back, it is {redis.get(key)}")
    end(host)


def emit_interval_is_kept(servers):
    """Fifty changes in some seconds, without a burst: one write a second of each key, the first at once, the last one right and in
    time."""
    emit = 1.0
    redis, _, host, producer, _ = set_up(servers, product_lane("1h", "1s", "1h", burst=1))
    seen = redis.monitor()
    start, commands = time.monotonic(), []
    for number in range(50):
        wait_for(lambda n=number: time.monotonic() >= start + n * 0.08, 1, "its turn", every_s=0.005)
        producer.send(event("product_view", "ann", product=str(number)))
    key = "user:ann:product_view_count_w"
    wait_for(lambda: redis.get(key) == "50", emit + 1, lambda: f"the last change is written, found {redis.get(key)}")
    commands += seen()
    writes = [at for at, words in commands if words[:2] == ["SET", key]]
    gaps = [after - before for before, after in zip(writes, writes[1:])]
    took = writes[-1] - writes[0]
    check(len(writes) >= 4, f"only {len(writes)} writes in {took:.1f} s of changes, one a second may be")
    check(len(writes) <= took / emit + 1.5, f"{len(writes)} writes in {took:.1f} s, one a second at most")
    # by Redis's clock: a write may be held up on its way, and then the one after it seems to come early
    check(min(gaps) > emit * 0.7, f"two writes of a key {min(gaps):.2f} s apart, emit is {emit} s")
    end(host)


def features_decay_without_events(servers):
    """Counts go to 0 by themselves, soon after the window's length; while they hold, a short TTL is renewed."""
    redis, _, host, producer, _ = set_up(servers, product_lane("2s", "200ms", "30s"),
                                         product_lane("8s", "200ms", "3s").replace('"product"', '"category"')
                                         .replace('"product_views"', '"category_views"'))
    producer.send(*(event("product_view", "ann", product=str(number)) for number in range(3)))
    sent = time.monotonic()
    short, long = "user:ann:product_view_count_w", "user:ann:category_view_count_w"
    wait_for(lambda: redis.get(short) == "3" and redis.get(long) == "3", 2, "both windows hold the events")
    left = []
    wait_for(lambda: left.append(redis.ask("PTTL", long)) or redis.get(short) == "0", 6,
             lambda: f"the 2 s window is empty, it is {redis.get(short)}", every_s=0.05)
    empty = time.monotonic() - sent
    check(1.9 < empty, f"a window of 2 s is empty after {empty:.2f} s")
    print(f"      a window of 2 s says 0 after {empty:.2f} s, without further events", flush=True)
    check(redis.get("user:ann:return_view_count_w") == "{}", "the map of an empty window is {}")
    wait_for(lambda: left.append(redis.ask("PTTL", long)) or redis.get(long) == "0", 14, "the 8 s window is empty", every_s=0.05)
    check(time.monotonic() - sent > 7.9, "the 8 s window was empty too early")
    check(min(left) > 0, f"the key with a TTL of 3 s was gone in between: {min(left)}")
    check(any(after > before + 1000 for before, after in zip(left, left[1:])), f"its TTL was never renewed: {left}")
    wait_for(lambda: redis.get(long) is None, 5, "the empty window's key goes by its TTL, as nobody renews it")
    end(host)


def a_crash_does_not_turn_time_back(servers):
    """A window that went empty while nobody visited was written as empty. A host that starts anew from before that must not say for
    a moment what it was, although it has passed every message that was written of."""
    redis, _, host, producer, config = set_up(servers, product_lane("2s", "100ms", "60s"), idle="1500ms")
    key = "user:ann:product_view_count_w"
    producer.send(event("product_view", "ann", product="1"))
    wait_for(lambda: redis.get(key) == "1", 5, "the window holds the event")
    wait_for(lambda: redis.get(key) == "0", 10, "it is empty")
    host.kill()
    seen = redis.monitor()
    again = servers.run(config, "--workers", 1, "--report", 1)
    written = []

    def look():
        written.extend(words for _, words in seen() if words[0] == "SET" and words[1] == key)
        return any(words[2] == "0" for words in written)
    wait_for(look, 20, lambda: f"it says again that it is empty:\n{again.tail()}")
    check(all(words[2] == "0" for words in written), f"an older value came after a newer one: {written}")
    end(again)


def a_fence_of_a_former_topic_is_no_fence(servers):
    """Redis remembers offsets that the topic has never had: it was made anew. Also where Redis was away when the few messages of it
    were read, and none come any more."""
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 4})
    for partition in range(4):
        redis.ask("HSET", f"shoplane:{{{TOPIC}}}:fence", f"{partition}/0", 1000000)
    config = write_config(servers.folder / "anew.conf", f"lanes = ( {product_lane('1h', '1s', '1h')} );\n", broker, redis, clock="live",
                          idle="500ms", disorder="0s")
    producer = servers.producer(broker)
    producer.send(event("product_view", "ann", product="1"))
    redis.pause()
    try:
        host = servers.run(config, "--report", 1)
        host.wait_text(r" 0 events/s.* 1 keys.*NOT WRITING yet", 20)
    finally:
        redis.go_on()
    wait_for(lambda: redis.get("user:ann:product_view_count_w") == "1", 20, lambda: f"the feature is written:\n{host.tail()}")
    end(host)


def sessions_end(servers):
    """After gap without an event nothing more is written of a session, TTLs run out; the same id begins a new one."""
    redis, _, host, producer, _ = set_up(servers, session_lane("2s", "200ms", "3s", "1s"))
    seen = redis.monitor()
    count, duration = "session:s:session_page_count", "session:s:session_duration"
    first = time.time()
    producer.send(event("page_view", "ann", "s", at=first))
    wait_for(lambda: redis.get(count) == "1", 2, "the session is there")
    wait_for(lambda: time.time() > first + 1, 2, "a second has passed")
    newest = time.time()
    producer.send(event("page_view", "ann", "s", at=newest))
    wait_for(lambda: redis.get(count) == "2", 2, "its second page")
    expected = int(newest * 1000) - int(first * 1000)
    check(redis.get(duration) == str(expected), f"session_duration is {redis.get(duration)}, must be {expected}")
    wait_for(lambda: redis.get(count) is None and redis.get(duration) is None, 9, "the session's keys have run out")
    gone = time.time()
    touched = [at for at, words in seen() if any("session:s:" in word for word in words) and words[0] in ("SET", "EXPIRE", "DEL")]
    # over when the clock has passed newest + gap; the clock is up to `idle` and a moment behind
    check(max(touched) < newest + 2 + 0.5 + 1, f"it was written {max(touched) - newest:.2f} s after its last event, gap is 2 s")
    check(gone - newest < 2 + 0.5 + 1 + 3 + 1, f"its keys lived {gone - newest:.2f} s after its last event")
    producer.send(event("page_view", "ann", "s"))
    wait_for(lambda: redis.get(count) == "1" and redis.get(duration) == "0", 2, "the same id begins a new session")
    end(host)


def simulated_shoppers(servers):
    """`produce` in real time, all shipped lanes: while it stands still afterwards, Redis is what a replay says until now.

    Time goes on between reading Redis and replaying, and the live clock may be some seconds behind: so the file is replayed
    until a moment before and one after, and only keys on which both agree are compared."""
    redis, broker, host, producer, config = set_up(servers, shipped=shipped_lanes("shoplane.conf"), apache=True)
    producer.kill()
    path = servers.generate("now.tsv", "--start", "now", "--duration", "6s", "--rate", 150, "--seed", 5, "--late", "3%",
                            "--duplicates", "3%", "--dirty", "1%")
    messages = path.read_bytes().count(b"\n")
    servers.command([servers.demo, "produce", path, "--brokers", broker.address])
    lag_s, emit_s = 5, 2
    before = time.time()
    wait_for(lambda: time.time() > before + emit_s, emit_s + 1, "what waits for its emit interval is out", every_s=0.2)
    wait_for(lambda: host.text().count(" 0 events/s, "), 20, "the host has read all")
    now = time.time()
    found = redis.features()
    early, late = (replay(servers, config, [path], "--until", str(int(at * 1000))) for at in (before - lag_s, time.time() + 1))
    steady = {key: feature for key, feature in late.items() if key in early and early[key].value == feature.value}
    check(len(steady) > 0.7 * len(late) > 500, f"{len(steady)} of {len(late)} features stand still: too few to compare")
    day = Day.read(path)

    def depends_on_the_start(key):
        """An event that came late among the first: the replay's clock begins with it, the host's with the wall clock's."""
        return day.session(key).disturbed or day.over(key) if of_session(key) else steady[key].value in EMPTY and key not in found
    wrong = [f"{key} is {found.get(key)}, must be {feature.value}" for key, feature in steady.items()
             if found.get(key) != feature.value and not depends_on_the_start(key)]
    check(not wrong, tell(f"after {messages} live messages", wrong))
    check(now - before < 30, "it took too long to be a comparison")
    end(host)


if __name__ == "__main__":
    run_main(__doc__, [fresh_within_a_second, a_burst_goes_out_at_once, emit_interval_is_kept, features_decay_without_events,
                       a_crash_does_not_turn_time_back, a_fence_of_a_former_topic_is_no_fence, sessions_end,
                       simulated_shoppers])
