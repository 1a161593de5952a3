"""Real servers for tests of the whole path: Redis, Apache Kafka, the mock broker, and the host itself.

Everything lives in one temporary folder, listens on unix sockets or free ports, and ends with the test: by `Servers.end_all`
on every way out, and by the kernel (PR_SET_PDEATHSIG) should the test itself be killed. A test is a script of scenarios,
functions that take a `Servers` and raise `Failed`; `main` runs them one after the other and gives the exit status.
"""

import argparse
import contextlib
import ctypes
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = pathlib.Path(__file__).resolve().parents[2]
BROKER_SH = ROOT / "tests" / "kafka" / "broker.sh"
TOPIC = "snowplow-enriched-good"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Failed(Exception):
    """What the test looks at is not as it must be."""


class Skip(Exception):
    """Something is missing on this machine; the text says what, and how to get it."""


def check(condition, what):
    if not condition:
        raise Failed(what() if callable(what) else what)


def wait_for(condition, limit_s, what, every_s=0.02):
    """What `condition` returned, once that is true; Failed after limit_s."""
    end = time.monotonic() + limit_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= end:
            raise Failed(f"after {limit_s} s still not: {what() if callable(what) else what}")
        time.sleep(every_s)


def _with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A child with its output in a file."""

    def __init__(self, command, log, stdin=subprocess.DEVNULL, environment=None):
        self.command, self.log = [str(word) for word in command], log
        with open(log, "ab") as out:
            self.child = subprocess.Popen(self.command, stdin=stdin, stdout=out, stderr=out, preexec_fn=_with_parent,
                                          env={**os.environ, **(environment or {})})

    def text(self):
        return self.log.read_text(errors="replace")

    def running(self):
        return self.child.poll() is None

    def send_signal(self, number):
        self.child.send_signal(number)

    def wait(self, limit_s):
        """The exit status."""
        wait_for(lambda: not self.running(), limit_s, lambda: f"{self.name()} ends; its log:\n{self.tail()}")
        return self.child.returncode

    def wait_text(self, pattern, limit_s, since=0):
        """Wait until the log, from byte `since` on, has a match of the pattern."""
        def look():
            found = re.search(pattern, self.text()[since:])
            check(found or self.running(), f"{self.name()} ended, status {self.child.returncode}; its log:\n{self.tail()}")
            return found
        return wait_for(look, limit_s, lambda: f'"{pattern}" in the log of {self.name()}:\n{self.tail()}')

    def end(self, number=signal.SIGTERM, limit_s=10):
        self.send_signal(number)
        return self.wait(limit_s)

    def kill(self):
        if self.running():
            self.child.kill()
        self.child.wait()

    def name(self):
        return " ".join(pathlib.Path(word).name if "/" in word else word for word in self.command[:2])

    def tail(self, lines=15):
        return "\n".join("    " + line[:300] for line in self.text().splitlines()[-lines:])

    def processor_s(self):
        """Seconds of processor time that it has used."""
        fields = pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self):
        """The most it ever had in memory."""
        status = pathlib.Path(f"/proc/{self.child.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1000


class Redis:
    """A redis-server on a unix socket, and a connection to it."""

    def __init__(self, servers):
        self.folder = servers.fresh("redis")
        self.socket, self.servers, self.process, self.client = self.folder / "redis.sock", servers, None, None

    def start(self):
        """Empty, whatever was in it before."""
        command = ["redis-server", "--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", self.folder]
        self.process = self.servers.start(command, self.folder / "log")
        wait_for(self._connect, 20, lambda: f"redis-server takes connections:\n{self.process.tail()}")
        return self

    def _connect(self):
        self.client = socket.socket(socket.AF_UNIX)
        self.client.settimeout(20)
        try:
            self.client.connect(str(self.socket))
        except OSError:
            return False
        self.stream = self.client.makefile("rb")
        return True

    def kill(self):
        self.process.kill()
        self.socket.unlink(missing_ok=True)

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def _reply(self):
        line = self.stream.readline()
        check(line.endswith(b"\r\n"), "Redis ended the connection of the test")
        kind, rest = line[:1], line[1:-2]
        if kind in b"$*" and rest == b"-1":
            return None
        if kind == b"$":
            return self.stream.read(int(rest) + 2)[:-2].decode(errors="surrogateescape")
        if kind == b"*":
            return [self._reply() for _ in range(int(rest))]
        check(kind != b"-", f"Redis: {rest.decode()}")
        return int(rest) if kind == b":" else rest.decode()

    def ask_all(self, commands):
        """The replies to many commands at once."""
        replies = []
        for first in range(0, len(commands), 500):
            some = commands[first:first + 500]
            self.client.sendall(b"".join(
                b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)
                for words in ([str(word).encode(errors="surrogateescape") for word in command] for command in some)))
            replies += [self._reply() for _ in some]
        return replies

    def ask(self, *words):
        return self.ask_all([words])[0]

    def get(self, key):
        return self.ask("GET", key)

    def keys(self):
        """All but the host's own (its lease and fence)."""
        return [key for key in self.ask("KEYS", "*") if not key.startswith("shoplane:")]

    def features(self):
        """{key: value} of all that is there."""
        keys = self.keys()
        return {key: value for key, value in zip(keys, self.ask_all([("GET", key) for key in keys])) if value is not None}

    def lifetimes(self):
        """{key: seconds it has left, as a decimal; -0.001 if it has no TTL}"""
        keys = self.keys()
        return {key: ms / 1000 for key, ms in zip(keys, self.ask_all([("PTTL", key) for key in keys])) if ms != -2}

    def monitor(self):
        """A second connection that sees every command: a function that returns the commands seen since the last call, as
        (seconds, [words])."""
        watcher = Redis.__new__(Redis)
        watcher.socket, watcher.client = self.socket, None
        check(watcher._connect(), "a second connection to Redis")
        check(watcher.ask("MONITOR") == "OK", "MONITOR")
        watcher.client.setblocking(False)
        rest = b""

        def take():
            nonlocal rest
            with contextlib.suppress(BlockingIOError):
                while data := watcher.client.recv(1 << 20):
                    rest += data
            *lines, rest = rest.split(b"\r\n")
            found = (re.match(r'\+(\d+\.\d+) \[\S+ \S+\] (.*)', line.decode(errors="replace")) for line in lines)
            return [(float(match[1]), re.findall(r'"((?:[^"\\]|\\.)*)"', match[2])) for match in found if match]
        return take


