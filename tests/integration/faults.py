"""What the torture test does to the host and its servers, and when. See torture.py.

A `Torture` is one topic, one Redis, one state folder and the host that works on them, with everything that is random taken from
one seed. `round` feeds a part of the day, waits for a moment, and does one of `FAULTS`.
"""

import os
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field

from servers import ROOT, Failed, Redis, check, group, setting, wait_for
from witness import Record, Witness

TOPIC = "snowplow-enriched-good"
START_LIMIT_S = 60
# What no log may say, whatever is done here: the state was whole, and Kafka had everything.
NEVER = re.compile(r"damaged|do(?:es)? not fit|lost in Kafka|--accept-loss|none of the state|can't be read|assert|beyond key_rec"
                   r"|refused for memory|Sanitizer", re.I)


def free_port():
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return some.getsockname()[1]


class LastingRedis(Redis):
    """One that keeps what it has when it is killed (every command is in its file before it is answered), listens on a port, so
    that MONITOR tells its clients apart, and is watched from before its first client on. Redis 7 or newer."""

    def __init__(self, servers):
        super().__init__(servers)
        self.port, self.record, self.data, self.witness = free_port(), Record(TOPIC), None, None

    def start(self, empty=True):  # pylint: disable=arguments-differ
        if empty:
            self.data = self.servers.fresh("redis-data")
        command = ["redis-server", "--port", 0, "--bind", "127.0.0.1", "--unixsocket", self.socket, "--save", "", "--dir", self.data,
                   "--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", "0"]
        self.process = self.servers.start(command, self.folder / "log")
        wait_for(self._connect_when_loaded, 20, lambda: f"redis-server takes connections:\n{self.process.tail()}", 0.002)
        self.witness = Witness(self)
        self.record.reigns.append((self.witness, empty))
        check(self.ask("CONFIG", "SET", "port", self.port) == "OK", "Redis listens")  # only now, so that nothing is missed
        return self

    def _connect_when_loaded(self):
        try:
            return self._connect() and self.ask("PING") == "PONG"
        except (Failed, OSError):
            return False

    def kill(self):
        super().kill()
        self.witness.end()


@dataclass
class Feeder:
    """Lines into the topic, in their order, a few at a time, by a producer that never gives up."""
    servers: object
    broker: object
    lines: list
    at: int = 0
    budget: int = 0
    process: object = None

    def before(self, count):
        """The first lines, delivered."""
        first = self.servers.folder / "first.tsv"
        first.write_bytes(b"".join(line + b"\n" for line in self.lines[:count]))
        self.servers.produce(self.broker, first, "-X", "sticky.partitioning.linger.ms=0")
        self.at = count

    def start(self):
        options = ["-X", "linger.ms=1", "-X", "batch.num.messages=16", "-X", "sticky.partitioning.linger.ms=0",
                   "-X", "enable.idempotence=true", "-X", "reconnect.backoff.max.ms=300", "-X", "message.timeout.ms=300000",
                   "-X", "socket.timeout.ms=5000"]
        command = [self.servers.demo, "produce", "-", "--speed", "max", "--brokers", self.broker.address, "--topic", TOPIC, *options]
        self.process = self.servers.start(command, self.servers.fresh("producer") / "log", stdin=subprocess.PIPE)
        os.set_blocking(self.process.child.stdin.fileno(), True)

    def step(self, count):
        """Some of what is allowed, if the producer takes it now."""
        count = min(count, self.budget)
        if count <= 0 or not select.select([], [self.process.child.stdin], [], 0)[1]:
            return
        self._send(count)

    def _send(self, count):
        self.process.child.stdin.write(b"".join(line + b"\n" for line in self.lines[self.at:self.at + count]))
        self.process.child.stdin.flush()
        self.at += count
        self.budget -= count

    def finish(self):
        """All of it, delivered."""
        self.budget = len(self.lines) - self.at
        while self.budget > 0:
            self._send(min(self.budget, 200))
        self.process.child.stdin.close()
        status = self.process.wait(120)
        check(status == 0, f"the producer: status {status}\n{self.process.tail()}")


