#!/usr/bin/env python3
"""What stands behind a value: from a running host, from the state it left, and the same from both.

    explain.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import json
import os
import shutil
import socket
import stat
import subprocess
import time

from live import event, product_lane, session_lane
from servers import ROOT, TOPIC, Failed, MockBroker, check, run_main, wait_for, write_config


def set_up(servers):
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 4})
    state = servers.folder / "state"
    config = write_config(servers.folder / "explain.conf",
                          f"lanes = ( {product_lane('1h', '0s', '2h')}, {session_lane('10m', '0s', '20m', '1m')} );\n", broker, redis,
                          disorder="0s")
    with config.open("a") as file:
        file.write(f'state: {{ folder = "{state}"; interval = "200ms"; }};\n')
    host, producer = servers.run(config, "--workers", 2, "--report", 1), servers.producer(broker)
    return redis, host, producer, config, state


def told(servers, status, *words):
    done = subprocess.run([str(servers.build / "shoplane"), *map(str, words)], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == status, f"{' '.join(map(str, words))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def as_json(servers, *words):
    return json.loads(told(servers, 0, *words, "--json"))


def behind_a_value(servers):
    redis, host, producer, config, state = set_up(servers)
    now = int(time.time())
    producer.send(event("product_view", "ann", "s1", "5", at=now - 1800), event("product_view", "ann", "s1", "6", at=now - 600),
                  event("product_view", "ann", "s1", "5", at=now - 60), event("page_view", "ann", "s1", at=now - 30))
    key = "user:ann:product_view_count_w"
    wait_for(lambda: redis.get(key) == "2" and redis.get("user:ann:return_view_count_w") == '{"5":2,"6":1}', 20,
             lambda: f"ann's features:\n{host.tail()}")
    wait_for(lambda: "a change waits" not in told(servers, 0, "features", "user", "ann", "--config", config), 20, "all is written")
    listed = told(servers, 0, "features", "user", "ann", "--config", config)
    check(listed.startswith("user:ann, from the running host, as of ") and
          [line.split()[:2] for line in listed.splitlines()[1:]] ==
          [["product_view_count_w", "2"], ["return_view_count_w", '{"5":2,"6":1}']] and "(3 records, written " in listed, listed)

    def is_right(answer, where):
        check(answer["from"] == where and len(answer["features"]) == 1, answer)
        feature = answer["features"][0]
        check((feature["key"], feature["value"], feature["records"], feature["lane"], feature["parser"], feature["window"]) ==
              (key, "2", 3, "product", "product_views", "w"), feature)
        stamp = [time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(at)) for at in (now - 1800, now - 600, now - 60)]
        leaves = [time.strftime("%Y-%m-%dT%H:%M:%S.001Z", time.gmtime(at + 3600)) for at in (now - 1800, now - 600, now - 60)]
        check([record["time"][:20] for record in feature["behind"]] == stamp, feature)
        check([record["fields"] for record in feature["behind"]] ==
              [{"id": "5", "price": 10}, {"id": "6", "price": 10}, {"id": "5", "price": 10}], feature)
        # The first view of 5 goes, and it was viewed again; then 6; then 5.
        check([(record["leaves"], record["then"]) for record in feature["behind"]] == list(zip(leaves, ["2", "1", "0"])), feature)

    is_right(as_json(servers, "explain", "user", "ann", "product_view_count", "--config", config), "the running host")
    is_right(as_json(servers, "explain", key, "--config", config), "the running host")
    text = told(servers, 0, "explain", key, "--config", config)
    check(f"{key} is 2\n  by parser product_views of lane product, window w: 3 records, written " in text and
          " id=5 price=10\n        leaves " in text and ", then it is 1\n" in text, text)
    text = told(servers, 0, "explain", "session:s1:session_page_count", "--config", config)
    check("session:s1:session_page_count is 1\n" in text and "the session is over after " +
          time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(now - 30 + 600)) in text, text)

    check("there is nothing of user \"bob\" (any more)" in told(servers, 1, "features", "user", "bob", "--config", config), "bob")
    text = told(servers, 1, "explain", "user", "ann", "product_view_cuont", "--config", config)
    check('user "ann" has no feature "product_view_cuont"' in text and
          "there are: product_view_count, return_view_count" in text, text)
    text = told(servers, 1, "features", "product", "5", "--config", config)
    check('no lane has keys of the kind "product"' in text and "keys begin with user: session:" in text, text)
    check("features of" in told(servers, 0, "audit", "--config", config), "the audit can be asked")

    def in_state():
        try:
            return "user:ann, from the state" in told(servers, 0, "features", "user", "ann", "--state", "--config", config)
        except Failed:
            return False  # no checkpoint has it yet
    cost = as_json(servers, "cost", "--config", config)
    product = cost["lanes"][0]
    check((product["lane"], product["seen"], product["kept"], product["unkeyed"], product["spoiled"]) == ("product", 3, 3, 0, 0), cost)
    calls = {(row["plugin"], row["function"]): row["calls"] for row in product["cost"]}
    check(calls[("product", "extract")] == 3 and calls[("product", "publish")] == calls[("product_views", "compute")] >= 1 and
          calls[("product", "add")] >= 3, calls)
    text = told(servers, 0, "cost", "--config", config)
    check(text.startswith("plugins took ") and "of 3 events seen it kept 3 records; 0 had no key" in text, text)
    bad = event("product_view", "ann", "s1", "77").replace('"id":"77"', '"id":[77]')  # no text: this lane looks at it first
    check('"id":[77]' in bad, bad)
    producer.send(bad)

    def spoiled():
        lanes = as_json(servers, "cost", "--config", config)["lanes"]
        return [(lane["lane"], lane["spoiled"]) for lane in lanes] == [("product", 1), ("session", 0)]
    wait_for(spoiled, 20, lambda: f"the dead letter is the product lane's: {as_json(servers, 'cost', '--config', config)}")
    wait_for(in_state, 20, "the state can be looked into while the host runs")
    check(host.end() == 0, f"the host ends:\n{host.tail()}")
    check(not (state / "control").exists(), "its socket goes with it")
    is_right(as_json(servers, "explain", key, "--config", config), "the state's last checkpoint")
    text = told(servers, 1, "features", "user", "bob", "--config", config)
    check("there is nothing of user \"bob\"" in text and "the state's last checkpoint" in text, text)
    check("no host answers" in told(servers, 1, "audit", "--config", config), "nobody to ask")


def what_becomes_true_by_itself(servers):
    """The recipe's abandoned checkout: what it will be, and when; and it is, with no event at all."""
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 4})
    lanes = ('lanes = ( { lane = "abandoned_checkout"; windows = ( { name = "1h"; length = "1h"; } ); '
             'metrics = ( "checkout_abandoned" ); } );\n')
    config = write_config(servers.folder / "ages.conf", lanes, broker, redis, clock="live", idle="300ms", disorder="2s")
    with config.open("a") as file:
        file.write(f'state: {{ folder = "{servers.folder / "state"}"; interval = "200ms"; }};\n'
                   f'plugins = "{servers.build / "plugins"}:{servers.build / "examples"}";\n')
    host, producer = servers.run(config, "--workers", 2, "--report", 1), servers.producer(broker)
    at = int(time.time()) - 596
    def stamp(of):
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(of))
    soon, later = stamp(at + 600), stamp(at + 590 + 600)
    soon_read, later_read = stamp(at + 602), stamp(at + 590 + 602)  # the clock is `disorder` behind
    producer.send(event("checkout_step", "ann", at=at), event("checkout_step", "bob", at=at), event("checkout_step", "bob", at=at + 590))
    ann, bob = (f"user:{user}:checkout_abandoned_1h" for user in ("ann", "bob"))
    wait_for(lambda: redis.get(ann) == redis.get(bob) == "false", 20, lambda: f"nobody has left yet:\n{host.tail()}")
    text = told(servers, 0, "explain", bob, "--config", config)
    check(f"\n  will be true at {later}, in Redis at about {later_read}, when a record reaches an age that the lane names\n" in text, text)
    text = told(servers, 0, "features", "user", "bob", "--config", config)
    said = f"at {later}, in Redis at about {later_read})\n"
    check(f", will be true {said}" in text and f", will be 0 {said}" in text, text)
    check(" (the clock is 2 s behind: so much later is a change in Redis)\n" in text, text)
    answer = as_json(servers, "explain", ann, "--config", config)["features"][0]
    # on a machine that is slow enough it has happened by now
    check((answer["value"], answer["will_be"]) in (("false", [{"at": soon, "value": "true", "in_redis": soon_read}]), ("true", [])), answer)
    wait_for(lambda: redis.get(ann) == "true", 20, lambda: f"ann has left:\n{host.tail()}")
    check(time.time() >= at + 602 and redis.get(bob) == "false", "and not before")
    check(as_json(servers, "explain", ann, "--config", config)["features"][0]["will_be"] == [], "nothing more will be")
    check(host.end() == 0, host.tail())


