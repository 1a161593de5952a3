"""What a reader of Redis could ever have seen, and who wrote it: every command that a Redis executed, by MONITOR.

`Witness` collects what one start of a Redis is told; `Record` puts the collections of a whole test in order and judges them:

Never an older value after a newer one. With one partition and the event clock a value is the fold of its key at some moment of
the stream, whatever batches, workers and emit intervals there are. So all values that a key can ever have, in their order, are
those of a replay with emit = 0, and what Redis had must be some of them in that order. With several partitions the moments are
others; what is left are features that can only grow (see `only_grow`). Redis's memory is the reader's, too: a Redis that comes
back empty begins anew.

Never two that write. Each connection is entered in shoplane:{topic}:connections by its owner before it writes. Once one owner
has written, no write of an owner before it may come.
"""

import json
import re
import socket
import threading
import time
from dataclasses import dataclass, field

from features import EMPTY, GAP_MS, of_session, split_key, tell
from servers import check, group, setting

LINE = re.compile(rb"\+\d+\.\d+ \[\d+ (\S+)\] \"(\w+)\" (.*)", re.S)
WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.S)
ESCAPE = re.compile(rb"\\(x[0-9a-f]{2}|.)", re.S)
ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"a": b"\a", b"b": b"\b"}


def _plain(quoted):
    """A word as MONITOR prints it, as text."""
    def one(match):
        what = match[1]
        return bytes([int(what[1:], 16)]) if len(what) == 3 else ESCAPES.get(what, what)
    return (ESCAPE.sub(one, quoted) if b"\\" in quoted else quoted).decode(errors="surrogateescape")


class Witness:
    """All commands of one start of a Redis."""

    def __init__(self, redis):
        self.pieces = []
        self.client = socket.socket(socket.AF_UNIX)
        self.client.connect(str(redis.socket))
        self.client.sendall(b"MONITOR\r\n")
        check(self.client.recv(5) == b"+OK\r\n", "MONITOR")
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self):
        try:
            while data := self.client.recv(1 << 20):
                self.pieces.append(data)
        except OSError:
            pass

    def end(self, redis=None):
        """Nothing more comes; of a Redis that runs, all that it did until now is there."""
        if redis is not None:
            redis.ask("ECHO", "the witness may go")
            end = time.monotonic() + 20
            while b"the witness may go" not in b"".join(self.pieces[-2:]) and time.monotonic() < end and self.thread.is_alive():
                time.sleep(0.01)
            self.client.shutdown(socket.SHUT_RDWR)
        self.thread.join(20)
        self.client.close()

    def commands(self):
        """(address, command in capitals, its words)"""
        for line in b"".join(self.pieces).split(b"\r\n"):
            match = LINE.fullmatch(line)
            if match:
                yield match[1].decode(), match[2].decode().upper(), match[3]


@dataclass
class Record:
    """What the Redises of a test were told."""
    topic: str
    reigns: list = field(default_factory=list)  # (Witness, whether the Redis began empty)

    def writes(self):
        """(whether a Redis begins anew with it, key, value or None), of features, in order; and looks at who writes."""
        entered = f"shoplane:{{{self.topic}}}:connections".encode()
        writer, count = (0, ""), 0
        for witness, empty in self.reigns:
            begins, marks = empty, {}
            writer = (0, "") if empty else writer
            for address, command, words in witness.commands():
                if command == "HSET" and words.startswith(b'"' + entered + b'"'):
                    _, _, mark = (_plain(word) for word in WORD.findall(words)[:3])
                    marks[address] = mark
                if command not in ("SET", "DEL", "EXPIRE", "UNLINK") or not words.startswith((b'"user:', b'"session:')):
                    continue
                check(address in marks, f"a connection writes that was not entered: {command} {words[:200]}")
                epoch, owner = marks[address].split(" ", 1)
                now = (int(epoch), owner)
                check(now[0] > writer[0] or now == writer,
                      f"write {count}: {owner}, epoch {epoch}, writes after {writer[1]}, epoch {writer[0]}, has: "
                      f"{command} {words[:200]}")
                writer, count = now, count + 1
                if command in ("SET", "DEL", "UNLINK"):
                    found = [_plain(word) for word in WORD.findall(words)[:2]]
                    yield begins, found[0], found[1] if command == "SET" else None
                    begins = False


# --- all values, in their order ---------------------------------------------------------------------------------------

def histories(servers, config, path):
    """{key: the values that it has one after the other}, None where it is deleted, from a replay that writes every change."""
    text = re.sub(r'emit = "[^"]*"', 'emit = "0s"', config.read_text())
    text = re.sub(r"^sink:.*$", group("sink", {"kind": setting("jsonl")}).strip(), text, flags=re.M)
    text = re.sub(r"^state:.*\n", "", text, flags=re.M)
    every = config.with_name("every-change.conf")
    every.write_text(text)
    printed, _ = servers.command([servers.host, "replay", "--config", every, "--dead-letters", "/dev/null", "--quiet", path])
    found = {}
    for line in printed.splitlines():
        feature = json.loads(line)
        if feature.get("refresh") and "value" not in feature:
            continue
        values = found.setdefault(feature["key"], [None])
        if values[-1] != feature["value"]:
            values.append(feature["value"])
    return found


def paced(history):
    """Shoppers and sessions with so many changes that their windows have a pace (host/engine/pace.h): a replay does not write all of
    their values, and a host that was started again writes others of them."""
    return {split_key(key)[0] for key, values in history.items() if len(values) > 20}


def never_back(record, history, leave_out):
    """Redis had, of every key, values of its history, in that order. How many were looked at."""
    at, looked, long = {}, 0, paced(history)
    for begins, key, value in record.writes():
        if begins:
            at.clear()
        if leave_out(key):
            continue
        looked += 1
        values, before = history.get(key, [None]), at.get(key, 0)
        if before == 0 and value in EMPTY and not of_session(key):
            continue  # said to be empty before it held anything: see torture.py
        place = before
        while place < len(values) and values[place] != value:
            place += 1
        if place == len(values) and split_key(key)[0] in long:
            continue
        check(place < len(values), lambda: f"{key} became {value!r}, after {values[before]!r}; in the stream it is one after the "
              f"other {values}")
        at[key] = place
    return looked


# --- what can only grow -----------------------------------------------------------------------------------------------

def only_grow(day, window):
    """A function that says whether a key's feature can only grow, in a day of events and with a window that is longer than the
    day and all that comes late in it:
      - category_view_count_WINDOW counts the records of a log that none leaves. A copy takes the place of a record, never more.
      - session_page_count and session_product_views, of a session whose events all lie within one gap: any part of them is one
        run, and another event, wherever it belongs, joins it. (Not session_duration: a copy with an earlier time can make it
        shorter.) And only if none of them came when the session was over, since by then its log may have gone, and the count
        begins anew.
    """
    def grows(key):
        if not of_session(key):
            return split_key(key)[1:] == ("category_view_count", window)
        _, feature, _ = split_key(key)
        if feature not in ("session_page_count", "session_product_views"):
            return False
        session = day.session(key)
        return not session.disturbed and session.newest_ms() - min(session.times.values()) <= GAP_MS
    return grows


def never_less(record, grows):
    """Features that can only grow never became less. How many values were looked at."""
    had, looked, less = {}, 0, []
    for begins, key, value in record.writes():
        if begins:
            had.clear()
        if value is None or not grows(key):
            continue
        looked += 1
        if float(value) < had.get(key, 0):
            less.append(f"{key} became {value}, after {had[key]}")
        had[key] = float(value)
    check(not less, lambda: tell("values that went back", less))
    return looked
