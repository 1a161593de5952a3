#!/usr/bin/env python3
"""Faults below the files of the state and the sockets of Redis, and damage on the disk: said, survived, healed.

    state_faults.py BUILD_DIR [--long] [--only WORD] [--keep FOLDER]

The host runs with tests/fault/faults.c preloaded, which makes calls fail from a moment to another that the test chooses. While it
does, features must stay fresh, the log must name the file and the reason without a flood, and the last good checkpoint must
stand; afterwards checkpoints must be made again. Then the host is killed, and what it goes on to must equal the replay, both in the
Redis that was there and in one that came back empty. Every fault is asserted to have been made. The seed of what is by chance is
printed, and taken from SEED. Event clock, one partition, nothing held back by `emit`: features at rest are the replay's.
"""

import os
import pathlib
import random
import re
import signal
import time

from features import replay, same, tell
from outages import count, day_in_parts, log_says, must_be_live
from servers import TOPIC, MockBroker, Skip, check, group, run_main, setting, shipped_lanes, wait_for, write_config

SEED = int(os.environ.get("SEED", "1"))
INTERVAL_MS = 200
FILE_AND_REASON = r"no checkpoint: .*{what}.*; found: .+; do this: .+; the last good one stands"
JOURNAL = r"journal \w+-\d{{10}}-\d{{3}}-\d{{6}} can't be written: {why}"


class Faults:
    """The rules for a host's calls, and what was made of them."""

    def __init__(self, servers):
        library = servers.build / "tests" / "faults.so"
        if not library.exists():
            raise Skip("the library of faults is not there: it can't be preloaded into a build with a sanitizer")
        folder = servers.fresh("faults")
        self.rules, self.log = folder / "rules", folder / "made"
        self.rules.write_text("")
        self.log.write_text("")
        self.environment = {"LD_PRELOAD": str(library), "SHOPLANE_FAULTS": str(self.rules),
                            "SHOPLANE_FAULTS_MADE": str(self.log), "SHOPLANE_FAULTS_SEED": str(SEED)}

    def set(self, *rules):
        new = self.rules.with_suffix(".new")
        new.write_text("".join(rule + "\n" for rule in rules))
        new.rename(self.rules)

    def made(self, call="", since=0):
        """How many faults were made of this call, from line `since` of the log on."""
        return sum(line.startswith(call) for line in self.log.read_text().splitlines()[since:])


