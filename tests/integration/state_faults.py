#!/usr/bin/env python3
"""Faults below the files of the state and the sockets of Redis, and damage on the disk: said, survived, healed.

    state_faults.py BUILD_DIR [--long] [--only WORD] [--keep FOLDER]

The host runs with tests/fault/faults.c preloaded, which makes calls fail from a moment to another that the test chooses.
While it does, features must stay fresh, the log must name the file and the reason without a flood, and the last good
checkpoint must stand; afterwards checkpoints must be made again. Then the host is killed, and what it goes on to must equal
the replay, both in the Redis that was there and in one that came back empty. Every fault is asserted to have been made. The
seed of what is by chance is printed, and taken from SEED. Event clock, one partition, nothing held back by `emit`: features
at rest are the replay's.
"""

import os
import pathlib
import random
import re
import shutil
import signal
import time

from features import COUNTED_BY, of_session, replay, same, split_key, tell
from outages import count, day_in_parts, log_says, must_be_live
from servers import TOPIC, Failed, MockBroker, Skip, check, group, run_main, setting, shipped_lanes, wait_for, write_config

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
        # A value whose TTL has passed, by the events' clock, is not deleted; here it always is.
        self.lanes = re.sub(r'ttl = "\w+"', 'ttl = "30d"', re.sub(r'emit = "\w+"', 'emit = "0s"', shipped_lanes(config_name)))
        self.sink = sink
        self.config = self.configuration("faults.conf", self.redis, self.state)
        self.day, self.parts = day_in_parts(servers, 0.4, *[0.6 / (parts - 1)] * (parts - 1) if parts > 1 else [])
        self.faults, self.host, self.fed = Faults(servers), None, 0
        for _ in range(produced):
            self.produce()

    def configuration(self, name, redis, state):
        config = write_config(self.servers.folder / name, self.lanes, self.broker, redis, clock="event", disorder="0s",
                              sink=self.sink)
        with config.open("a") as out:
            out.write(group("state", {"folder": setting(state), "interval": setting(f"{INTERVAL_MS}ms")}))
        return config

    def start(self, *options):
        """With one to three workers, whatever it was before."""
        command = [self.program or self.servers.host, "run", "--config", self.config, "--report", 1,
                   "--workers", random.randint(1, 3), *options]
        self.host = self.servers.start(command, self.servers.fresh("host") / "log", environment=self.faults.environment)
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

    def fresh(self, where, limit_s=15):
        """Redis has what a replay of all that was produced ends with."""
        wanted = replay(self.servers, self.config, [self.so_far()])
        values = {key: feature.value for key, feature in wanted.items()}
        end = time.monotonic() + limit_s
        while self.redis.features() != values and time.monotonic() < end and self.host.running():
            time.sleep(0.05)
        check(self.host.running(), f"{where}: the host ended, status {self.host.child.returncode}:\n{self.host.tail()}")
        same(self.redis.features(), wanted, where)
        return wanted

    def manifest(self):
        """(number of the checkpoint, next offset) of the one that counts; (0, 0): there is none."""
        try:
            newest = max(self.state.glob("manifest-*[0-9]"), key=lambda path: int(path.name.split("-")[1]))
            text = newest.read_text()
        except (ValueError, OSError):
            return 0, 0
        found = re.search(r"^checkpoint (\d+)$(?:.|\n)*^partition 0 (\d+)", text, re.M)
        return (int(found[1]), int(found[2])) if found else (0, 0)

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
        folder = self.servers.fresh("copy")
        shutil.copytree(self.state, folder / "state", ignore=shutil.ignore_patterns("control"))  # no socket
        self.run()
        wanted = self.fresh(f"{where}, killed")
        self.for_an_empty_redis(folder, wanted, where)

    def for_an_empty_redis(self, folder, wanted, where):
        """What is in Redis now is of the state alone, and of what came after its last checkpoint."""
        redis = self.servers.redis().start()
        config = self.configuration(f"{folder.name}.conf", redis, folder / "state")
        host = self.servers.run(config, "--report", 1)
        so_far, limit = self.so_far(), time.monotonic() + 15
        while True:
            try:
                must_be_live(redis.features(), wanted, so_far, f"{where}, Redis empty")
                break
            except Failed:
                if time.monotonic() > limit or not host.running():
                    raise
                time.sleep(0.1)
        host.kill()
        redis.kill()

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
            names = {name for name in names if re.fullmatch(r"\w+-\d{10}-\d{3}-\d{6}", name)}
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
                   "write /manifest- 0 -1 EROFS"], "open", "Read-only file system"),
    ("first_half", ["pwrite /journal/ 0 1 short 100", "pwrite /journal/ 0 -1 ENOSPC"], "pwrite", JOURNAL.format(why=ENOSPC)),
]
# Nobody need notice these.
QUIET_FAULTS = [
    ("short", ["pwrite /journal/ 0 -1 short 100", "write /manifest- 0 -1 short 7"], "pwrite"),
    ("interrupted", ["pwrite /journal/ 0 1 EINTR", "pwrite /journal/ ~2 -1 EINTR", "write /manifest- ~2 -1 EINTR"], "pwrite"),
    ("unlink", ["unlink /journal/ 0 -1 EIO"], None),
    ("slow", ["fdatasync /journal/ 0 1 delay 50", "fdatasync /journal/ ~3 -1 delay 50", "pwrite /journal/ ~3 -1 delay 20"],
     "fdatasync"),
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
        # One of the same messages may have come before the rules did. Where only the folder could not be synced, the new
        # one may be in its place.
        check(after[1] == before[1] or name == "folder_sync",
              f"{name}: the last good checkpoint was {before}, now it is {after}")
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


def files_that_can_not_be_deleted(servers):
    """What is not needed any more stays as long as it must, and no longer."""
    rig = Rig(servers, 3)
    rig.produce()
    rig.run()
    rig.kept()
    before = {path.name for path in (rig.state / "journal").iterdir()}
    rig.faults.set("fdatasync /journal/ 0 -1 EIO", "unlink /journal/ 0 -1 EIO")
    rig.produce()
    rig.host.wait_text("no checkpoint: the journal of lane", 15)
    rig.faults.set("unlink /journal/ 0 -1 EIO")
    rig.kept()
    rig.more_checkpoints()
    check(rig.faults.made("unlink") > 3, "nothing was to be deleted")
    check(before & {path.name for path in (rig.state / "journal").iterdir()}, "the files were deleted all the same")
    rig.faults.set()
    rig.no_leaks("files that could not be deleted")
    rig.produce()
    rig.survive("files that could not be deleted")
    rig.stop()


def stopped_while_it_fails(servers):
    """Told to stop on a full disk: it says that the last checkpoint could not be made, and nothing of it is lost."""
    rig = Rig(servers, 3)
    rig.produce()
    rig.run()
    rig.kept()
    before = rig.manifest()
    rig.faults.set("pwrite /journal/ 0 -1 ENOSPC")
    rig.produce()
    rig.fresh("a full disk")
    status = rig.host.end(limit_s=15)
    check(status == 1, f"status {status} without its last checkpoint:\n{rig.host.tail()}")
    log_says(rig.host, FILE_AND_REASON.format(what=JOURNAL.format(why=ENOSPC)), "the checkpoint that was not made")
    check(rig.manifest()[1] == before[1], "the last good checkpoint does not stand")
    rig.run()
    rig.faults.set()
    rig.fresh("started again")
    rig.kept()
    rig.produce()
    rig.survive("stopped while it failed")
    rig.stop()


def values_that_went_while_nothing_was_written(servers):
    """Redis is ahead of the state, and there is more to read: a value that Redis had, and that left its window behind the
    fence but in the same batch, is deleted all the same."""
    rig = Rig(servers, 3)
    rig.produce()
    rig.run()
    rig.kept()
    rig.faults.set("pwrite /journal/ 0 -1 ENOSPC")
    rig.produce()
    rig.fresh("a full disk")
    rig.kill()
    rig.produce()
    rig.faults.set()
    rig.run()
    rig.fresh("started again")
    rig.kept()
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
    rig.fresh("full from the start, killed")
    rig.produce()
    rig.host.wait_text(FILE_AND_REASON.format(what=ENOSPC), 15)
    rig.faults.set()
    rig.host.wait_text("checkpoints are made again", 15)
    rig.kept()
    rig.produce()
    rig.survive("full from the start")
    rig.stop()


def no_manifest_from_the_start(servers):
    """In a new folder no segment is made before there is a manifest: what is left, killed or stopped, is a new folder again."""
    rig = Rig(servers, 3)
    rig.faults.set("write /manifest- 0 -1 ENOSPC")
    for end, status in ((rig.kill, -signal.SIGKILL), (lambda: rig.host.end(limit_s=15), 1)):
        rig.run()
        rig.produce()
        rig.host.wait_text(FILE_AND_REASON.format(what=f"checkpoint 0 is not stored: .*{ENOSPC}"), 15)
        rig.fresh("no manifest from the start")
        end()
        check(rig.host.child.returncode == status, f"status {rig.host.child.returncode}, must be {status}:\n{rig.host.tail()}")
        check(not list((rig.state / "journal").iterdir()), "there are segments without a manifest")
    rig.faults.set()
    rig.run()
    log_says(rig.host, f"state folder {rig.state} is new", "a folder without anything")
    check(rig.manifest() == (0, 0) and list(rig.state.glob("manifest-*")), "the first manifest is not there before the first message")
    rig.produce()
    rig.kept()
    rig.survive("no manifest from the start")
    rig.stop()


def folder_that_can_not_be_used(servers):
    """Refused at the start, in words, and nothing else happens."""
    rig = Rig(servers, 1)
    for rules, says in ((["mkdir /state 0 -1 EROFS"], "can't be made: Read-only file system"),
                        (["mkdir /state/journal 0 -1 ENOSPC"], f"can't be made: {ENOSPC}"),
                        (["open /state/lock 0 -1 EROFS"], '"lock" can\'t be opened: Read-only file system'),
                        (["open /state/. 0 -1 EMFILE"], "can't be listed: Too many open files"),
                        (["open /state/journal 1 -1 EIO"], f"can't be (opened|listed): {EIO}")):
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
    program = servers.build / "shoplane_small_journal"
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
    check(rig.manifest()[1] == before[1], "a checkpoint without its journal")
    files = len(list((rig.state / "journal").iterdir()))
    check(files < 20, f"{files} files in journal/: each try leaves one")
    # Room for the header and a little more: too little.
    rig.faults.set("pwrite /journal/ 0 -1 large 1000")
    tried = rig.faults.made("pwrite")
    wait_for(lambda: rig.faults.made("pwrite") > tried + 8, 30, "it is tried with a little room")
    rig.produce()
    rig.fresh("more waits than may, a little room")
    files = len(list((rig.state / "journal").iterdir()))
    check(files < 20, f"{files} files in journal/: each try leaves one")
    log_says(rig.host, r"journal \w+-\d+-\d+-\d+: \d+ bytes wait for the disk, more than may: what came is written anew",
             "what is given up")
    rig.faults.set()
    rig.host.wait_text("checkpoints are made again", 30, since)
    rig.kept()
    rig.no_leaks("more waits than may")
    rig.produce()
    rig.survive("more waits than may")
    rig.produce()
    rig.fresh("the end")
    rig.stop()


# --- damage between two runs ------------------------------------------------------------------------------------------

def named_segments(rig):
    """(lane, path, bytes that count) of what the manifest names."""
    newest = max(rig.state.glob("manifest-*[0-9]"), key=lambda path: int(path.name.split("-")[1]))
    lane, segments = "", []
    for words in map(str.split, newest.read_text().splitlines()):
        if words[0] == "lane":
            lane = words[1]
        if words[0] == "segment":
            name = f"{lane}-{int(words[1]):010}-{int(words[2]):03}-{int(words[4]):06}"
            segments.append((lane, rig.state / "journal" / name, int(words[5])))
    check(segments, f"{newest} names no segment")
    return segments


def some_segment(rig):
    return random.choice([segment for segment in named_segments(rig) if segment[2] > 2000])


def flip(path, offset):
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << random.randrange(8)
    path.write_bytes(data)
    return f"bit flipped at byte {offset} of {path.name}"


def flipped_block(rig):
    lane, path, size = some_segment(rig)
    offset = random.randrange(size // 2, size)
    return lane, flip(path, offset), rf"a block of it is damaged.*journal {path.name} at byte \d+ of \d+"


def flipped_anywhere(rig):
    lane, path, size = some_segment(rig)
    return lane, flip(path, random.randrange(size)), rf"journal {path.name}( at byte \d+ of \d+)?"


def flipped_header(rig):
    lane, path, _ = some_segment(rig)
    return lane, flip(path, random.randrange(16, 200)), rf"header.*journal {path.name} at byte 0 of \d+"


def truncated(rig):
    lane, path, size = some_segment(rig)
    cut = random.randrange(size // 2, size)
    os.truncate(path, cut)
    return lane, f"{path.name} cut at byte {cut}", rf"journal {path.name} ends at byte {cut} of {size}"


def truncated_to_nothing(rig):
    lane, path, _ = some_segment(rig)
    os.truncate(path, 0)
    return lane, f"{path.name} emptied", rf"header.*journal {path.name} at byte 0 of 0"


def missing(rig):
    lane, path, _ = some_segment(rig)
    path.unlink()
    return lane, f"{path.name} deleted", rf"it is missing.*journal {path.name}"


def foreign(rig):
    lane, path, size = some_segment(rig)
    path.write_bytes(random.randbytes(size))
    return lane, f"{path.name} is noise", rf"not a segment of Shoplane's journal.*journal {path.name} at byte 0 of {size}"


def of_another(rig):
    lane, path, size = some_segment(rig)
    other = random.choice([segment for segment in named_segments(rig) if segment[0] != lane])
    path.write_bytes(other[1].read_bytes())
    return (lane, f"{path.name} is a copy of {other[1].name}",
            rf"it is another one by its header: {other[1].name}.*{path.name} at byte 0")


def newer_version(rig):
    lane, path, _ = some_segment(rig)
    data = bytearray(path.read_bytes())
    data[8] = 2
    path.write_bytes(data)
    return lane, f"{path.name} of version 2", rf"it is of a newer version: 2.*journal {path.name} at byte 0"


DAMAGES = [flipped_block, missing, truncated, newer_version, flipped_header, foreign, of_another, truncated_to_nothing,
           *[flipped_anywhere] * 6]


def damage_that_kafka_makes_good(servers):
    """Each kind of damage: named, the rest used, the lane filled again, and nothing of it left for the next start."""
    table = DAMAGES if servers.long else DAMAGES[:4]
    rig = Rig(servers, len(table) + 2)
    rig.produce()
    rig.run()
    rig.kept()
    for damage in table:
        rig.produce()
        rig.kept()
        rig.more_checkpoints(1)
        rig.kill()
        (rig.state / "journal" / "notes.txt").write_text("of somebody else")
        lane, what, says = damage(rig)
        print(f"      {what}", flush=True)
        folder = rig.servers.fresh("copy")
        shutil.copytree(rig.state, folder / "state", ignore=shutil.ignore_patterns("control"))
        rig.run()
        rig.host.wait_text(rf"error: .*({says})", 15)
        rig.host.wait_text(rf"filling {lane} from the topic's past", 15)
        wanted = rig.fresh(what)
        rig.host.wait_text(rf"{lane}: full after", 15)
        check(re.search(r"state: [1-9]\d* records", rig.host.text()), f"{what}: nothing of the state was used")
        rig.for_an_empty_redis(folder, wanted, what)
        rig.more_checkpoints(3)
        rig.kill()
        rig.run()
        rig.fresh(f"{what}, started once more")
        rig.more_checkpoints(1)
        check(not re.search(r"error: |filling ", rig.host.text()),
              f"{what}: not healed by the next start:\n{rig.host.tail(30)}")
        check((rig.state / "journal" / "notes.txt").exists(), "a file of somebody else was deleted")
        rig.no_leaks(what)
    rig.stop()


def folder_bytes(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(rig, what, *says):
    """The start is refused with the choices, and the state is as it was."""
    before = folder_bytes(rig.state)
    status = rig.start().wait(20)
    check(status == 1, f"{what}: status {status}, must be 1:\n{rig.host.tail(30)}")
    for word in (*says, "--accept-loss"):
        log_says(rig.host, word, what)
    after = folder_bytes(rig.state)
    differ = [name for name, data in before.items() if name not in ("lock", "running", "set", "set.new") and after.get(name) != data]
    check(not differ, tell(f"{what}: refused, and yet changed or deleted", differ))


def go_on_with_loss(rig, what):
    rig.run("--accept-loss")
    wait_for(lambda: rig.manifest()[1] >= rig.messages(), 20, lambda: f"{what}: it goes on:\n{rig.host.tail(30)}")
    rig.more_checkpoints(3)


def damage_that_kafka_can_not_make_good(servers):
    """Events of the damaged records are gone from Kafka: refused, and gone on with when that is accepted; once."""
    rig = Rig(servers, 2)
    rig.produce()
    rig.run("--workers", 2)
    rig.kept()
    rig.kill()
    segments = [segment for segment in named_segments(rig) if segment[0] == "product" and segment[1].name[-10:-7] == "001"]
    lane, path, size = segments[-1]
    flip(path, size - 40)
    rig.produce()
    rig.parts.append(rig.parts[1])
    rig.produce() # copies, which change nothing but what the broker has room for
    refused(rig, "beyond retention", rf"records of lane {lane} are damaged, and Kafka does not have all of their events",
            rf"journal {path.name} at byte \d+ of \d+: .*damaged", r"goes back \d+\.\d h less",
            "entries with records of .* to ")
    go_on_with_loss(rig, "beyond retention")
    wanted = replay(servers, rig.config, [rig.so_far()])
    found = rig.redis.features()
    damaged = {key for key in wanted if not of_session(key) and split_key(key)[1] in COUNTED_BY["product_view_count"]}
    same({key: value for key, value in found.items() if key not in damaged},
         {key: value for key, value in wanted.items() if key not in damaged}, "lanes that are whole")
    right_ones = sum(found.get(key) == wanted[key].value for key in damaged)
    print(f"      {right_ones} of {len(damaged)} features of the damaged lane are right all the same", flush=True)
    check(right_ones > len(damaged) / 2, "what is whole of the damaged lane is not used")
    rig.kill()
    rig.run()
    rig.more_checkpoints(2)
    check(not re.search("error: ", rig.host.text()), f"the loss was accepted, and is there again:\n{rig.host.tail(30)}")
    rig.stop()


def damage_while_the_broker_is_away(servers):
    """Checkpoints are made before the lane could be filled again, and it is killed: what was whole is still there, and the
    rest is filled by the next start."""
    rig = Rig(servers, 3)
    rig.produce()
    rig.run()
    rig.kept()
    rig.kill()
    lane, path, size = some_segment(rig)
    flip(path, size - 20)
    rig.faults.set("pread /journal/ 0 -1 delay 100")
    rig.run()
    rig.broker.pause()
    rig.faults.set()
    damage = rf"error: .*journal {path.name} at byte \d+"
    rig.host.wait_text(damage, 15)
    rig.more_checkpoints(3)
    check("full after" not in rig.host.text(), f"it was filled before the broker was away:\n{rig.host.tail()}")
    rig.kill()
    rig.broker.go_on()
    folder = servers.fresh("copy")
    shutil.copytree(rig.state, folder / "state", ignore=shutil.ignore_patterns("control"))
    rig.run()
    rig.host.wait_text(damage, 15)
    rig.host.wait_text(rf"{lane}: full after", 15)
    wanted = rig.fresh("the broker was away")
    rig.for_an_empty_redis(folder, wanted, "the broker was away")
    rig.more_checkpoints(3)
    rig.produce()
    rig.survive("the broker was away")
    check(not re.search("error: ", rig.host.text()), f"not healed:\n{rig.host.tail(30)}")
    rig.stop()


def files_that_can_not_be_read(servers):
    """A manifest: refused. A segment: as if it were damaged, for as long as that lasts."""
    rig = Rig(servers, 3)
    rig.produce()
    rig.run()
    rig.kept()
    rig.kill()
    rig.faults.set("read /manifest- 0 -1 EIO")
    refused(rig, "a manifest that can't be read", rf"manifest can't be read: {EIO}(.|\n)*found(.|\n)*/manifest-1")
    rig.faults.set("open /journal/session 0 -1 EMFILE", "pread /journal/product 1 -1 EIO")
    rig.run()
    rig.host.wait_text(rf"error: .*{EIO}.*journal product-\d+-\d+-\d+ at byte \d+", 15)
    rig.host.wait_text(r"error: it can't be opened: Too many open files; found: journal session-\d+-\d+-\d+", 15)
    rig.host.wait_text("full after", 15)
    rig.faults.set()
    rig.produce()
    rig.fresh("files that can't be read")
    rig.kept()
    rig.more_checkpoints(3)
    rig.produce()
    rig.survive("files that can't be read")
    check(not re.search("error: ", rig.host.text()), f"not healed:\n{rig.host.tail(30)}")
    rig.stop()


def manifests(servers):
    """A damaged manifest is passed over for an older one; where there is none, and where it is newer than we are, refused."""
    rig = Rig(servers, 3)
    rig.produce()
    rig.run()
    rig.kept()
    rig.more_checkpoints(1)
    rig.kill()
    newest = max(rig.state.glob("manifest-*[0-9]"), key=lambda path: int(path.name.split("-")[1]))
    good = newest.read_text()
    for what, text, says in (
            ("flipped", good.replace("partition 0 ", "partition 0 1", 1), rf"{newest.name}:\d+"),
            ("cut", good[:len(good) // 2], rf"{newest.name}:\d+"),
            ("empty", "", rf"{newest.name}"),
            ("newer", good.replace("shoplane state 1", "shoplane state 2", 1), rf"newer version than 1(.|\n)*{newest.name}:1")):
        newest.write_text(text)
        refused(rig, f"manifest {what}", says, "all windows begin anew")
    # An older one beside it.
    newest.write_text(good)
    broken = newest.with_name(f"manifest-{int(newest.name.split('-')[1]) + 1}")
    broken.write_text(good[:100])
    rig.produce()
    rig.run()
    log_says(rig.host, rf"error: .*{broken.name}:\d+.*generation \d+, checkpoint \d+, is used instead", "the damaged manifest")
    rig.fresh("an older manifest")
    rig.kept()
    # None at all: what is there is no new folder, and stays.
    rig.kill()
    good = {path: path.read_text() for path in rig.state.glob("manifest-*")}
    journals = sorted(path.name for path in (rig.state / "journal").iterdir())
    for path in good:
        path.unlink()
    refused(rig, "the manifest is gone", "the manifest of the state is gone", r"\d+ files in journal/", "all windows begin anew")
    check(sorted(path.name for path in (rig.state / "journal").iterdir()) == journals, "a refused start has touched the journals")
    for path, text in good.items():
        path.write_text(text)
    rig.run()
    rig.fresh("the manifest is back")
    # None that is good, and that is accepted.
    rig.kill()
    for path in rig.state.glob("manifest-*"):
        path.write_text("noise")
    rig.produce()
    refused(rig, "no manifest")
    rig.redis.ask("FLUSHALL")
    rig.run("--accept-loss")
    log_says(rig.host, "its loss was accepted: starting without it", "the loss")
    rig.fresh("without state, from the topic's beginning")
    rig.kept()
    rig.stop()


def topic_made_anew(servers):
    """Positions that mean nothing any more: refused, and gone on with what there is."""
    rig = Rig(servers, 3)
    rig.produce()
    rig.run()
    rig.kept()
    rig.kill()
    rig.broker.end()
    rig.broker = MockBroker(servers, {TOPIC: 1})
    rig.config = rig.configuration("anew.conf", rig.redis, rig.state)
    rig.parts[0] = servers.folder / "none"
    rig.parts[0].write_text("")
    rig.parts.insert(1, servers.folder / "few")
    rig.parts[1].write_bytes(b"".join(line + b"\n" for line in rig.parts[2].read_bytes().split(b"\n")[:50]))
    rig.produce()
    refused(rig, "a topic made anew", rf"{TOPIC}", r"partition 0")
    go_on_with_loss(rig, "a topic made anew")
    rig.stop()


# --- sockets of Redis -------------------------------------------------------------------------------------------------

# What is by chance may by chance not be: one of each kind is certain.
SOCKET_FAULTS = [
    ("cut in replies", ["recv redis.sock 0 1 cut 7", "recv redis.sock ~15 -1 cut 7"], "recv"),
    ("cut in commands", ["send redis.sock 0 1 cut 100", "send redis.sock ~3 -1 cut 100"], "send"),
    ("pieces", ["recv redis.sock ~2 -1 short 3", "send redis.sock ~2 -1 short 1000", "recv redis.sock ~9 -1 EINTR",
                "send redis.sock ~9 -1 EINTR"], "recv"),
    ("all of it", ["recv redis.sock 0 1 cut 3", "recv redis.sock ~90 -1 ECONNRESET", "send redis.sock ~90 -1 EPIPE",
                   "recv redis.sock ~50 -1 cut 5",
                   "send redis.sock ~50 -1 cut 33", "connect redis.sock ~3 -1 ECONNREFUSED", "recv redis.sock ~40 -1 delay 60",
                   "send redis.sock ~40 -1 delay 30", "recv redis.sock ~3 -1 short 11"], "recv"),
    ("nobody there", ["connect redis.sock 0 -1 ECONNREFUSED", "send redis.sock 0 1 ECONNRESET"], "send"),
]


def socket_faults(servers):
    """Connections that break anywhere, by chance: nothing lost, nothing older over newer, and killed in the middle of it."""
    rounds = 4 if servers.long else 1
    rig = Rig(servers, 2 * rounds * len(SOCKET_FAULTS) + 1)
    rig.produce()
    rig.run()
    rig.kept()
    for number, (name, rules, call) in enumerate(SOCKET_FAULTS * rounds):
        made = rig.faults.made()
        rig.faults.set(*rules)
        rig.produce()
        wait_for(lambda: rig.faults.made(call, made) > 0, 20, lambda: f"{name}: faults are made:\n{rig.host.tail()}")
        if name == "nobody there":
            rig.kept() # an outage of Redis holds no checkpoint up
        else:
            rig.fresh(f"{name}, meanwhile", 30)
        print(f"      {name}: {rig.faults.made('', made)} faults", flush=True)
        if number % 2 == 1:
            rig.kill()
            rig.run()
        rig.faults.set()
        rig.fresh(f"{name}, over", 20)
        rig.produce()
        rig.fresh(name, 20)
    rig.survive("socket faults")
    rig.stop()


def redis_refuses(servers):
    """A server that answers and does not take: out of memory, a replica, too few replicas."""
    rig = Rig(servers, 10)
    rig.produce()
    rig.run()
    rig.fresh("before")
    rig.kept()
    for name, refuse, heal, says in (
            ("out of memory", ["CONFIG SET maxmemory 1"], ["CONFIG SET maxmemory 0"], "OOM"),
            ("replica", ["REPLICAOF 127.0.0.1 1"], ["REPLICAOF NO ONE"], "READONLY"),
            ("few replicas", ["CONFIG SET min-replicas-to-write 1"], ["CONFIG SET min-replicas-to-write 0"], "NOREPLICAS")):
        since = len(rig.host.text())
        for command in refuse:
            rig.redis.ask(*command.split())
        rig.produce()
        rig.host.wait_text(says, 15, since)
        rig.kept() # state goes on
        told = len(re.findall(says, rig.host.text()[since:]))
        check(told <= 8, f"{name}: it says so {told} times:\n{rig.host.tail(30)}")
        rig.produce()
        rig.kill()
        rig.run()
        rig.kept()
        for command in heal:
            rig.redis.ask(*command.split())
        rig.fresh(name, 30)
        rig.produce()
        rig.fresh(f"{name}, over", 20)
    rig.survive("refusals of Redis")
    rig.stop()


SCENARIOS = [write_faults, quiet_faults, files_that_can_not_be_deleted, stopped_while_it_fails,
             values_that_went_while_nothing_was_written, full_from_the_start, no_manifest_from_the_start,
             folder_that_can_not_be_used, more_waits_than_may, damage_that_kafka_makes_good,
             damage_that_kafka_can_not_make_good, damage_while_the_broker_is_away, files_that_can_not_be_read, manifests,
             topic_made_anew, socket_faults, redis_refuses]

if __name__ == "__main__":
    print(f"seed {SEED} (set SEED to repeat another)", flush=True)
    random.seed(SEED)
    run_main(__doc__, SCENARIOS)
