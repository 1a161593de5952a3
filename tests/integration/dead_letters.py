#!/usr/bin/env python3
"""Bad messages of every kind, from a file and from a topic: counted by reason, kept whole, and without a trace in the features.

    dead_letters.py BUILD_DIR [--only WORD] [--keep FOLDER]

The kinds are those of the issue: wrong column count, broken JSON, broken schema URIs, wrong types, invalid UTF-8, NUL bytes,
out-of-range numbers, 1 MB messages, empty messages, deep nesting.
"""

import array
import base64
import calendar
import contextlib
import fcntl
import json
import os
import random
import re
import subprocess
import termios
import time

from features import replay, same, tell
from servers import TOPIC, MockBroker, check, run_main, shipped_lanes, wait_for, write_config

SCHEMA = "iglu:com.snowplowanalytics.snowplow.badrows/loader_parsing_error/jsonschema/2-0-0"
COLLECTOR, EVENT_ID, CONTEXTS, UNSTRUCT, DERIVED = 3, 6, 52, 58, 124
PRODUCT = '{"schema":"iglu:com.snowplowanalytics.snowplow.ecommerce/product/jsonschema/1-0-0","data":'
CONTEXT = '{"schema":"iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0","data":'
WIDE = '"' + "x" * 1_000_000 + '"'


def changed(line, columns):
    """The line with some columns replaced (number -> bytes or text)."""
    cells = line.split(b"\t")
    for number, text in columns.items():
        cells[number] = text.encode() if isinstance(text, str) else text
    return b"\t".join(cells)


def contexts(product):
    return CONTEXT + "[" + PRODUCT + product + "}]}"


def bad_messages(line):
    """(reason, message) of each kind, from a good product view."""
    return [
        ("not_tsv", b""),
        ("not_tsv", b"GET /index.html HTTP/1.1"),
        ("not_tsv", b"\x1f\x8b\x08\x00compressed"),
        ("columns", line + b"\tone more"),
        ("columns", line.rsplit(b"\t", 1)[0]),
        ("columns", b"\t" * 4000),
        ("encoding", changed(line, {30: b"caf\xe9"})),
        ("encoding", changed(line, {30: b"\xc0\xaf"})),
        ("encoding", changed(line, {30: b"\xed\xa0\x80"})),
        ("encoding", changed(line, {30: b"a\0b"})),
        ("encoding", b"\0" * 200),
        ("size", changed(line, {CONTEXTS: contexts(f'{{"id":{WIDE}}}')})),
        ("size", b"x" * 1_000_001),
        ("time", changed(line, {COLLECTOR: "yesterday", DERIVED: "soon"})),
        ("time", changed(line, {COLLECTOR: "2025-13-45 25:61:61.000", DERIVED: "2025-02-30 00:00:00.000"})),
        ("time", changed(line, {COLLECTOR: "", DERIVED: ""})),
        ("future", changed(line, {COLLECTOR: "2999-01-01 00:00:00.000", DERIVED: "2999-01-01 00:00:00.000"})),
        ("json", changed(line, {CONTEXTS: contexts('{"id":"1"}')[:-3]})),
        ("json", changed(line, {CONTEXTS: contexts('{"id":NaN}')})),
        ("json", changed(line, {CONTEXTS: contexts('{"id":"1",}')})),
        ("json", changed(line, {CONTEXTS: contexts('{"id":' + "[" * 20000 + "]" * 20000 + "}")})),
        ("json", changed(line, {CONTEXTS: contexts('{"id":' + '{"a":' * 2000 + "1" + "}" * 2000 + "}")})),
        ("json", changed(line, {UNSTRUCT: '[1,"snowplow_ecommerce_action"]'})),
        ("json", changed(line, {CONTEXTS: CONTEXT + '"' + "product ecommerce" + '"}'})),
        ("schema", changed(line, {CONTEXTS: contexts('{"id":"1"}').replace("iglu:com.snowplowanalytics.snowplow.eco", "igloo:com.eco")})),
        ("schema", changed(line, {UNSTRUCT: line.split(b"\t")[UNSTRUCT].replace(b"jsonschema/1-0-", b"jsonschema/latest-")})),
        ("value", changed(line, {EVENT_ID: ""})),
        ("value", changed(line, {CONTEXTS: contexts('{"id":{"a":5}}')})),
        ("value", changed(line, {CONTEXTS: contexts('{"id":["1"]}')})),
    ]


