#!/usr/bin/env python3
"""Reloads: other plugins and settings under a host that runs, its state kept; and the way back where they do not run.

    reload.py BUILD_DIR [--only WORD] [--keep FOLDER]

The plugins are copies of the built ones in a folder of the test's own, and a lane "probe" (tests/plugins/probe) that is compiled
here in the variants that the scenarios need. Event clock, one partition, no disorder: at rest the features are those of a replay.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid

from features import replay, same
from servers import ROOT, TOPIC, ApacheKafka, MockBroker, check, need_apache, run_main, shipped_lanes, wait_for, write_config

sys.path.insert(0, str(ROOT / "tests" / "property"))
from wire import to_tsv  # noqa: E402  pylint: disable=wrong-import-position

BLANK = {name: "" for name in ("domain_userid", "network_userid", "client_session", "useragent")}
BLANK.update({name: None for name in ("cart", "step", "transaction", "refund", "list_name", "yauaa", "geo_country", "geo_region",
                                      "dvce_type")}, platform="web", replacing_products=[], products=[])
START_S = 1_774_000_000
PROBE = ', { lane = "probe"; windows = ( { name = "w"; length = "1h"; emit = "0s"; } ); metrics = ( "probe_views" ); }\n);\n'
PROBE_SOURCES = ROOT / "tests" / "plugins" / "probe"


def line(kind, user, number, page=""):
    """An enriched event, `number` seconds after the test's beginning."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(START_S + number)) + ".000"
    return to_tsv({**BLANK, "kind": kind, "id": str(uuid.UUID(int=number + 1)), "derived": stamp, "collector": stamp, "user_id": user,
                   "domain_sessionid": f"s-{user}", "page_url": page,
                   "products": [{"id": str(number % 7), "price": number % 5 + 1, "category": "shoes"}] if kind != "page_view" else []})


class Shop:
    """Everything that a scenario needs: servers, plugins, a host, and all events that were sent."""

    def __init__(self, servers, state="200ms", broker_kind=MockBroker, **source):
        self.servers, self.number = servers, 0
        self.redis, self.broker = servers.redis().start(), broker_kind(servers, {TOPIC: 1})
        self.plugins, self.folder = servers.folder / "plugins", servers.folder / "state"
        shutil.copytree(servers.build / "plugins" / "lanes", self.plugins / "lanes")
        shutil.copytree(servers.build / "plugins" / "metrics", self.plugins / "metrics")
        self.build("metric", "probe_views.so")
        self.build("lane", "probe.so")
        self.config, self.events = servers.folder / "reload.conf", servers.folder / "events.tsv"
        self.state, self.source = state, source
        self.configure()
        self.producer = servers.producer(self.broker)
        self.events.touch()
        self.host = self.environment = None

    def configure(self, probe=True, more=""):
        lanes = shipped_lanes("shoplane.conf")
        if probe:
            lanes = lanes.rstrip()[:-2].rstrip() + PROBE
        write_config(self.config, lanes, self.broker, self.redis, clock="event", disorder="0s", **self.source)
        text = f'plugins = "{self.plugins}";\n'
        if self.state:
            text += f'state: {{ folder = "{self.folder}"; interval = "{self.state}"; }};\n'
        self.config.write_text(self.config.read_text() + text + more)

    def build(self, kind, name, *defines, to=None):
        """Compile, and write it over what is there, byte by byte into the same file."""
        fresh = self.servers.folder / "fresh.so"
        self.servers.command([os.environ.get("CC", "cc"), "-std=c11", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-D_GNU_SOURCE",
                              f"-I{ROOT}/sdk/include", *defines, PROBE_SOURCES / f"probe_{kind}.c", "-o", fresh])
        path = to or self.plugins / ("lanes" if kind == "lane" else "metrics") / name
        path.write_bytes(fresh.read_bytes())
        path.chmod(0o644)

    def probe(self, *defines):
        self.build("lane", "probe.so", *defines)

    def start(self, wait=True):
        self.host = self.servers.start([self.servers.host, "run", "--config", self.config, "--report", 1],
                                       self.servers.fresh("host") / "log", environment=self.environment)
        if wait:
            self.host.wait_text("running with", 30)
        return self.host

    def send(self, users, page=""):
        """A round of events, one page view and one product view a user, kept for the replay."""
        lines = []
        for user in users:
            for kind in ("page_view", "product_view"):
                lines.append(line(kind, user, self.number, page))
                self.number += 1
        with open(self.events, "a", encoding="utf-8") as out:
            out.writelines(text + "\n" for text in lines)
        self.producer.send(*lines)

    def probe_is(self, user, views, limit_s=20):
        key = f"user:{user}:probe_views_w"
        wait_for(lambda: self.redis.get(key) == str(views), limit_s,
                 lambda: f"{key} is {views} (now {self.redis.get(key)}):\n{self.host.tail(30)}")

    def reload(self, status=0, limit_s=60):
        """`shoplane reload`, with an event for the new set to be tried with; what it says."""
        log = self.servers.fresh("reload") / "log"
        waiting = self.servers.start([self.servers.host, "reload", "--config", self.config], log)
        wait_for(lambda: "stood still" in waiting.text() or not waiting.running(), limit_s, lambda: f"it reloads:\n{self.host.tail(30)}")
        if waiting.running():
            self.send(["somebody"])
        check(waiting.wait(limit_s) == status, f"reload: status {waiting.child.returncode}, must be {status}:\n{waiting.text()}\n"
              f"the host:\n{self.host.tail(30)}")
        return waiting.text()

    def hup(self):
        """SIGHUP, and the new start of the same process."""
        seen = len(self.host.text())
        self.host.send_signal(signal.SIGHUP)
        self.host.wait_text("running with", 30, seen)
        return seen

    def good(self, since=0):
        self.host.wait_text("set [0-9a-f]{32} of configuration and plugins is good", 40, since)

    def end(self):
        check(self.host.end(limit_s=20) == 0, f"the host ends with status {self.host.child.returncode}:\n{self.host.tail()}")

    def compare(self, where):
        self.end()
        same(self.redis.features(), replay(self.servers, self.config, [self.events]), where)