def age_beyond_the_gap(servers):
    """A session that is over does not reach an age: `check` says so before anybody waits for it."""
    for folder in ("lanes", "metrics"):
        (servers.folder / folder).mkdir()
    parser = "checkout_abandoned.so"
    shutil.copyfile(servers.build / "examples" / "metrics" / parser, servers.folder / "metrics" / parser)
    text = (ROOT / "sdk" / "examples" / "abandoned_checkout" / "abandoned_checkout.c").read_text()
    check(text.count("SL_KEY_USER") == 1, text)
    source = servers.folder / "visit.c"
    source.write_text(text.replace("SL_KEY_USER", "SL_KEY_SESSION").replace("ABANDONED", "VISIT").replace('"abandoned_checkout"', '"visit"'))
    servers.command([os.environ.get("CC", "cc"), "-std=c11", "-fPIC", "-shared", "-fvisibility=hidden", f"-I{ROOT}/sdk/include", source,
                     "-o", servers.folder / "lanes" / "visit.so"])
    config = servers.folder / "visit.conf"

    def checked(gap):
        config.write_text(f'source: {{ kind = "kafka"; brokers = "localhost"; topic = "t"; }};\nplugins = "{servers.folder}";\n'
                          f'lanes = ( {{ lane = "visit"; windows = ( {{ name = "session"; gap = "{gap}"; }} ); '
                          'metrics = ( "checkout_abandoned" ); } );\nsink: { kind = "null"; };\n')
        return told(servers, 0, "check", "--config", config)
    text = checked("5m")
    check("  warning  a record reaches the age of 600 s only while its session goes on, which is over after a gap of 300 s\n"
          "    do this  take a gap that is longer than the age, or shorten the age\n" in text and "is fine: 1 lane, plugins" in text, text)
    check("warning" not in checked("10m"), "the age is within the gap")