@dataclass
class Torture:
    servers: object
    broker: object
    redis: LastingRedis
    feeder: Feeder
    lanes: str           # of the configuration
    plugins: object      # folder
    disorder: str
    random: random.Random
    chunk: int           # lines a round, at most
    workers: int = 4     # at most
    host: object = None
    starts: int = 0
    off: str = ""        # a lane that is switched off now
    spared: bool = True  # Redis never lost what it had
    toggled: set = field(default_factory=set)  # lanes that were off for a while
    story: list = field(default_factory=list)  # what was done, for who has to find out

    def __post_init__(self):
        self.state = self.servers.folder / "state"

    # --- the host ---

    def config(self):
        """With what is random in a start."""
        self.starts += 1
        path = self.servers.folder / f"torture-{self.starts}.conf"
        lanes = self.lanes
        if self.off:
            lanes = without_lane(lanes, self.off)
        interval = self.random.choice(["100ms", "100ms", "300ms", "1s", "1h"])
        fsync = self.random.choice(["checkpoint", "never"])
        source = {"kind": "kafka", "brokers": self.broker.address, "topic": TOPIC, "start": "earliest", "clock": "event",
                  "disorder": self.disorder, "wait": True, "batch": self.random.choice([1, 7, 50, 1000])}
        sink = {"kind": "redis", "host": "127.0.0.1", "port": self.redis.port, "retry_max": "100ms", "lease": "1s",
                "timeout": self.random.choice(["300ms", "5s"]), "pipeline": self.random.choice([20, 1000, 10000])}
        groups = {"source": source, "sink": sink, "state": {"folder": self.state, "interval": interval, "fsync": fsync},
                  "dead_letters": {"file": self.servers.folder / "torture.dead"}}
        path.write_text(f"plugins = {setting(self.plugins)};\n" + lanes + "".join(
            group(name, {key: setting(value) for key, value in settings.items()}) for name, settings in groups.items()))
        return path

    def start(self, *options, config=None):
        """A host that has been told to start, and nothing else is known of it."""
        workers = self.random.randint(1, self.workers)
        config = config or self.config()
        host = self.servers.start([self.servers.host, "run", "--config", config, "--workers", workers, "--report", 1, *options],
                                  self.servers.fresh("host") / "log")
        self.story.append(f"  {host.log.parent.name}: {workers} workers{', without ' + self.off if self.off else ''} "
                          f"{' '.join(options)}")
        return host

    def living(self):
        """The host runs, or is started now."""
        if self.host is None:
            self.host = self.start()
        return self.host

    def look(self, host):
        """Its log says nothing that it never may."""
        found = NEVER.search(host.text())
        if found:
            line = next(line for line in host.text().splitlines() if NEVER.search(line))
            raise Failed(f"{host.log.parent.name} says: {line[:600]}")

    def buried(self, host, statuses=()):
        """It has ended, by our doing."""
        host.child.wait()
        check(host.child.returncode in (-signal.SIGKILL, *statuses),
              f"{host.log.parent.name} ended with status {host.child.returncode}:\n{host.tail(30)}")
        self.look(host)
        if host is self.host:
            self.host = None

    def switch_off(self):
        self.off = self.random.choice(["product", "cart", "session"])
        self.toggled.add(self.off)

    def kill_host(self):
        host = self.living()
        if host.running():
            host.send_signal(signal.SIGKILL)
        self.buried(host)

    # --- time goes by ---

    def pass_time(self, until, limit_s, every_s=0.002):
        """Events go on, until something is true or it has taken too long; what it was."""
        end, found = time.monotonic() + limit_s, None
        while not found and time.monotonic() < end:
            self.feeder.step(self.random.choice([1, 5, 20, 100]))
            found = until()
            host = self.host
            if host is not None and not host.running():
                raise Failed(f"{host.log.parent.name} ended by itself, status {host.child.returncode}:\n{host.tail(30)}")
            if not found:
                time.sleep(every_s)
        return found

    def wait(self, seconds):
        self.pass_time(lambda: False, seconds)

    def expect(self, host, pattern, limit_s=START_LIMIT_S, since=0):
        """Events go on until a log says so, and it must."""
        self.pass_time(lambda: re.search(pattern, host.text()[since:]) or not host.running(), limit_s)
        check(re.search(pattern, host.text()[since:]), lambda: f'"{pattern}" is not in the log of {host.log.parent.name} '
              f"(status {host.child.poll()}):\n{host.tail(30)}")

    def a_moment(self):
        """When the next thing happens."""
        kind = self.random.choice(["delay", "soon", "log", "manifest", "segment", "written", "sent"])
        host, now = self.living(), self.random.random()
        if kind == "delay":
            self.wait(0.8 * now)
        elif kind == "soon":
            self.wait(0.15 * now)
        elif kind == "log":
            text = self.random.choice(["state of", "running with", "journals read", "connected", "events/s", "filling .* from",
                                       "full after"])
            self.pass_time(lambda: re.search(text, host.text()), 1.2)
            self.wait(0.03 * now)
        elif kind == "sent":
            self.redis_says(self.random.choice([1, 20, 300]))
        else:
            names = {"manifest": r"manifest-\d+$", "written": r"manifest.*", "segment": r".*-\d+-\d+-\d+$"}[kind]
            before = self.files(names)
            self.pass_time(lambda: self.files(names) != before, 1.2, every_s=0)
            if now < 0.5:
                self.wait(0.01 * now)
        return kind

    def redis_says(self, count):
        """Until so many more pieces of commands came to Redis."""
        before = len(self.redis.witness.pieces)
        self.pass_time(lambda: len(self.redis.witness.pieces) >= before + count, 1.0)

    def files(self, pattern):
        """{name: (inode, size)} in the state folder."""
        found = {}
        for folder in (self.state, self.state / "journal"):
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if re.fullmatch(pattern, entry.name):
                            found[entry.name] = (entry.inode(), entry.stat().st_size)
            except OSError:
                pass
        return found

    def round(self, fault):
        self.feeder.budget += self.random.randint(self.chunk // 2, self.chunk)
        self.living()
        moment = self.a_moment()
        self.story.append(f"{fault.__name__} at {moment}, {self.feeder.at} of {len(self.feeder.lines)} lines sent")
        fault(self)


def without_lane(lanes, name):
    """A configuration's lanes but one."""
    blocks = re.findall(r"^    \{\n.*?^    \},?\n", lanes, re.M | re.S)
    kept = [block.rstrip().rstrip(",") for block in blocks if f'lane = "{name}"' not in block]
    check(len(kept) == len(blocks) - 1, f"lane {name} is not in the configuration")
    return "lanes = (\n" + ",\n".join(kept) + "\n);\n"


# --- faults -----------------------------------------------------------------------------------------------------------

def killed(torture):
    torture.kill_host()


def killed_again_and_again(torture):
    """So that a start is hit, and reading what is there, and the fence."""
    torture.kill_host()
    for _ in range(torture.random.randint(2, 4)):
        torture.host = torture.start()
        torture.wait(torture.random.choice([0.02, 0.1, 0.2]) * torture.random.random() + 0.01)
        torture.kill_host()


def told_to_end(torture):
    host = torture.living()
    if torture.random.random() < 0.7:
        torture.expect(host, "running with")
        torture.wait(0.1 * torture.random.random())
    host.send_signal(signal.SIGTERM)
    torture.host = None
    ended = torture.pass_time(lambda: not host.running(), 20)
    check(ended, lambda: f"told to end, {host.log.parent.name} runs on:\n{host.tail(30)}")
    # Before it has set up how signals are taken, SIGTERM ends it as any process.
    torture.buried(host, (0,) if "running with" in host.text() else (0, -signal.SIGTERM))


def redis_lost(torture):
    """Back empty."""
    torture.redis.kill()
    torture.spared = False
    torture.wait(torture.random.choice([0, 0.3]) * torture.random.random())
    if torture.random.random() < 0.3:
        torture.kill_host()
        torture.living()
        torture.wait(0.4 * torture.random.random())
    torture.redis.start()


def redis_restarted(torture):
    """Back with all it had."""
    torture.redis.kill()
    torture.wait(torture.random.choice([0, 0.5]) * torture.random.random())
    if torture.random.random() < 0.3:
        torture.kill_host()
        torture.living()
        torture.wait(0.4 * torture.random.random())
    torture.redis.start(empty=False)


def redis_long_away(torture):
    """Windows empty and sessions end meanwhile, over several lives of the host: all of that is owed."""
    torture.redis.kill()
    for _ in range(torture.random.randint(2, 3)):
        torture.feeder.budget += torture.chunk // 2
        torture.wait(0.2 + 0.6 * torture.random.random())
        torture.kill_host()
        torture.living()
    torture.wait(0.3 * torture.random.random())
    torture.redis.start(empty=False)


def redis_stopped(torture):
    """It hangs for a while: longer than a timeout, or shorter; longer than the lease, or shorter."""
    torture.redis.pause()
    try:
        torture.wait(torture.random.choice([0.2, 0.6, 1.5]) * torture.random.random())
        if torture.random.random() < 0.4:
            torture.kill_host()
            torture.living()
            torture.wait(0.3 * torture.random.random())
    finally:
        torture.redis.go_on()


def broker_stopped(torture):
    torture.broker.pause()
    try:
        torture.wait(0.6 * torture.random.random())
        if torture.random.random() < 0.4:
            torture.kill_host()
            torture.living()
            torture.wait(0.3 * torture.random.random())
    finally:
        torture.broker.go_on()


def broker_killed(torture):
    torture.broker.kill()
    torture.wait(0.5 * torture.random.random())
    if torture.random.random() < 0.5:
        torture.kill_host()
        torture.living()
    torture.broker.restart()


def stopped_and_overtaken(torture):
    """SIGSTOP at any moment; another takes over; then the first goes on, and must see that it is not wanted any more."""
    first = torture.living()
    if torture.random.random() < 0.8:
        torture.expect(first, "running with")
        torture.wait(0.3 * torture.random.random())
    first.send_signal(signal.SIGSTOP)
    torture.host = torture.start(config=torture.random.choice([first.command[3], None]))
    try:
        torture.expect(torture.host, "running with")
        torture.wait(0.7 * torture.random.random())
        if torture.random.random() < 0.3:
            torture.kill_host()
            torture.living()
            torture.wait(0.5 * torture.random.random())
    finally:
        torture.feeder.budget += torture.chunk // 2  # something that it would write
        first.send_signal(signal.SIGCONT)
    torture.pass_time(lambda: not first.running() or re.search("lost to|standing by|taken over this state", first.text()), 3)
    torture.wait(0.5 * torture.random.random())
    first.kill()
    torture.buried(first, (0, 1))


def stands_by(torture):
    """Two at once: the second waits, and takes over when the first is gone."""
    first, second = torture.living(), torture.start()
    torture.expect(second, "standing by|running with")
    torture.wait(0.5 * torture.random.random())
    first.send_signal(torture.random.choice([signal.SIGKILL, signal.SIGTERM]))
    torture.host = second
    torture.pass_time(lambda: not first.running(), 20)
    torture.host = first
    torture.buried(first, (0, -signal.SIGTERM))
    torture.host = second


def plugin_overwritten(torture):
    """By another build of itself, in place, while it runs; then a restart, which finds the new one."""
    kind, name = torture.random.choice([("lanes", "product"), ("lanes", "session"), ("lanes", "cart"), ("metrics", "orders")])
    file = torture.plugins / kind / f"{name}.so"
    if (kind, name) == ("lanes", "product") and torture.random.random() < 0.5:
        build_with_spare_field(torture, file)
    else:
        with open(file, "ab") as end:  # bytes behind an ELF file's end mean nothing, and make another file of it
            end.write(torture.random.randbytes(16))
    torture.wait(0.3 * torture.random.random())
    torture.random.choice([killed, told_to_end, reloaded, reloaded])(torture)


def reloaded(torture):
    """SIGHUP: it checks what is installed, and starts itself again; or is killed at it."""
    host = torture.living()
    torture.expect(host, "running with")
    since = len(host.text())
    host.send_signal(signal.SIGHUP)
    if torture.random.random() < 0.3:
        torture.wait(0.8 * torture.random.random())
        torture.kill_host()
        return
    torture.expect(host, "running with", since=since)


def build_with_spare_field(torture, file):
    """Its records have another shape: they are copied field by field."""
    source = (ROOT / "plugins" / "lanes" / "product" / "product.c").read_text()
    size = torture.random.randint(1, 2)
    changed = source.replace("    sl_stamp at;\n", f"    sl_stamp at;\n    int64_t spare[{size}];\n", 1)
    check(changed != source, "product.c has no record with a stamp")
    path = torture.servers.folder / "product.c"
    path.write_text(changed)
    built = file.with_suffix(".new")
    torture.servers.command([os.environ.get("CC", "cc"), "-std=gnu11", "-O1", "-fPIC", "-shared", "-fvisibility=hidden",
                             "-I", ROOT / "sdk" / "include", path, "-o", built])
    with open(built, "rb") as new, open(file, "r+b") as old:  # in place: a file that is open in a host changes under it
        old.truncate(0)
        shutil.copyfileobj(new, old)


def torn_tail(torture):
    """Beyond what the manifest names, the newest segments end anyhow: bytes that were never written, or a part of them."""
    torture.kill_host()
    for name, length in named_segments(torture.state).items():
        path = torture.state / "journal" / name
        size = path.stat().st_size
        check(size >= length, f"{name} has {size} bytes, its manifest says {length}")
        what = torture.random.choice(["none", "add", "cut", "change"])
        with open(path, "r+b") as segment:
            if what == "add":
                segment.seek(0, os.SEEK_END)
                segment.write(torture.random.randbytes(torture.random.randint(1, 5000)))
            elif what == "cut":
                segment.truncate(torture.random.randint(length, size))
            elif what == "change" and size > length:
                segment.seek(torture.random.randint(length, size - 1))
                segment.write(b"\xff")


def named_segments(state):
    """{file name: bytes that count} of the newest manifest."""
    manifests = sorted((path for path in state.glob("manifest-*") if re.fullmatch(r"manifest-\d+", path.name)),
                       key=lambda path: int(path.name.split("-")[1]))
    found, lane = {}, None
    for line in manifests[-1].read_text().splitlines() if manifests else []:
        words = line.split(" ")
        if words[0] == "lane":
            lane = words[1]
        elif words[0] == "segment":
            generation, worker, _, sequence, length = (int(word) for word in words[1:6])
            found[f"{lane}-{generation:010}-{worker:03}-{sequence:06}"] = length
    return found


def lane_off_or_on(torture):
    if torture.off:
        torture.off = ""
    else:
        torture.switch_off()
    torture.random.choice([killed, told_to_end])(torture)


# With their weights. Not among them, since not every test can bear them: redis_lost, lane_off_or_on, broker_killed.
FAULTS = {killed: 4, killed_again_and_again: 3, told_to_end: 3, redis_restarted: 2, redis_long_away: 2, redis_stopped: 3,
          broker_stopped: 1, stopped_and_overtaken: 2, stands_by: 2, plugin_overwritten: 4, reloaded: 1, torn_tail: 2}