def users(count, name="user"):
    return [f"{name}{number}" for number in range(count)]


def says(text, pattern, where):
    check(re.search(pattern, text), f"{where}: nothing says \"{pattern}\":\n{text}")


def plugin_overwritten_while_it_runs(servers):
    """Nothing happens until the reload; then the new one works on the old state."""
    shop = Shop(servers)
    host = shop.start()
    for _ in range(3):
        shop.send(users(50))
    shop.probe_is("user7", 3)
    shop.good()
    shop.probe("-DTIMES=2")
    shop.send(users(50))
    shop.probe_is("user7", 4)
    pid = host.child.pid
    text = shop.reload()
    says(text, r"probe +kept ", "a changed fold needs nothing")
    says(text, r"features stood still for \d+ ms\n", "how long")
    print(f"      {text.splitlines()[-2]}", flush=True)
    check(host.running() and host.child.pid == pid, "the process is the same")
    shop.send(users(50))
    shop.probe_is("user7", 10)
    shop.compare("plugin overwritten")


def records_of_another_build(servers):
    """A field moved, dropped: copied. One more: filled from the topic. In the end nothing is missing."""
    shop = Shop(servers)
    shop.start()
    shop.send(users(30))
    shop.probe_is("user7", 1)
    shop.good()
    for number, (define, said) in enumerate([("-DMOVED", r"copied by field name .*moved"), ("-DDROPPED", r"copied by field name"),
                                             ("-DADDED", r"filled again: .*field")]):
        shop.probe(define)
        text = shop.reload()
        says(text, r"probe +" + said, define)
        says(text, r"product +kept ", define)
        shop.send(users(30))
        shop.probe_is("user7", number + 2)
    shop.compare("records of another build")


