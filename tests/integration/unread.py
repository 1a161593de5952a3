#!/usr/bin/env python3
"""Standard error that nobody reads: the host goes on, reloads, stops by itself and gives its lease up; what is missing is counted.

    unread.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import fcntl
import json
import os
import pathlib
import re
import signal
import socket
import subprocess

from live import event, product_lane
from servers import TOPIC, MockBroker, _with_parent, check, run_main, setting, wait_for, write_config

LEASE = f"shoplane:{{{TOPIC}}}:lease"


class Unread:
    """A host whose standard error is a pipe, or a socket, that is full from the beginning."""

    def __init__(self, servers, config, with_socket=False):
        if with_socket:
            ours, its = socket.socketpair()
            self.reading, writing = ours.detach(), its.detach()
        else:
            self.reading, writing = os.pipe()
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        os.set_blocking(writing, False)
        try:
            while os.write(writing, b"x" * 4095 + b"\n"):
                pass
        except BlockingIOError:
            os.set_blocking(writing, True)  # as it is given to others
        self.text = b""
        # pylint: disable-next=consider-using-with
        self.child = subprocess.Popen([servers.host, "run", "--config", config, "--report", "1"], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=writing, preexec_fn=_with_parent)
        os.close(writing)

    def read(self):
        """All that can be read now."""
        os.set_blocking(self.reading, False)
        try:
            while piece := os.read(self.reading, 1 << 16):
                self.text += piece
        except BlockingIOError:
            pass
        return self.text.replace(b"x" * 4095 + b"\n", b"").decode(errors="replace")


def set_up(servers, **unread):
    """(Redis, producer, configuration, the host); letters go to standard error too."""
    redis, broker = servers.redis().start(), MockBroker(servers, {TOPIC: 1})
    config = write_config(servers.folder / "unread.conf", f"lanes = ( {product_lane('1h', '0s', '1h')} );\n", broker, redis)
    text = re.sub(r"^dead_letters:.*\n", "", config.read_text(), flags=re.M)
    config.write_text(text + f"state: {{ folder = {setting(servers.folder / 'state')}; interval = \"200ms\"; fsync = \"never\"; }};\n")
    return redis, servers.producer(broker), config, Unread(servers, config, **unread)


def works(redis, producer, host, user):
    """Events are taken, bad ones between them too, more than are kept of their letters."""
    producer.send(*("not an event " + "." * 1000 for _ in range(400)), event("product_view", user, product="1"))
    wait_for(lambda: redis.get(f"user:{user}:product_view_count_w") == "1" or host.child.poll() is not None, 20,
             f"{user}'s event arrives")
    check(host.child.poll() is None, f"the host has ended, status {host.child.poll()}")


def ends(redis, host):
    """By itself, told once; and the lease is free. (Status 1: letters were lost.)"""
    check(redis.get(LEASE), "the host has a lease")
    host.child.send_signal(signal.SIGTERM)
    wait_for(lambda: host.child.poll() is not None, 20, "the host ends")
    check(host.child.returncode == 1, f"status {host.child.returncode}")
    check(redis.get(LEASE) is None, f"the lease is still {redis.get(LEASE)}")


def a_full_pipe_stops_nothing(servers):
    redis, producer, config, host = set_up(servers)
    try:
        works(redis, producer, host, "ann")
        started = _start_of(host.child.pid)
        config.write_text(config.read_text().replace('emit = "0s"', 'emit = "100ms"'))
        host.child.send_signal(signal.SIGHUP)  # checked, restarted
        wait_for(lambda: len(list((servers.folder / "state" / "sets").glob("*"))) > 1, 20, "another set is tried")
        works(redis, producer, host, "bea")
        check(_start_of(host.child.pid) == started, "it is the same process")
        ends(redis, host)
    finally:
        host.child.kill()


def a_full_socket_stops_nothing(servers):
    """As a system's journal gives one."""
    redis, producer, _, host = set_up(servers, with_socket=True)
    try:
        works(redis, producer, host, "ann")
        ends(redis, host)
    finally:
        host.child.kill()


def what_is_missing_is_counted(servers):
    """The reader comes back: it gets what was kept, in order, then how many lines are missing, then what comes now."""
    redis, producer, _, host = set_up(servers)
    try:
        works(redis, producer, host, "ann")
        found = wait_for(lambda: re.search(r"warning: (\d+) lines are missing here", host.read()), 20, "the gap is said")
        text = host.read()
        check("acquired, epoch" in text[:found.start()], f"the first lines were kept:\n{text[:2000]}")
        letters = text.count('"payload":"not an event ')
        check(0 < letters < 400 and int(found[1]) >= 400 - letters,
              f"{letters} of 400 letters came, {found[1]} lines are missing")
        producer.send("not an event: the last")
        wait_for(lambda: "not an event: the last" in host.read(), 20, "lines come again")
        host.child.send_signal(signal.SIGTERM)
        wait_for(lambda: host.read() and host.child.poll() is not None, 20, "the host ends")
        lost = re.search(r"LOST +(\d+) dead letters", host.read())
        check(lost and int(lost[1]) == 400 - letters, f"{letters} of 400 letters came, and it says {lost}")
    finally:
        host.child.kill()


def a_closed_standard_error_is_no_files(servers):
    """What is opened next would get its number, and the lines of the log."""
    lines, letters = servers.folder / "lines.tsv", servers.folder / "letters.jsonl"
    lines.write_text("not an event\n")
    config = write_config(servers.folder / "closed.conf", f"lanes = ( {product_lane('1h', '0s', '1h')} );\n",
                          MockBroker(servers, {TOPIC: 1}), servers.redis())
    servers.command(["sh", "-c", 'exec "$0" "$@" 2>&- <&-', servers.host, "replay", "--config", config, "--sink", "null", "--dead-letters",
                     letters, lines])
    found = letters.read_text().splitlines()
    check(len(found) == 1 and json.loads(found[0]), f"the file of dead letters holds\n{letters.read_text()}")


def _start_of(process):
    """When it was started, in ticks: execve leaves that as it is."""
    return pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19]


if __name__ == "__main__":
    run_main(__doc__, [a_full_pipe_stops_nothing, a_full_socket_stops_nothing, what_is_missing_is_counted,
                       a_closed_standard_error_is_no_files])
