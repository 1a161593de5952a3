#!/usr/bin/env python3
"""Plugins that end the host, or hang: each has a name, none ends it twice at one place for ever, and the others go on.

    crash.py BUILD_DIR [--only WORD] [--keep FOLDER]

The lane "probe" of reload.py, built so that a view of the page "crash" is its end, in each way that there is. Whoever starts the
host again is this test.
"""

import json
import os
import pathlib
import re
import signal
import subprocess

from features import replay, same
from reload import Shop, line, says, users
from servers import LIBC, ROOT, TOPIC, check, run_main, wait_for

ENDS = {1: ("Segmentation fault", -signal.SIGSEGV), 2: ("Segmentation fault", -signal.SIGSEGV), 3: ("Aborted", -signal.SIGABRT),
        4: ("it ended the process", 70), 5: ("it ended the process", 70), 6: ("it ended the process", 70),
        7: ("it ended the process", 70), 8: ("it ended the thread", 70), 9: ("the call did not come back", 70)}

WALL = 0x40000000  # for waitpid(): threads too
IMPATIENT = 'limits: { plugin_call = "2s"; };\n'


class Crashing(Shop):
    """A shop whose host ends, and is started again."""

    def __init__(self, servers, *defines, metric=(), more=""):
        self.more, self.allowed = more, servers.folder / "allowed"
        os.environ["PROBE_ALLOWED"] = str(self.allowed)  # for all that is started
        super().__init__(servers, state="100ms")
        self.probe(*defines)
        self.build("metric", "probe_views.so", *metric)

    def configure(self, probe=True, more=""):
        super().configure(probe, more or self.more)

    def ends(self, by, place, limit_s=20):
        """The host ends in this way, and says so; it is started again."""
        text, status = ENDS[by]
        found = self.host.wait(limit_s)
        says(self.host.text(), f"{place.split(',')[0]}: {text}{re.escape(place[len(place.split(',')[0]):])}", "the line")
        check(found == status, f"the host ends with status {found}, must be {status}:\n{self.host.tail()}")
        self.servers.processes.remove(self.host)
        return self.start(wait=False)

    def begin(self):
        """A first round, everything good."""
        host = self.start()
        self.send(users(5))
        self.probe_is("user1", 1)
        self.good()
        return host

    def without(self, *pages):
        """All events but the page views of these pages, as a file."""
        path = self.servers.fresh("without") / "events.tsv"
        path.write_text("".join(line for line in self.events.read_text().splitlines(True) if not set(line.split("\t")) & set(pages)))
        return path

    def ask(self, *words):
        """A command that reads the configuration; how it ended."""
        return subprocess.run([self.servers.host, *words, "--config", self.config], capture_output=True, text=True, timeout=60, check=False)

    def others(self, user, least):
        """Another lane of that user goes on: the clock stands at the newest event, so what waits for its emit interval may be missing."""
        name = f"session:s-{user}:session_product_views"
        wait_for(lambda: int(self.redis.get(name) or 0) >= least, 20, lambda: f"{name} is {least} (now {self.redis.get(name)})")

    def letters(self):
        path = self.config.with_suffix(".dead")
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def crash_view(shop, user):
    """A page view of `user` that is the end; its offset."""
    text = line("page_view", user, shop.number, "crash")
    shop.number += 1
    with open(shop.events, "a", encoding="utf-8") as out:
        out.write(text + "\n")
    shop.producer.send(text)
    return len(shop.events.read_text().splitlines()) - 1