def refused_in_open(servers):
    """The host runs on with what it has."""
    shop = Shop(servers)
    host = shop.start()
    shop.send(users(5))
    shop.probe_is("user1", 1)
    shop.good()
    shop.probe("-DREFUSES")
    says(shop.reload(status=2), "the moon is full", "reload")
    seen = len(host.text())
    host.send_signal(signal.SIGHUP)
    host.wait_text("not reloaded: what the check found is said above; .*running on as before", 30, seen)
    says(host.text()[seen:], "the moon is full", "the host's log")
    shop.config.write_text(shop.config.read_text() + "workers = ;\n")
    shop.reload(status=2)
    shop.send(users(5))
    shop.probe_is("user1", 2)
    check("restart" not in host.text(), "it restarted")
    shop.configure()
    shop.probe()
    shop.compare("refused in open")


def refused_at_the_start(servers):
    """It passes the check and is refused by the start: back to the last good set."""
    shop = Shop(servers)
    allowed = servers.folder / "allowed"
    shop.environment = {"PROBE_ALLOWED": str(allowed)}
    host = shop.start()
    shop.send(users(5))
    shop.probe_is("user1", 1)
    shop.good()
    shop.probe("-DREFUSES_LATER")
    allowed.touch()
    seen = shop.hup()
    host.wait_text("back to the last good set", 20, seen)
    says(host.text()[seen:], "allowed once only", "the host's log")
    shop.send(users(5))
    shop.probe_is("user1", 2)
    shop.probe()
    shop.compare("refused at the start")


def crash(servers, *defines):
    """A plugin that crashes on the first event: a moment later the last good set runs on, without losing that event."""
    shop = Shop(servers)
    host = shop.start()
    shop.send(users(5))
    shop.probe_is("user1", 1)
    shop.good()
    seen = shop.hup()  # nothing is new: the good set again, no trial
    check("is good" not in host.text()[seen:], "the same set is tried again")
    shop.probe("-DCRASHES", *defines)
    seen = shop.hup()
    shop.send(users(5), page="crash")
    if servers.sanitized():  # crashes are the sanitizer's: the next start goes back
        wait_for(lambda: not host.running(), 30, "the sanitizer ends the host")
        servers.processes.remove(host)
        host, seen = shop.start(), 0
    host.wait_text("back to the last good set of configuration and plugins", 30, seen)
    shop.probe_is("user1", 2)
    shop.send(users(5))
    shop.probe_is("user1", 3)
    if not servers.sanitized():
        host.wait_text(r"features stood still for \d+ ms \(restart: crash", 10, seen)
    # It is not tried again by itself, neither after an orderly end nor after a kill.
    shop.end()
    host = shop.start(wait=False)
    host.wait_text("back to the last good set(.|\n)*running with .*/sets/", 30)
    shop.host.kill()
    host = shop.start(wait=False)
    host.wait_text("back to the last good set(.|\n)*running with .*/sets/", 30)
    shop.send(users(5))
    shop.probe_is("user1", 4)
    # Mended, it runs.
    shop.probe("-DTIMES=2")
    shop.reload()
    shop.send(users(5))
    shop.probe_is("user1", 10)
    shop.compare("crash")


def crash_of_a_plugin(servers):
    crash(servers)


def crash_by_using_up_the_stack(servers):
    crash(servers, "-DBY=2")


def crash_by_exit(servers):
    if not servers.sanitized():
        crash(servers, "-DBY=4")


def crash_by_abort(servers):
    crash(servers, "-DBY=3")


def reload_tells_of_the_way_back(servers):
    """`shoplane reload` waits until it is known whether the set is good."""
    shop = Shop(servers)
    host = shop.start()
    shop.send(users(5))
    shop.probe_is("user1", 1)
    shop.good()
    if servers.sanitized():
        shop.end()
        return
    shop.probe("-DCRASHES")
    seen = len(host.text())
    waiting = servers.start([servers.host, "reload", "--config", shop.config], servers.fresh("reload") / "log")
    host.wait_text("running with", 20, seen)
    shop.send(users(5), page="crash")
    check(waiting.wait(30) == 1, f"status {waiting.child.returncode}, must be 1:\n{waiting.tail()}")
    says(waiting.text(), r"went back to the last good one\n +found +it crashed while it was being tried: Segmentation fault", "reload")
    shop.probe_is("user1", 2)
    shop.end()