class Rig:
    """A host with state, its servers, and a day that is produced part by part."""

    def __init__(self, servers, parts, program=None, config_name="shoplane.conf", sink=None, produced=0):
        self.servers, self.program = servers, program
        self.redis, self.broker = servers.redis().start(), MockBroker(servers, {TOPIC: 1})
        self.state = servers.folder / "state"
        lanes = re.sub(r'emit = "\w+"', 'emit = "0s"', shipped_lanes(config_name))
        self.config = write_config(servers.folder / "faults.conf", lanes, self.broker, self.redis, clock="event", disorder="0s",
                                   sink=sink)
        with self.config.open("a") as out:
            out.write(group("state", {"folder": setting(self.state), "interval": setting(f"{INTERVAL_MS}ms")}))
        self.day, self.parts = day_in_parts(servers, *[1 / parts] * parts)
        self.faults, self.host, self.fed = Faults(servers), None, 0
        for _ in range(produced):
            self.produce()

    def start(self, *options):
        log = self.servers.fresh("host") / "log"
        self.host = self.servers.start([self.program or self.servers.host, "run", "--config", self.config, "--report", 1, *options],
                                       log, environment=self.faults.environment)
        return self.host

    def run(self, *options):
        self.start(*options).wait_text("running with", 30)
        return self.host

    def produce(self):
        self.servers.produce(self.broker, self.parts[self.fed])
        self.fed += 1

    def messages(self):
        return sum(count(part) for part in self.parts[:self.fed])

    def so_far(self):
        """What was produced, as a file."""
        whole = self.servers.folder / "so-far"
        whole.write_bytes(b"".join(part.read_bytes() for part in self.parts[:self.fed]))
        return whole

    def features(self):
        keys = [key for key in self.redis.ask("KEYS", "*") if not key.startswith("shoplane:")]
        return {key: value for key, value in zip(keys, self.redis.ask_all([("GET", key) for key in keys])) if value is not None}

    def fresh(self, where, limit_s=15):
        """Redis has what a replay of all that was produced ends with."""
        wanted = replay(self.servers, self.config, [self.so_far()])
        values = {key: feature.value for key, feature in wanted.items()}
        end = time.monotonic() + limit_s
        while self.features() != values and time.monotonic() < end and self.host.running():
            time.sleep(0.05)
        check(self.host.running(), f"{where}: the host ended, status {self.host.child.returncode}:\n{self.host.tail()}")
        same(self.features(), wanted, where)
        return wanted

    def manifest(self):
        """(number of the checkpoint, next offset) of the one that counts; (0, 0): there is none."""
        try:
            newest = max(self.state.glob("manifest-*[0-9]"), key=lambda path: int(path.name.split("-")[1]))
            text = newest.read_text()
        except (ValueError, OSError):
            return 0, 0
        return int(re.search(r"^checkpoint (\d+)$", text, re.M)[1]), int(re.search(r"^partition 0 (\S+)", text, re.M)[1])

    def kept(self, limit_s=15):
        """Wait until a checkpoint has all that was produced."""
        wait_for(lambda: self.manifest()[1] >= self.messages(), limit_s,
                 lambda: f"a checkpoint of {self.messages()} messages, but {self.manifest()}:\n{self.host.tail(30)}")

    def more_checkpoints(self, number=2):
        since = self.manifest()[0]
        wait_for(lambda: self.manifest()[0] >= since + number, 15, lambda: f"checkpoints are made:\n{self.host.tail(30)}")

    def kill(self):
        self.host.send_signal(signal.SIGKILL)
        self.host.child.wait()

    def stop(self):
        status = self.host.end(limit_s=15)
        check(status == 0, f"the host ended with status {status}:\n{self.host.tail(30)}")

    def survive(self, where):
        """Killed: what it goes on with is right, and all of it, for Redis as it is and for an empty one."""
        self.kill()
        self.faults.set()
        self.run()
        self.fresh(f"{where}, killed")
        self.kept()
        self.kill()
        self.redis.ask("FLUSHALL")
        self.run()
        wait_for(lambda: len(self.features()) > 100, 15, lambda: f"features come back:\n{self.host.tail()}")
        self.kept()
        self.more_checkpoints(1)
        so_far = self.so_far()
        must_be_live(self.features(), replay(self.servers, self.config, [so_far]), so_far, f"{where}, Redis empty")

    def no_leaks(self, where):
        """Every segment in the folder is named by the manifest, or is being written."""
        def left():
            names = {path.name for path in (self.state / "journal").iterdir()}
            manifest = max(self.state.glob("manifest-*[0-9]"), key=lambda path: int(path.name.split("-")[1]))
            generation, named, newest = int(manifest.name.split("-")[1]), set(), {}
            lane = ""
            for line in manifest.read_text().splitlines():
                words = line.split()
                if words[0] == "lane":
                    lane = words[1]
                if words[0] == "segment":
                    named.add(f"{lane}-{int(words[1]):010}-{int(words[2]):03}-{int(words[4]):06}")
            for name in names:
                parts = name.rsplit("-", 3)
                if len(parts) == 4 and int(parts[1]) == generation:
                    owner = parts[0], parts[2]
                    newest[owner] = max(newest.get(owner, ""), name)
            return sorted(names - named - set(newest.values()))
        end = time.monotonic() + 5
        while left() and time.monotonic() < end:
            time.sleep(0.05)
        check(not left(), tell(f"{where}: segments that nobody names, and nobody deletes", left()))


# --- files that can't be written --------------------------------------------------------------------------------------