class MockBroker:
    """`shoplane-demo broker`: librdkafka's mock cluster in a process of its own."""
    kind = "mock"

    def __init__(self, servers, topics):
        folder = servers.fresh("mock")
        port_file = folder / "port"
        command = [servers.demo, "broker", "--port-file", port_file]
        for name, partitions in topics.items():
            command += ["--topic", f"{name}:{partitions}"]
        self.process = servers.start(command, folder / "log")
        wait_for(port_file.exists, 20, lambda: f"the mock broker starts:\n{self.process.tail()}")
        self.address = port_file.read_text().strip()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def end(self):
        self.process.kill()


class ApacheKafka:
    """A real broker, by tests/kafka/broker.sh."""
    kind = "apache"

    def __init__(self, servers, topics):
        self.folder, self.build = servers.fresh("kafka"), servers.build
        servers.others.append(self)
        self.address = self._script("start", self.folder, self.build)
        for name, partitions in topics.items():
            self._script("topic", self.folder, name, partitions)

    @staticmethod
    def missing(build):
        """Why there is none on this machine; None if there is."""
        done = subprocess.run([BROKER_SH, "available", build], capture_output=True, text=True, check=False)
        return None if done.returncode == 0 else (done.stdout + done.stderr).strip()

    def _script(self, *words):
        done = subprocess.run([str(word) for word in (BROKER_SH, *words)], capture_output=True, text=True, check=False)
        check(done.returncode == 0, f"broker.sh {words[0]}: {done.stderr}")
        return done.stdout.strip()

    def topic(self, name, partitions, **settings):
        more = [word for key, value in settings.items() for word in ("--config", f"{key.replace('_', '.')}={value}")]
        self._script("topic", self.folder, name, partitions, *more)

    def acl(self, *words):
        """Change access lists; we are User:ANONYMOUS, and may do with what no list names what we like."""
        self._script("acl", self.folder, "--force", *words)

    def grow(self, topic, partitions):
        self._script("grow", self.folder, topic, partitions)

    def kill(self):
        self._script("kill", self.folder)

    def restart(self):
        self._script("restart", self.folder)

    def pid(self):
        return int((self.folder / "pid").read_text())

    def pause(self):
        os.kill(self.pid(), signal.SIGSTOP)

    def go_on(self):
        os.kill(self.pid(), signal.SIGCONT)

    end = kill