def killed_while_it_is_tried(servers):
    """kill -9 leaves the mark of the trial: the next start goes back, and a reload tries the set once more."""
    shop = Shop(servers, state="10m")
    host = shop.start()
    shop.send(users(5))
    shop.probe_is("user1", 1)
    shop.good()  # after ten seconds
    shop.probe("-DTIMES=2")
    shop.hup()
    host.kill()
    servers.processes.remove(host)
    host = shop.start()
    host.wait_text("back to the last good set of configuration and plugins.*its process ended while it was being tried", 20)
    shop.send(users(5))
    shop.probe_is("user1", 2)
    seen = shop.hup()
    check("back to the last good set" not in host.text()[seen:], "a reload does not try it again")
    shop.send(users(5))
    shop.probe_is("user1", 6)
    shop.compare("killed while tried")


def a_damaged_copy_is_not_run(servers):
    """The copy of the good set is not what its name says any more: `state --verify` finds it, no start goes back to it, and the
    next one that is good is kept whole."""
    shop = Shop(servers)
    host = shop.start()
    shop.send(users(5))
    shop.probe_is("user1", 1)
    shop.good()
    verify = [servers.host, "state", "--verify", "--config", shop.config]
    says(servers.command(verify)[0], "sets/: 1 copy of configuration and plugins", "verify")
    copy = next(shop.folder.glob("sets/*/plugins/lanes/probe.so"))
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    found = subprocess.run(verify, capture_output=True, text=True, timeout=60, check=False)
    check(found.returncode == 1, f"verify: status {found.returncode}:\n{found.stdout}{found.stderr}")
    says(found.stderr, rf"it is not what its name says\n +found +sets/{copy.parts[-4]}, whose content is [0-9a-f]{{32}}\n", "verify")
    shop.probe("-DTIMES=2")
    shop.hup()
    host.kill()  # while it is tried
    servers.processes.remove(host)
    host = shop.start()
    says(host.text(), "copy of configuration and plugins is damaged", "the host's log")
    check("back to the last good set" not in host.text(), f"it goes back to a damaged copy:\n{host.tail()}")
    shop.send(users(5))
    shop.probe_is("user1", 4)
    shop.good()
    says(servers.command(verify)[0], "sets/: 1 copy of configuration and plugins", "verify, of the next one")
    shop.compare("a damaged copy")


def told_twice(servers):
    """SIGHUP twice at once, and many times in a row: each time it ends up running, with all that is installed."""
    shop = Shop(servers)
    host = shop.start()
    shop.send(users(20))
    shop.probe_is("user7", 1)
    shop.good()
    shop.probe("-DTIMES=2")
    seen = len(host.text())
    host.send_signal(signal.SIGHUP)
    host.send_signal(signal.SIGHUP)
    host.wait_text("running with", 30, seen)
    shop.send(users(20))
    shop.probe_is("user7", 4)
    shop.probe("-DTIMES=3")
    for pause_s in (0.001, 0.01, 0.03, 0.1, 0.2, 0.3):
        host.send_signal(signal.SIGHUP)
        time.sleep(pause_s)
    shop.send(users(20))
    shop.probe_is("user7", 9)
    check(host.running(), "it ended")
    wait_for(lambda: re.search(r"running with((?!reload: checking)(.|\n))*\Z", host.text()), 30, "it comes to rest")
    shop.compare("told twice")


def killed_while_it_restarts(servers):
    """kill -9 at many moments after the signal; whatever the next start finds, nothing is lost."""
    shop = Shop(servers)
    shop.start()
    shop.send(users(20))
    shop.probe_is("user7", 1)
    shop.good()
    for number in range(12):
        shop.probe(f"-DNUMBER={number}")
        shop.send(users(20))
        seen = len(shop.host.text())
        shop.host.send_signal(signal.SIGHUP)
        if number % 3 > 0:
            shop.host.wait_text("reload: checked; restarting", 20, seen)
        time.sleep(0.007 * number)
        shop.host.kill()
        servers.processes.remove(shop.host)
        shop.start()
        shop.probe_is("user7", number + 2)
    shop.compare("killed while it restarts")