def odd_but_good(line):
    """Messages that are taken: a missing or impossible price counts as none (FEATURES.md section 0)."""
    return [changed(line, {EVENT_ID: f"d1d1d1d1-0000-4000-8000-{number:012}", CONTEXTS: contexts(f'{{"id":"1","price":{price}}}'),
                           12: "dirty-shopper", 123: "dirty-session"})
            for number, price in enumerate(('"42.99"', "-5", "1e400", "9" * 400, "true", "null", "1e-400"))]


def soiled_day(servers):
    """(a clean day; the same with bad messages in between; [(reason, message)])"""
    clean = servers.generate("clean.tsv", "--events", 1200, "--rate", 0.3, "--seed", 9)
    lines = clean.read_bytes().split(b"\n")[:-1]
    view = next(line for line in lines if b'"type":"product_view"' in line and line.split(b"\t")[5] == b"unstruct")
    bad = bad_messages(view)
    dirty = servers.folder / "dirty.tsv"
    step, pieces = len(lines) // len(bad), []
    for number, line in enumerate(lines):
        pieces.append(line)
        if number % step == 0 and number // step < len(bad):
            pieces.append(bad[number // step][1])
    dirty.write_bytes(b"\n".join(pieces) + b"\n")
    return clean, dirty, bad


def as_text(payload):
    """As a letter must hold it: each byte that begins no character is U+FFFD."""
    text = ""
    while payload:
        try:
            return text + payload.decode()
        except UnicodeDecodeError as error:
            text += payload[:error.start].decode() + "\ufffd"
            payload = payload[error.start + 1:]
    return text


def bytes_of(letter):
    """The message that a letter is about, as the README tells."""
    data = letter["data"]
    whole = data["failure"].get("payloadBase64")
    return base64.b64decode(whole, validate=True) if whole else data["payload"].encode()


def any_bytes_can_be_had_back(servers):
    """Messages of random bytes, of a size that `replay` and `parse` refuse them all by; both keep every one."""
    source = random.Random(16)
    messages = [bytes(source.choice(b"\x00\x09\x41\x80\xc3\xa9\xe2\xff\xf0") for _ in range(source.randrange(1, 40))) for _ in range(3000)]
    messages += [bytes([byte]) for byte in range(256) if byte != 10] + [bytes(set(range(256)) - {10})]
    lines = servers.folder / "bytes.tsv"
    lines.write_bytes(b"\n".join(messages) + b"\n")
    config = write_config(servers.folder / "a.conf", shipped_lanes("shoplane.conf"), MockBroker(servers, {TOPIC: 1}), servers.redis())
    for command, options in (("replay", ("--config", config, "--sink", "null", "--dead-letters")), ("parse", ("--dead-letters",))):
        letters = servers.folder / f"{command}.jsonl"
        servers.command([servers.host, command, *options, letters, lines])
        got = [bytes_of(json.loads(line)) for line in letters.read_text(encoding="utf-8").split("\n")[:-1]]
        check(got == messages, f"{command}: {len(got)} letters of {len(messages)}, or other bytes")


def future_letters_show_both_times(servers):
    """The event's, and that which Kafka (or for a file the wall clock) has."""
    clean = servers.generate("clean.tsv", "--events", 50, "--rate", 1, "--seed", 3)
    broker, redis = MockBroker(servers, {TOPIC: 1}), servers.redis().start()
    letters = servers.folder / "letters.jsonl"
    config = write_config(servers.folder / "a.conf", shipped_lanes("shoplane.conf"), broker, redis, letters=letters, clock="event")
    line = changed(clean.read_bytes().split(b"\n")[0], {COLLECTOR: "2091-01-02 03:04:05.678", DERIVED: "2091-01-02 03:04:05.678"})
    path = servers.folder / "future.tsv"
    path.write_bytes(line + b"\n")
    before = time.time()
    servers.produce(broker, path)
    host = servers.run(config, "--to-end")
    check(host.wait(60) == 0, f"status {host.child.returncode}:\n{host.tail()}")
    error = json.loads(letters.read_text())["data"]["failure"]["errors"][0]
    check(error["key"] == "derived_tstamp" and error["value"] == "2091-01-02T03:04:05.678Z", f"it says {error}")
    stamp = re.search(r"event time 2091-01-02T03:04:05.678Z is \d+ ms ahead of its message, which is of (\S+)Z; at most", error["message"])
    check(stamp, f"it says {error}")
    told = calendar.timegm(time.strptime(stamp[1].split(".")[0], "%Y-%m-%dT%H:%M:%S"))
    check(abs(told - before) < 60, f"the message is of {before}, and it says {stamp[1]}")


def letters_are(path, bad, where):
    """One letter for each bad message, of the schema's form, with the whole message; order does not count."""
    letters = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for letter in letters:
        check(set(letter) == {"schema", "data"} and letter["schema"] == SCHEMA, f"{where}: a letter of another schema")
        data = letter["data"]
        check(set(data) == {"processor", "failure", "payload"}, f"{where}: a letter with the fields {sorted(data)}")
        check(set(data["processor"]) == {"artifact", "version"}, f"{where}: processor is {data['processor']}")
        failure = data["failure"]
        fits = {"NotTSV": {"type"}, "FieldNumberMismatch": {"type", "fieldCount"}, "RowDecodingError": {"type", "errors"}}
        check(set(failure) - {"payloadBase64"} == fits.get(failure["type"]), f"{where}: failure is {failure}")
        for error in failure.get("errors", []):
            check(set(error) == {"type", "key", "value", "message"} and error["type"] == "InvalidValue" and error["message"],
                  f"{where}: an error is {error}")
    whole = sorted(bytes_of(letter) for letter in letters)
    check(whole == sorted(message for _, message in bad), f"{where}: the bytes of the messages can't be had back")
    found = sorted(letter["data"]["payload"] for letter in letters)
    wanted = sorted(as_text(message) for _, message in bad)
    missing = [f"{reason}: {message[:80]!r}" for reason, message in bad if as_text(message) not in found]
    check(not missing, tell(f"{where}: messages that are in no letter", missing))
    check(found == wanted, f"{where}: {len(found)} letters, {len(wanted)} bad messages")


def counted(bad):
    reasons = ("not_tsv", "columns", "encoding", "size", "time", "future", "json", "schema", "value", "plugin")
    return {reason: sum(1 for one, _ in bad if one == reason) for reason in reasons}


def every_kind_from_a_file(servers):
    clean, dirty, bad = soiled_day(servers)
    broker, redis = MockBroker(servers, {TOPIC: 1}), servers.redis()
    config = write_config(servers.folder / "a.conf", shipped_lanes("shoplane.conf"), broker, redis)
    wanted = replay(servers, config, [clean])
    stats, letters = servers.folder / "stats.json", servers.folder / "letters.jsonl"
    done = subprocess.run([servers.host, "replay", "--config", config, "--final=all", "--dead-letters", letters, "--stats", stats,
                           dirty], capture_output=True, timeout=120, check=False)
    check(done.returncode == 0, f"status {done.returncode}:\n{done.stderr.decode(errors='replace')[-3000:]}")
    told = json.loads(stats.read_text())
    check(told["dead_letters"] == counted(bad), f"counted {told['dead_letters']},\n    must be {counted(bad)}")
    check(told["bad"] == len(bad) and told["messages"] == 1200 + len(bad), f"the figures are {told}")
    letters_are(letters, bad, "from a file")
    found = {line["key"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}
    same(found, wanted, "with bad messages in between")


def odd_values_are_taken(servers):
    """Prices that can't be: the event counts, its price is 0, and nobody else notices."""
    clean, _, _ = soiled_day(servers)
    lines = clean.read_bytes().split(b"\n")[:-1]
    view = next(line for line in lines if b'"type":"product_view"' in line and line.split(b"\t")[5] == b"unstruct")
    odd = servers.folder / "odd.tsv"
    odd.write_bytes(b"\n".join(lines + odd_but_good(view)) + b"\n")
    broker, redis = MockBroker(servers, {TOPIC: 1}), servers.redis()
    config = write_config(servers.folder / "a.conf", shipped_lanes("shoplane.conf"), broker, redis)
    stats = servers.folder / "stats.json"
    wanted, found = replay(servers, config, [clean]), replay(servers, config, [odd], stats=stats)
    check(json.loads(stats.read_text())["bad"] == 0, "one of them was refused")
    check(found["user:dirty-shopper:return_view_count_24h"].value == '{"1":7}', "seven views must count")
    check(found["user:dirty-shopper:avg_viewed_price_24h"].value == "0", "without a price")
    same({key: feature.value for key, feature in found.items() if "dirty-s" not in key}, wanted, "others")


def every_kind_from_a_topic(servers):
    """The same by `run`; empty and large messages and all. Letters go to a file, then to a topic of the same broker."""
    _, _, bad = soiled_day(servers)
    broker, redis = MockBroker(servers, {"bad": 1, "letters": 1}), servers.redis().start()
    servers.produce(broker, only_bad(servers, bad), "-X", "message.max.bytes=4000000", topic="bad")
    letters = servers.folder / "letters.jsonl"
    config = write_config(servers.folder / "a.conf", shipped_lanes("shoplane.conf"), broker, redis, topic="bad", letters=letters,
                          clock="event")
    host = servers.run(config, "--to-end")
    check(host.wait(60) == 0, f"status {host.child.returncode}:\n{host.tail()}")
    letters_are(letters, bad, "from a topic")
    counts = ", ".join(f"{number} {reason}" for reason, number in counted(bad).items() if number)
    check(f"dead       {len(bad)} letters, {counts}" in host.text(), f"the summary must say {counts}:\n{host.tail()}")
    check(not redis.keys(), "bad messages left features")

    text = config.read_text().replace(f'file = "{letters}"', 'topic = "letters"')
    config.write_text(text)
    host = servers.run(config, "--to-end")
    check(host.wait(60) == 0, f"status {host.child.returncode}:\n{host.tail()}")
    # read back by a host to which the letters are bad messages themselves: JSON objects without an id, whole
    back = servers.folder / "back.jsonl"
    again = write_config(servers.folder / "b.conf", shipped_lanes("shoplane.conf"), broker, redis, topic="letters", letters=back,
                         clock="event", max_message_bytes=16000000)
    host = servers.run(again, "--to-end")
    check(host.wait(60) == 0, f"status {host.child.returncode}:\n{host.tail()}")
    inner = servers.folder / "inner.jsonl"
    inner.write_text("".join(json.loads(line)["data"]["payload"] + "\n" for line in back.read_text().splitlines()), encoding="utf-8")
    letters_are(inner, bad, "letters in a topic")


def only_bad(servers, bad):
    path = servers.folder / "bad.tsv"
    path.write_bytes(b"\n".join(message for _, message in bad) + b"\n")
    return path


def generated_dirt(servers):
    """`generate --dirty` breaks copies of good lines: everybody but dirty-shopper has the features of the clean stream; by both
    ways, in both formats."""
    for form in ("tsv", "json"):
        options = ["--events", 800, "--rate", 0.3, "--seed", 21, "--format", form]
        dirty = servers.generate(f"dirty.{form}", *options, "--dirty", "30%")
        good = servers.folder / f"good.{form}"
        count = dirty.read_bytes().count(b"\n")
        all_lines = servers.generate(f"all.{form}", "--events", count, *options[2:]).read_bytes().split(b"\n")
        there = set(dirty.read_bytes().split(b"\n"))
        good.write_bytes(b"\n".join(line for line in all_lines if line in there) + b"\n")
        broker, redis = MockBroker(servers, {TOPIC: 1}), servers.redis().start()
        letters, stats = servers.folder / f"letters.{form}", servers.folder / "stats.json"
        config = write_config(servers.folder / f"{form}.conf", shipped_lanes("live-shopper.conf"), broker, redis, letters=letters,
                              clock="event")

        def clean_part(features):
            return {key: feature for key, feature in features.items()
                    if "dirty-shopper" not in key and "d1d1" not in key}
        wanted = clean_part(replay(servers, config, [good]))
        found = clean_part(replay(servers, config, [dirty], stats=stats))
        same({key: feature.value for key, feature in found.items()}, wanted, f"{form} from a file")
        servers.produce(broker, dirty)
        host = servers.run(config, "--to-end")
        check(host.wait(60) == 0, f"status {host.child.returncode}:\n{host.tail()}")
        same(clean_part(redis.features()), wanted, f"{form} from a topic")
        told = json.loads(stats.read_text())
        check(told["bad"] > 50, f"only {told['bad']} of the dirty lines were refused")
        check(letters.read_text(encoding="utf-8").count("\n") == told["bad"], "a letter for each bad message")


def lost_letters_are_said(servers):
    """A disk that is full takes no letters: it is said, counted, and the stream goes on."""
    clean, dirty, bad = soiled_day(servers)
    broker, redis = MockBroker(servers, {TOPIC: 1}), servers.redis()
    config = write_config(servers.folder / "a.conf", shipped_lanes("shoplane.conf"), broker, redis)
    wanted = replay(servers, config, [clean])
    done = subprocess.run([servers.host, "replay", "--config", config, "--final=all", "--dead-letters", "/dev/full", dirty],
                          capture_output=True, timeout=60, check=False)
    text = done.stderr.decode(errors="replace")
    check(done.returncode == 1, f"status {done.returncode}, must be 1:\n{text[-2000:]}")
    check("a dead letter to file /dev/full is lost: No space left on device" in text, f"it says:\n{text[-2000:]}")
    check(f"{len(bad)} dead letters to file /dev/full were lost in all" in text, f"it says:\n{text[-2000:]}")
    same({line["key"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}, wanted, "letters lost")


def a_slow_reader_of_a_replays_letters_is_waited_for(servers):
    """`--dead-letters >(gzip)`: a pipe, which must lose nothing."""
    config = write_config(servers.folder / "a.conf", shipped_lanes("shoplane.conf"), MockBroker(servers, {TOPIC: 1}), servers.redis())
    lines, pipe = servers.folder / "bad.tsv", servers.folder / "pipe"
    lines.write_text("".join(f"not an event {number}\n" for number in range(2000)))
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    replaying = servers.start([servers.host, "replay", "--config", config, "--sink", "null", "--dead-letters", pipe, lines],
                              servers.folder / "log")
    full = array.array("i", [0])
    wait_for(lambda: not fcntl.ioctl(reader, termios.FIONREAD, full) and full[0] > 60000, 20, "the pipe is full")
    text = b""

    def read_all():
        nonlocal text
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(reader, 1 << 16):
                text += piece
        return not replaying.running()
    wait_for(read_all, 20, "the replay ends")
    read_all()
    check(replaying.child.returncode == 0 and text.count(b"\n") == 2000, f"{text.count(bytes([10]))} letters:\n{replaying.tail()}")


if __name__ == "__main__":
    run_main(__doc__, [every_kind_from_a_file, any_bytes_can_be_had_back, future_letters_show_both_times, odd_values_are_taken, every_kind_from_a_topic, generated_dirt,
                       lost_letters_are_said, a_slow_reader_of_a_replays_letters_is_waited_for])