def asked(shop, status, *words):
    """What `features` or `explain` says."""
    done = shop.ask(*words)
    check(done.returncode == status, f"{words}: status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def event(servers, by, more=""):
    """An event in `extract`: ended twice there, it is a dead letter, and all others are as if it had never been."""
    shop = Crashing(servers, "-DCRASHES", f"-DBY={by}", more=more)
    shop.begin()
    offset = crash_view(shop, "user2")
    shop.send(users(5))
    place = f"lane probe ended the host in extract, partition 0, offset {offset}, key user2"
    shop.ends(by, place)
    host = shop.ends(by, place)
    host.wait_text("running with", 30)
    says(host.text(), f"lane probe is not called for partition 0, offset {offset}: that event is a dead letter", "the log names the place")
    shop.probe_is("user2", 2)
    wait_for(shop.letters, 10, "the dead letter")
    letter = shop.letters()[-1]["data"]
    says(json.dumps(letter["failure"]), "probe ended the host at this event", "the letter")
    check(letter["payload"] == shop.events.read_text().splitlines()[offset], "the letter has the event whole")
    shop.send(users(5))
    shop.probe_is("user2", 3)
    return shop


def event_by_a_signal(servers):
    shop = event(servers, 1)
    shop.end()
    same(shop.redis.features(), replay(servers, shop.config, [shop.without("crash")]), "without that event")


def event_by_exit(servers):
    event(servers, 4).end()


def event_by_underscore_exit(servers):
    event(servers, 5).end()


def other_ways(servers):
    """Each has its name, and no status is 0."""
    for by in (2, 3, 6, 7, 8):
        shop = Crashing(servers, "-DCRASHES", f"-DBY={by}")
        shop.begin()
        offset = crash_view(shop, "user2")
        shop.ends(by, f"lane probe ended the host in extract, partition 0, offset {offset}, key user2").kill()
        servers.end_scenario()
        for name in ("state", "plugins"):
            os.rename(servers.folder / name, servers.fresh("former") / name)
        shop.events.unlink()


def quarantine(servers):
    """Three times: the lane is not called, others go on; another build of it reads what it missed."""
    shop = event(servers, 1)
    offset = crash_view(shop, "user3")
    shop.send(users(5))
    host = shop.ends(1, f"lane probe ended the host in extract, partition 0, offset {offset}, key user3")
    host.wait_text("lane probe stands in quarantine: it ended the host 3 times within a day, last by: Segmentation fault in extract;"
                   "(.|\n)*running with", 30)
    key = "shoplane:{" + TOPIC + "}:quarantine:probe"
    wait_for(lambda: shop.redis.get(key) == "Segmentation fault in extract", 20, lambda: f"{key}: {shop.redis.get(key)}")
    host.wait_text("1 plugin in quarantine", 20)
    shop.send(users(5))
    shop.others("user3", 4)
    check(shop.redis.get("user:user3:probe_views_w") == "3", "it is not called")
    stands = (r"lane probe stands in quarantine since 20\d\d-\S+Z \(Segmentation fault in extract\): it has no features; "
              "do this: shoplane plugin release probe")
    for where in ([], ["--state"]):
        says(asked(shop, 0, "features", "user", "user3", *where), r"product_view_count_\w+ (.|\n)*  " + stands + "\n", "features")
        says(asked(shop, 1, "explain", "user:user3:probe_views_w", *where), 'has no feature "probe_views_w"(.|\n)*found +' + stands,
             "explain")
        says(json.loads(asked(shop, 0, "features", "user", "user3", "--json", *where))["quarantine"][0], stands, "as JSON")
    # A restart keeps it so, and a check says so; the same bytes again are no other build. What is installed is the same set.
    shop.end()
    check("is good" not in host.text(), f"another set is being tried:\n{host.tail()}")
    host = shop.start()
    says(host.text(), "lane probe stands in quarantine", "the next start")
    shop.probe("-DCRASHES", "-DBY=1")
    says(shop.reload(), "lane probe stands in quarantine", "reload")
    # Mended.
    shop.probe()
    says(shop.reload(), r"probe +resumed: ", "another build")
    shop.probe_is("user3", 6)
    shop.probe_is("user1", 5)
    shop.end()
    lines = shop.events.read_text().splitlines(True)
    first = next(i for i, text in enumerate(lines) if "\tcrash\t" in text)
    path = servers.fresh("without") / "events.tsv"
    path.write_text("".join(lines[:first] + lines[first + 1:]))
    same(shop.redis.features(), replay(servers, shop.config, [path]), "after quarantine")


def released(servers):
    """By a person who knows better."""
    shop = event(servers, 1)
    crash_view(shop, "user3")
    host = shop.ends(1, "lane probe ended the host in extract")
    host.wait_text("lane probe stands in quarantine(.|\n)*running with", 30)
    shop.send(users(5))
    release = [servers.host, "plugin", "release", "probe", "--config", shop.config]
    says(servers.command(release)[0], "probe is released: 3 crashes count no more", "release")
    host.send_signal(signal.SIGHUP)
    shop.ends(1, "lane probe ended the host in extract")


def key(servers):
    """A record that is the end when it is folded: that key of that lane is left out, and said."""
    shop = Crashing(servers, "-DCRASHES_IN_ADD")
    shop.begin()
    crash_view(shop, "user2")
    place = "lane probe ended the host in add, key user2"
    shop.ends(1, place)
    host = shop.ends(1, place)
    host.wait_text("running with", 30)
    shop.send(users(5))
    shop.probe_is("user1", 2)
    shop.others("user2", 2)
    wait_for(lambda: shop.redis.get("user:user2:probe_views_w") is None, 20, "that key's feature is gone")
    host.wait_text("[1-9]\\d* folds left out", 20)
    says(host.text(), "lane probe is not called for key user2: that key has none of its features; it crashed there twice, in add; "
         "do this: install a mended one and `shoplane reload`", "the log names the place")
    left_out = r"left out: lane probe crashed here twice \(see"
    for where in ([], ["--state"]):
        says(asked(shop, 0, "features", "user", "user2", *where), "  probe_views_w +" + left_out, "features")
        says(asked(shop, 0, "explain", "user:user2:probe_views_w", *where), "user:user2:probe_views_w is " + left_out, "explain")
        feature = json.loads(asked(shop, 0, "explain", "user:user2:probe_views_w", "--json", *where))["features"][0]
        check((feature["value"], feature["left_out"]) == (None, "probe"), feature)
    check("left out" not in asked(shop, 0, "features", "user", "user1"), "others are not")
    check(shop.letters() == [], "no event is lost")
    shop.probe()
    shop.reload()
    shop.probe_is("user2", 3)
    shop.compare("another build")


def parser(servers):
    """A metric parser: its features of that key, then all of its; the lane and the others go on."""
    shop = Crashing(servers, metric=["-DCRASHES"])
    shop.begin()
    shop.send(["user1"])
    shop.probe_is("user1", 2)
    shop.send(["user1"])
    place = "metric parser probe_views of lane probe ended the host in compute, key user1"
    shop.ends(1, place)
    host = shop.ends(1, place)
    host.wait_text("running with", 30)
    wait_for(lambda: shop.redis.get("user:user1:probe_views_w") is None, 20, "it is left out")
    says(asked(shop, 0, "explain", "user:user1:probe_views_w"), "is left out: metric parser probe_views crashed here twice", "explain")
    shop.send(["user2"])
    shop.probe_is("user2", 2)
    shop.send(["user2"])
    host = shop.ends(1, place.replace("user1", "user2"))
    host.wait_text("metric parser probe_views of lane probe stands in quarantine(.|\n)*running with", 30)
    name = "shoplane:{" + TOPIC + "}:quarantine:probe:probe_views"
    wait_for(lambda: shop.redis.get(name) == "Segmentation fault in compute", 20, "the key in Redis")
    shop.send(users(5))
    shop.others("user4", 2)
    shop.build("metric", "probe_views.so")
    shop.reload()
    shop.probe_is("user2", 4)
    shop.compare("another build")


def opened(servers):
    """`open`: three starts in vain, then without it; and `check` is never good because a plugin said so."""
    shop = Crashing(servers)
    shop.begin()
    host = shop.host
    shop.probe("-DCRASHES_IN_OPEN", "-DBY=4")
    done = shop.ask("check")
    check(done.returncode == 70, f"check: status {done.returncode}:\n{done.stderr}")
    says(done.stderr, "lane probe ended the host in open: it ended the process", "check")
    check(shop.ask("reload").returncode == 70, "reload")
    seen = len(host.text())
    host.send_signal(signal.SIGHUP)
    host.wait_text("not reloaded: .*; running on as before", 30, seen)
    shop.send(users(5))
    shop.probe_is("user1", 2)
    shop.end()
    shop.start(wait=False)
    for _ in range(3):
        shop.ends(4, "lane probe ended the host in open")
    shop.host.wait_text("lane probe stands in quarantine(.|\n)*running with", 30)
    shop.send(users(5))
    shop.others("user4", 2)
    shop.allowed.touch()
    servers.command([servers.host, "plugin", "release", "probe", "--config", shop.config])
    shop.reload()
    shop.probe_is("user1", 3)
    shop.compare("released")


def needed_by_another(servers):
    """A parser that needs values of a lane in quarantine is off with it; no start is refused for that."""
    shop = Crashing(servers)
    out = shop.plugins / "metrics" / "probe_beside.so"
    servers.command([os.environ.get("CC", "cc"), "-std=c11", "-O1", "-fPIC", "-shared", "-fvisibility=hidden", f"-I{ROOT}/sdk/include",
                     ROOT / "tests" / "plugins" / "probe" / "needs_metric.c", "-o", out])
    out.chmod(0o644)
    shop.config.write_text(shop.config.read_text().replace('"product_views",', '"product_views", "probe_beside",'))
    shop.begin()
    wait_for(lambda: shop.redis.get("user:user1:probe_beside_1h") == "1", 20, "what it makes of the other lane")
    shop.end()
    shop.probe("-DCRASHES_IN_OPEN", "-DBY=4")
    shop.start(wait=False)
    for _ in range(3):
        shop.ends(4, "lane probe ended the host in open")
    shop.host.wait_text('metric parser "probe_beside" of lane "product" is off: lane "probe", whose values it needs, is in quarantine'
                        "(.|\n)*running with", 30)
    shop.send(users(5))
    shop.others("user4", 2)
    wait_for(lambda: shop.redis.get("user:user1:probe_beside_1h") is None, 20, "it is absent")
    shop.end()


def cases(servers):
    """A golden case that a plugin ends is none that passes."""
    shop = Crashing(servers, "-DCRASHES", "-DBY=4")
    case = servers.folder / "ends.case"
    case.write_text("lane probe   windows 5m   metrics probe_views\n"
                    "at 12:00:00       page_view user=ann page_url=crash\n"
                    "expect 12:00:00   user:ann:probe_views_5m = 1\n")
    done = subprocess.run([servers.host, "plugin", "test", "--plugins", shop.plugins, case], capture_output=True, text=True, timeout=60,
                          check=False)
    check(done.returncode == 1, f"plugin test: status {done.returncode}:\n{done.stdout}{done.stderr}")
    says(done.stdout, "ends.case:2: lane probe ends the process in extract: with status", "plugin test")
    check("ended the host" not in done.stderr, f"it is said twice:\n{done.stderr}")


def hang_of_an_event(servers):
    """A call that does not come back ends the host when it has had its time, under its name; then that event is left out."""
    event(servers, 9, more=IMPATIENT).end()


def hang_is_said(servers):
    """After 5 s, while it lasts."""
    shop = Crashing(servers, "-DCRASHES", "-DBY=10", more='limits: { plugin_call = "1h"; };\n')
    host = shop.begin()
    offset = crash_view(shop, "user2")
    host.wait_text(f"lane probe, extract, partition 0, offset {offset}, key user2: the call has not come back for 5 s", 20)
    check(host.running(), "it ended")
    host.kill()


def hang_frees_the_lease(servers):
    """Who stands by goes on where the other one hung."""
    shop = Crashing(servers, "-DCRASHES", "-DBY=10", more=IMPATIENT)
    shop.source["sink"] = {"lease": "1s"}
    shop.configure()
    first = shop.begin()
    other = servers.folder / "other.conf"
    other.write_text(shop.config.read_text().replace(str(shop.folder), str(servers.folder / "other-state")))
    second = servers.start([servers.host, "run", "--config", other], servers.fresh("host") / "log")
    second.wait_text("standing by: .* holds the lease", 20)
    crash_view(shop, "user2")
    shop.send(users(5))
    wait_for(lambda: (shop.folder / "crashes").stat().st_size > 0, 20, "the first one hangs, and that is noted")
    shop.allowed.touch()
    check(first.wait(20) == 70, f"status {first.child.returncode}")
    servers.processes.remove(first)
    shop.host = second
    second.wait_text("taking over(.|\n)*running with ", 20)
    shop.probe_is("user2", 3)
    shop.compare("who stood by")


def worker_stands_still(servers):
    """Outside of plugins, too: a thread that a debugger holds."""
    shop = Crashing(servers)
    host = shop.begin()
    tasks = pathlib.Path(f"/proc/{host.child.pid}/task")
    worker = next(int(task.name) for task in tasks.iterdir() if (task / "comm").read_text() == "worker-0\n")
    seize, interrupt, detach = 0x4206, 0x4207, 17
    if LIBC.ptrace(seize, worker, None, None) != 0:
        print("      no thread may be held on this machine: not tried", flush=True)
        return
    try:
        check(LIBC.ptrace(interrupt, worker, None, None) == 0, "the worker is held")
        host.wait_text("a worker stands still for 5 s, in no plugin", 20)
    finally:
        os.waitpid(worker, WALL)
        check(LIBC.ptrace(detach, worker, None, None) == 0, "the worker is free")
    shop.send(users(5))
    shop.probe_is("user1", 2)
    shop.end()


def hang_is_not_good(servers):
    """A lane that loops at its first event passes no trial; the way back is short."""
    shop = Crashing(servers, more=IMPATIENT)
    host = shop.begin()
    shop.probe("-DCRASHES_IN_ADD", "-DBY=9", "-DALWAYS")
    seen = shop.hup()
    shop.send(users(5))
    host.wait_text("lane probe ended the host in add: the call did not come back, key user", 20, seen)
    host.wait_text("back to the last good set.*it crashed while it was being tried: the call did not come back", 20, seen)
    check("is good" not in host.text()[seen:], "it was good")
    shop.probe_is("user1", 2)
    shop.probe()
    shop.compare("the last good set")


def hang_in_open(servers):
    """Neither a check nor a reload waits for ever, and the next reload is as good as any."""
    shop = Crashing(servers, more=IMPATIENT)
    host = shop.begin()
    shop.probe("-DCRASHES_IN_OPEN", "-DBY=10")
    done = shop.ask("check")
    check(done.returncode == 70, f"check: status {done.returncode}:\n{done.stderr}")
    says(done.stderr, "lane probe ended the host in open: the call did not come back", "check")
    seen = len(host.text())
    host.send_signal(signal.SIGHUP)
    host.wait_text("lane probe ended the host in open: the call did not come back(.|\n)*not reloaded: .*; running on as before", 30, seen)
    shop.send(users(5))
    shop.probe_is("user1", 2)
    shop.probe("-DNUMBER=1")
    shop.reload()
    shop.probe_is("user1", 2)
    shop.compare("hang in open")


def status_without_a_check(servers):
    """Status 0 is no proof that a check came to its end."""
    shop = Crashing(servers)
    host = shop.begin()
    shop.probe("-DCRASHES_IN_OPEN", "-DBY=11")
    seen = len(host.text())
    host.send_signal(signal.SIGHUP)
    host.wait_text("not reloaded: the check ended with status 0 before it was through: a plugin has ended its process", 30, seen)
    shop.send(users(5))
    shop.probe_is("user1", 2)
    shop.probe()
    shop.compare("status without a check")


def nothing_to_try_it_with(servers):
    """Where the topic has nothing, a new set is not good at once, and that is said; what comes then decides."""
    shop = Crashing(servers)
    host = shop.begin()
    shop.probe("-DCRASHES")
    seen = len(host.text())
    reload = servers.start([servers.host, "reload", "--config", shop.config], servers.fresh("reload") / "log")
    host.wait_text("is being tried, and the topic has nothing to try it with: it is good if nothing comes for another 50 s", 30, seen)
    reload.wait_text("  5 s of at most 30 s  the new set runs; until events have gone through it, it is not known whether it is good\n", 20)
    crash_view(shop, "user1")
    host.wait_text("back to the last good set.*it crashed while it was being tried: Segmentation fault", 20, seen)
    check(reload.wait(20) == 1, f"reload: {reload.text()}")
    shop.probe_is("user1", 2)
    shop.probe()
    shop.compare("the last good set")


if __name__ == "__main__":
    run_main(__doc__, [event_by_a_signal, event_by_exit, event_by_underscore_exit, other_ways, quarantine, released, key, parser, opened,
                       needed_by_another, cases, hang_of_an_event, hang_is_said, hang_frees_the_lease, worker_stands_still, hang_is_not_good, hang_in_open, status_without_a_check, nothing_to_try_it_with])