def lane_off_and_on_again(servers):
    """What came while it was off is read from the topic."""
    shop = Shop(servers)
    host = shop.start()
    shop.send(users(20))
    shop.probe_is("user7", 1)
    shop.good()
    shop.configure(probe=False)
    says(shop.reload(), r"probe +orphaned: ", "switched off")
    seen = len(host.text())
    shop.send(users(20))
    host.wait_text(r"info: [1-9]\d* events/s", 20, seen)
    check(shop.redis.get("user:user7:probe_views_w") == "1", "a lane that is off writes nothing")
    shop.configure()
    says(shop.reload(), r"probe +resumed: ", "switched on")
    shop.probe_is("user7", 2)
    shop.send(users(20))
    shop.probe_is("user7", 3)
    shop.compare("off and on")


def redis_hangs(servers):
    """A restart does not wait for a Redis that does not answer."""
    shop = Shop(servers)
    host = shop.start()
    shop.send(users(20))
    shop.probe_is("user7", 1)
    shop.good()
    shop.redis.pause()
    try:
        shop.send(users(20))
        time.sleep(0.2)  # for the host to run into it; whether it does is no matter
        seen = len(host.text())
        host.send_signal(signal.SIGHUP)
        host.wait_text("restarting: reload", 20, seen)  # it does not wait for Redis, which hangs until this test says otherwise
    finally:
        shop.redis.go_on()
    shop.probe_is("user7", 2)
    shop.send(users(20))
    shop.probe_is("user7", 3)
    shop.compare("Redis hangs")


def without_state(servers):
    """SIGHUP is refused: every window would be empty."""
    shop = Shop(servers, state=None)
    host = shop.start()
    shop.send(users(5))
    shop.probe_is("user1", 1)
    host.send_signal(signal.SIGHUP)
    host.wait_text("told to reload, but without state.folder .*; do this: ", 10)
    says(shop.reload(status=2), "keeps no state", "reload")
    shop.send(users(5))
    shop.probe_is("user1", 2)
    shop.compare("without state")


def told_to_stop_while_it_is_tried(servers):
    """An orderly end is no failure: the set is tried again at the next start."""
    shop = Shop(servers, state="10m")
    shop.start()
    shop.send(users(5))
    shop.probe_is("user1", 1)
    shop.good()
    shop.probe("-DTIMES=2")
    shop.hup()
    shop.end()
    host = shop.start()
    check("back to" not in host.text(), "it went back")
    shop.send(users(5))
    shop.probe_is("user1", 4)
    shop.compare("told to stop")


def stands_by_on_the_same_state(servers):
    """A reload is no chance for the one who stands by; and when its turn comes it runs what the one before it ran last."""
    shop = Shop(servers)
    first = shop.start()
    second = servers.start([servers.host, "run", "--config", shop.config], servers.fresh("host") / "log")
    second.wait_text("standing by: ", 20)
    shop.send(users(20))
    shop.probe_is("user7", 1)
    shop.good()
    for times in (2, 3):
        shop.probe(f"-DTIMES={times}")
        shop.reload()
        shop.send(users(20))
        shop.probe_is("user7", times * times)
    check("taking over" not in second.text(), f"it took over while the other one restarted:\n{second.tail()}")
    first.kill()
    servers.processes.remove(first)
    shop.host = second
    second.wait_text("taking over(.|\n)*running with ", 20)
    shop.send(users(20))
    shop.probe_is("user7", 12)
    shop.compare("stands by")


def lease_lost(servers):
    """Stopped for longer than its lease, a host finds another one writing: it stands by, as the same process, and takes over when
    that one dies, without ever writing an older value."""
    shop = Shop(servers, sink={"lease": "1s"})
    first = shop.start()
    shop.send(users(20))
    shop.probe_is("user7", 1)
    other = servers.folder / "other.conf"
    other.write_text(shop.config.read_text().replace(str(shop.folder), str(servers.folder / "other-state")))
    second = servers.start([servers.host, "run", "--config", other], servers.fresh("host") / "log")
    second.wait_text("standing by: .* holds the lease", 20)
    first.send_signal(signal.SIGSTOP)
    second.wait_text("taking over(.|\n)*running with ", 30)
    shop.send(users(20))
    shop.host = second
    shop.probe_is("user7", 2)
    seen = len(first.text())
    first.send_signal(signal.SIGCONT)
    first.wait_text("somebody else has taken over(.|\n)*standing by: .* holds the lease", 20, seen)
    shop.send(users(20))
    shop.probe_is("user7", 3)
    second.kill()
    servers.processes.remove(second)
    shop.host = first
    first.wait_text("taking over(.|\n)*running with ", 30, seen)
    shop.send(users(20))
    shop.probe_is("user7", 4)
    shop.compare("lease lost")