def who_asks_badly_hurts_nobody(servers):
    redis, host, producer, config, state = set_up(servers)
    producer.send(event("product_view", "ann", product="5"))
    wait_for(lambda: redis.get("user:ann:product_view_count_w") == "1", 20, lambda: f"ann's feature:\n{host.tail()}")
    path = str(state / "control")
    check(stat.S_IMODE(os.stat(path).st_mode) == 0o600, "nobody else may ask")

    def ask(question, end=True):
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        client.connect(path)
        client.sendall(question)
        if end:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := client.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
        client.close()
        return answer
    check(ask(b"") == b"" and ask(b"\0") == b"" and ask(b"explain") == b"" and ask(b"x" * 5000) == b"", "no question, no answer")
    check(ask(b"a\0" * 17 + b"\0") == b"", "too many words")
    check(ask(b"silence", end=False) == b"", "who says nothing more is left after a moment")
    check(ask(b"nonsense\0\0").startswith(b'error\nthe host does not know the question "nonsense"\n'), "an unknown one")
    check(ask(b"explain\0user\0\0").startswith(b"error\na question of 2 words is none\n"), "half of one")
    check(ask(b"explain\0user\0ann\0*\0text\0\0").startswith(b"ok\nuser:ann, from the running host"), "and it goes on answering")
    host.kill()
    check(os.path.exists(path), "a socket is left")
    host = servers.run(config, "--workers", 1)
    wait_for(lambda: ask_quietly(ask), 20, lambda: f"the next host takes its place:\n{host.tail()}")
    check(host.end() == 0, host.tail())


def ask_quietly(ask):
    try:
        return ask(b"explain\0user\0ann\0*\0text\0\0").startswith(b"ok\n")
    except OSError:
        return False


if __name__ == "__main__":
    run_main(__doc__, [behind_a_value, what_becomes_true_by_itself, age_beyond_the_gap, who_asks_badly_hurts_nobody])