# Name, rules, the call that fails, what the log says. All end when the rules do.
ENOSPC, EIO = "No space left on device", "Input/output error"
WRITE_FAULTS = [
    ("full", ["pwrite /journal/ 0 -1 ENOSPC"], "pwrite", JOURNAL.format(why=ENOSPC)),
    ("sync", ["fdatasync /journal/product 0 2 EIO"], "fdatasync", rf"the journal of lane product can't be synced: {EIO}"),
    ("manifest_full", ["write /manifest- 0 -1 ENOSPC"], "write", f"manifest can't be written: {ENOSPC}"),
    ("segment_open", ["open /journal/ 0 -1 EMFILE", "fdatasync /journal/ 0 -1 EIO"], "open", "Too many open files"),
    ("manifest_rename", ["rename /manifest- 0 -1 EIO"], "rename", f"manifest can't be put in its place: {EIO}"),
    ("quota", ["pwrite /journal/ 1 -1 EDQUOT"], "pwrite", JOURNAL.format(why="Disk quota exceeded")),
    ("once", ["pwrite /journal/ 0 1 EIO"], "pwrite", JOURNAL.format(why=EIO)),
    ("manifest_sync", ["fsync /manifest- 0 -1 EIO"], "fsync", f"manifest can't be written: {EIO}"),
    ("manifest_open", ["open /manifest- 0 -1 EMFILE"], "open", "Too many open files"),
    ("folder_sync", ["fsync /state 0 -1 EIO"], "fsync", EIO),
    ("journal_folder_sync", ["fsync /state/journal 0 -1 EIO"], "fsync", f"folder of journals can't be synced: {EIO}"),
    ("sync_all", ["fdatasync /journal/ 0 -1 EIO"], "fdatasync", rf"the journal of lane \w+ can't be synced: {EIO}"),
    ("read_only", ["open /journal/ 0 -1 EROFS", "pwrite /journal/ 0 1 EIO", "fdatasync /journal/ 0 1 EIO",
                   "write /manifest- 0 -1 EROFS"], "write", "Read-only file system"),
    ("first_half", ["pwrite /journal/ 0 3 short 1000", "pwrite /journal/ 0 -1 ENOSPC"], "pwrite", JOURNAL.format(why=ENOSPC)),
]
# Nobody need notice these.
QUIET_FAULTS = [
    ("short", ["pwrite /journal/ 0 -1 short 100", "write /manifest- 0 -1 short 7"], "pwrite"),
    ("interrupted", ["pwrite /journal/ ~2 -1 EINTR", "write /manifest- ~2 -1 EINTR"], "pwrite"),
    ("unlink", ["unlink /journal/ 0 -1 EIO"], None),
    ("slow", ["fdatasync /journal/ ~3 -1 delay 50", "pwrite /journal/ ~3 -1 delay 20"], "fdatasync"),
]


def fail_and_heal(rig, fault, killed):
    """One fault, from its beginning to its end."""
    name, rules, call, says = fault
    before, since, made = rig.manifest(), len(rig.host.text()), rig.faults.made()
    rig.faults.set(*rules)
    rig.produce()
    wait_for(lambda: rig.faults.made(call, made), 15, lambda: f"{name}: the fault is made:\n{rig.host.tail()}")
    rig.host.wait_text(FILE_AND_REASON.format(what=says), 15, since)
    rig.fresh(f"{name}, while it fails")
    lasts = any(" -1 " in rule for rule in rules)
    if lasts:
        noted = rig.faults.made(call, made)
        wait_for(lambda: rig.faults.made(call, made) >= noted + 3 or name == "segment_open", 15, f"{name}: it is tried again")
        rig.produce()
        rig.fresh(f"{name}, while it still fails")
        after = rig.manifest()
        # Only where the folder could not be synced, the new one may be in its place.
        check(after == before or name == "folder_sync" or after[1] <= before[1] + rig.messages(), f"{name}: {before}, {after}")
        check(after == before or name == "folder_sync", f"{name}: the last good checkpoint was {before}, now it is {after}")
    told = len(re.findall("no checkpoint: ", rig.host.text()[since:]))
    check(told <= 2, f"{name}: it says so {told} times:\n{rig.host.tail(30)}")
    if killed:
        return
    rig.faults.set()
    rig.host.wait_text("checkpoints are made again", 15, since)
    rig.kept()
    rig.no_leaks(name)


def write_faults(servers):
    """Each way in which the state can't be written, one after the other on one state; killed behind each, healed or not."""
    table = WRITE_FAULTS if servers.long else WRITE_FAULTS[:5]
    rig = Rig(servers, 3 * len(table) + 2)
    rig.produce()
    rig.run()
    rig.kept()
    for number, fault in enumerate(table):
        killed = number % 3 == 2
        fail_and_heal(rig, fault, killed)
        print(f"      {fault[0]}: {rig.faults.made()} faults so far{', killed while it fails' if killed else ''}", flush=True)
        rig.survive(fault[0])
        seen = len(rig.host.text())
        rig.produce()
        rig.kept()
        check("no checkpoint" not in rig.host.text()[seen:], f"{fault[0]}: not healed:\n{rig.host.tail()}")
    rig.stop()


def quiet_faults(servers):
    """What a disk may do without that anything fails."""
    rig = Rig(servers, len(QUIET_FAULTS) + 1)
    rig.produce()
    rig.run()
    rig.kept()
    for name, rules, call in QUIET_FAULTS:
        made = rig.faults.made()
        rig.faults.set(*rules)
        rig.produce()
        rig.fresh(name)
        rig.kept()
        rig.more_checkpoints()
        check(call is None or rig.faults.made(call, made) > 0, f"{name}: no fault was made")
        check("no checkpoint" not in rig.host.text(), f"{name}: it is taken for a failure:\n{rig.host.tail()}")
        rig.survive(name)
    rig.no_leaks("quiet faults")
    rig.stop()