def partitions_added(servers):
    """A restart by itself, with the set that runs: what was installed since then is not looked at."""
    need_apache(servers.build)
    shop = Shop(servers, broker_kind=ApacheKafka, properties={"topic.metadata.refresh.interval.ms": "500"})
    host = shop.start()
    shop.send(users(20))
    shop.probe_is("user7", 1)
    shop.good()
    shop.probe("-DTIMES=2")
    seen, pid = len(host.text()), host.child.pid
    shop.broker.grow(TOPIC, 3)
    host.wait_text(r"restarting: partitions added(.|\n)*running with .*/sets/.*, 3 partitions", 90, seen)
    host.wait_text(r"features stood still for \d+ ms \(restart: partitions added\)", 20, seen)
    for number in range(5):
        shop.send(users(20))
        shop.probe_is("user7", number + 2)
    shop.reload()
    shop.send(users(20))
    shop.probe_is("user7", 14)
    check(host.running() and host.child.pid == pid, "it is the same process")
    shop.end()


def many_restarts(servers):
    """Another program put in place of the one that runs; and nothing piles up from one self to the next."""
    program = servers.folder / "bin" / "shoplane"
    program.parent.mkdir()
    shutil.copy(servers.host, program)
    servers.host = program
    shop = Shop(servers)
    host = shop.start()
    shop.send(users(5))
    shop.probe_is("user1", 1)
    shop.good()
    proc, counts = pathlib.Path(f"/proc/{host.child.pid}"), []
    for number in range(8):
        fresh = program.with_suffix(".new")
        shutil.copy(program, fresh)
        fresh.rename(program)
        seen = shop.hup()
        host.wait_text("features stood still", 20, seen)
        check(proc.joinpath("exe").stat().st_ino == program.stat().st_ino, "it is not the new program")
        environment = [word.split(b"=")[0] for word in proc.joinpath("environ").read_bytes().split(b"\0")]
        check(len(environment) == len(set(environment)), f"variables pile up: {environment}")
        shop.send(users(5))
        shop.probe_is("user1", number + 2)
        counts.append(len(list(proc.joinpath("fd").iterdir())))
    check(max(counts[4:]) <= max(counts[:4]) + 2, f"descriptors pile up: {counts}")
    shop.compare("many restarts")


def no_host(servers):
    """Where none runs, or nothing can be told."""
    shop = Shop(servers)
    says(shop_reload_alone(shop), "no host runs with this state", "before the first start")
    shop.start()
    shop.send(users(2))
    shop.probe_is("user1", 1)
    shop.end()
    says(shop_reload_alone(shop), "no host runs with this state", "after the end")


def shop_reload_alone(shop):
    done = subprocess.run([shop.servers.host, "reload", "--config", shop.config], capture_output=True, text=True, timeout=60, check=False)
    check(done.returncode == 1, f"reload without a host: status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stderr


if __name__ == "__main__":
    run_main(__doc__, [plugin_overwritten_while_it_runs, records_of_another_build, refused_in_open, refused_at_the_start,
                       crash_of_a_plugin, crash_by_using_up_the_stack, crash_by_exit, crash_by_abort, reload_tells_of_the_way_back,
                       killed_while_it_is_tried, a_damaged_copy_is_not_run, told_twice, killed_while_it_restarts, lane_off_and_on_again, redis_hangs,
                       without_state, told_to_stop_while_it_is_tried, stands_by_on_the_same_state, lease_lost, partitions_added, many_restarts, no_host])