class Servers:
    """What one test has started, and the folder for it."""

    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.host, self.demo = build / "shoplane", build / "shoplane-demo"
        plain = build.parent / "build" / "shoplane-demo"
        if build.name == "build-tsan" and plain.exists():  # a producer is ended by what ThreadSanitizer takes for races in librdkafka
            self.demo = plain
        self.processes, self.others, self.long = [], [], False

    def fresh(self, name):
        """A new folder in the test's own."""
        number = next(n for n in itertools.count(1) if not (self.folder / f"{name}-{n}").exists())
        folder = self.folder / f"{name}-{number}"
        folder.mkdir()
        return folder

    def start(self, command, log, **more):
        process = Process(command, log, **more)
        self.processes.append(process)
        return process

    def redis(self):
        if shutil.which("redis-server") is None:
            raise Skip("no redis-server on this machine (Debian: apt-get install redis-server)")
        return Redis(self)

    def run(self, config, *options, environment=None):
        """`shoplane run`, once it says that it runs."""
        host = self.start([self.host, "run", "--config", config, *options], self.fresh("host") / "log",
                          environment=environment)
        host.wait_text("running with", 30)
        return host

    def produce(self, broker, path, *options, topic=TOPIC):
        """All of a file into the topic, as fast as it goes."""
        self.command([self.demo, "produce", path, "--speed", "max", "--brokers", broker.address, "--topic", topic, *options])

    def producer(self, broker, *options, topic=TOPIC):
        """Sends each line that is written to its standard input: producer.send(lines)."""
        command = [self.demo, "produce", "-", "--speed", "max", "--brokers", broker.address, "--topic", topic,
                   "-X", "linger.ms=1", *options]
        process = self.start(command, self.fresh("producer") / "log", stdin=subprocess.PIPE)

        def send(*lines):
            process.child.stdin.write("".join(line + "\n" for line in lines).encode())
            process.child.stdin.flush()
        process.send = send
        return process

    def generate(self, name, *options):
        path = self.folder / name
        self.command([self.demo, "generate", "--output", path, *options])
        return path

    def command(self, words, limit_s=120):
        """Run to its end, which must be a good one; (what it printed, its errors)."""
        words = [str(word) for word in words]
        done = subprocess.run(words, capture_output=True, timeout=limit_s, check=False, stdin=subprocess.DEVNULL,
                              preexec_fn=_with_parent)
        check(done.returncode == 0, f"{' '.join(words)}: status {done.returncode}\n{done.stderr.decode(errors='replace')[-3000:]}")
        return done.stdout.decode(errors="surrogateescape"), done.stderr.decode(errors="replace")

    def sanitized(self):
        cache = self.build / "CMakeCache.txt"
        return cache.exists() and re.search(r"^SHOPLANE_SANITIZE:\w+=.*\w", cache.read_text(), re.M) is not None

    def end_scenario(self):
        """Stop all that runs; the folder stays."""
        for process in reversed(self.processes):
            process.kill()
        for other in self.others:
            other.end()
        self.processes, self.others = [], []

    def reports(self):
        """What a sanitizer wrote into the logs of what ran, if anything."""
        return [f"{process.name()}:\n{process.tail(60)}" for process in self.processes
                if re.search(r"ERROR: \w+Sanitizer|runtime error:", process.text())]


# --- configurations ---------------------------------------------------------------------------------------------------