def full_from_the_start(servers):
    """A new folder on a full disk: the host runs, and has its first checkpoint when there is room."""
    rig = Rig(servers, 3)
    rig.faults.set("pwrite /state/ 0 -1 ENOSPC", "write /state/ 0 -1 ENOSPC")
    rig.produce()
    rig.run()
    rig.host.wait_text(FILE_AND_REASON.format(what=ENOSPC), 15)
    log_says(rig.host, rf"state/lock does not say who uses the folder.*: {ENOSPC}", "the lock's text that is not written")
    rig.fresh("full from the start")
    check(rig.manifest() == (0, 0), "there is a checkpoint on a full disk")
    rig.kill()
    rig.run()
    rig.produce()
    rig.fresh("full from the start, killed")
    rig.host.wait_text(FILE_AND_REASON.format(what=ENOSPC), 15)
    rig.faults.set()
    rig.host.wait_text("checkpoints are made again", 15)
    rig.kept()
    rig.produce()
    rig.survive("full from the start")
    rig.stop()


def folder_that_can_not_be_used(servers):
    """Refused at the start, in words, and nothing else happens."""
    rig = Rig(servers, 1)
    for rules, says in ((["mkdir /state 0 -1 EROFS"], "can't be made: Read-only file system"),
                        (["mkdir /state/journal 0 -1 ENOSPC"], f"can't be made: {ENOSPC}"),
                        (["open /state/lock 0 -1 EROFS"], '"lock" can\'t be opened: Read-only file system'),
                        (["open /state/. 0 -1 EMFILE"], "can't be listed: Too many open files"),
                        (["open /state/journal 2 -1 EIO"], f"can't be (opened|listed): {EIO}")):
        made = rig.faults.made()
        rig.faults.set(*rules)
        status = rig.start().wait(15)
        check(rig.faults.made("", made), f"{rules}: no fault was made")
        check(status == 1, f"{rules}: status {status}:\n{rig.host.tail()}")
        log_says(rig.host, rf"{says}(.|\n)*found(.|\n)*{rig.state}(.|\n)*do this", rules[0])
    rig.faults.set()
    rig.produce()
    rig.run()
    rig.kept()
    rig.stop()


def more_waits_than_may(servers):
    """So long full that the journal gives up what waits: it is written anew when there is room, and not before."""
    program = servers.build / "tests" / "shoplane_small_journal"
    rig = Rig(servers, 6, program=program)
    rig.produce()
    rig.run()
    rig.kept()
    since = len(rig.host.text())
    rig.faults.set("pwrite /journal/ 0 -1 ENOSPC")
    before = rig.manifest()
    rig.produce()
    rig.produce()
    rig.fresh("more waits than may")
    tried = rig.faults.made("pwrite")
    wait_for(lambda: rig.faults.made("pwrite") > tried + 20, 30, "it is tried again and again")
    check(rig.manifest() == before, "a checkpoint without its journal")
    files = len(list((rig.state / "journal").iterdir()))
    check(files < 20, f"{files} files in journal/: each try leaves one")
    # Room for the header and a little more: too little.
    rig.faults.set(*[f"pwrite /journal/{lane}- 3 -1 ENOSPC" for lane in ("product", "category", "cart", "orders", "session")])
    wait_for(lambda: rig.faults.made("pwrite") > tried + 40, 30, "it is tried with a little room")
    rig.produce()
    rig.fresh("more waits than may, a little room")
    files = len(list((rig.state / "journal").iterdir()))
    check(files < 20, f"{files} files in journal/: each try leaves one")
    log_says(rig.host, r"too much of it waited|written anew", "the journal that was given up")
    rig.faults.set()
    rig.host.wait_text("checkpoints are made again", 30, since)
    rig.kept()
    rig.no_leaks("more waits than may")
    rig.produce()
    rig.survive("more waits than may")
    rig.produce()
    rig.fresh("the end")
    rig.stop()


SCENARIOS = [write_faults, quiet_faults, full_from_the_start, folder_that_can_not_be_used, more_waits_than_may]

if __name__ == "__main__":
    print(f"seed {SEED} (set SEED to repeat another)", flush=True)
    random.seed(SEED)
    run_main(__doc__, SCENARIOS)