def shipped_lanes(name):
    """The lanes of config/NAME, as they stand there."""
    text = (ROOT / "config" / name).read_text()
    return re.search(r"^lanes = \(\n.*?^\);\n", text, re.M | re.S)[0]


def setting(value):
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else f'"{value}"'


def group(name, settings):
    return f"{name}: {{ " + " ".join(f"{key} = {value};" for key, value in settings.items()) + " };\n"


def write_config(path, lanes, broker, redis, topic=TOPIC, letters=None, sink=None, **source):
    """A configuration from the broker's topic (from its beginning) to Redis. `source`: more settings of that group."""
    properties = source.pop("properties", None)
    groups = {name: setting(value) for name, value in
              {"kind": "kafka", "brokers": broker.address, "topic": topic, "start": "earliest", **source}.items()}
    if properties:
        groups["properties"] = "(" + ", ".join(f'("{name}", "{value}")' for name, value in properties.items()) + ")"
    text = group("source", groups) + lanes
    text += group("sink", {key: setting(value) for key, value in
                           {"kind": "redis", "socket": redis.socket, "retry_max": "200ms", **(sink or {})}.items()})
    text += group("dead_letters", {"file": setting(letters or path.with_suffix(".dead"))})
    path.write_text(text)
    return path


# --- the script itself ------------------------------------------------------------------------------------------------

def _interrupted(number, frame):
    raise KeyboardInterrupt(number)


def main(document, scenarios):
    """With the options that all scripts have; the exit status of the script."""
    parser = argparse.ArgumentParser(description=document.split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=pathlib.Path, metavar="BUILD_DIR")
    parser.add_argument("--only", default="", metavar="WORD", help="only scenarios whose name has WORD in it")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="leave configurations, logs and events here")
    parser.add_argument("--long", action="store_true", help="all that there is to try, not only the first of each kind")
    return run_scenarios(parser.parse_args(), scenarios)


def run_scenarios(arguments, scenarios):
    """Run scenarios (functions that take a Servers), each in its own. arguments: build, only, keep. The exit status."""
    signal.signal(signal.SIGTERM, _interrupted)
    signal.signal(signal.SIGINT, _interrupted)
    failed, skipped, passed, began = [], [], 0, time.monotonic()
    with contextlib.ExitStack() as stack:
        folder = arguments.keep or pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shoplane-e2e-")))
        folder.mkdir(parents=True, exist_ok=True)
        for scenario in scenarios:
            name = scenario.__name__
            if arguments.only not in name:
                continue
            (folder / name).mkdir(exist_ok=True)
            servers, start = Servers(arguments.build.resolve(), (folder / name).resolve()), time.monotonic()
            servers.long = getattr(arguments, "long", False)
            try:
                scenario(servers)
                check(not servers.reports(), "a sanitizer reports:\n" + "\n".join(servers.reports()))
                passed += 1
                print(f"pass  {name} ({time.monotonic() - start:.1f} s)", flush=True)
            except Skip as why:
                skipped.append(f"{name}: {why}")
                print(f"SKIP  {name}: {why}", flush=True)
            except Failed as why:
                failed.append(name)
                print(f"FAIL  {name} ({time.monotonic() - start:.1f} s): {why}", flush=True)
            except KeyboardInterrupt as interrupt:
                print(f"interrupted by signal {interrupt.args[0]} in {name}", flush=True)
                return 128 + interrupt.args[0]
            except Exception:  # pylint: disable=broad-except
                failed.append(name)
                print(f"FAIL  {name}: the test itself broke\n{traceback.format_exc()}", flush=True)
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
                servers.end_scenario()
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM])
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped in {time.monotonic() - began:.0f} s")
    if failed:
        return 1
    if not skipped:
        return 0
    if os.environ.get("CI"):
        print("in CI nothing may be skipped: " + "; ".join(skipped))
        return 1
    print("skipped: " + "; ".join(skipped))
    return 77


def need_apache(build):
    """Skip without a real broker; in CI that is a failure (see main)."""
    missing = ApacheKafka.missing(build)
    if missing is not None:
        raise Skip(f"no Apache Kafka: {missing}")


def run_main(document, scenarios):
    sys.exit(main(document, scenarios))
