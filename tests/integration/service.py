#!/usr/bin/env python3
"""Under systemd: what it is told, and the unit that is installed.

    service.py BUILD_DIR [--only WORD] [--keep FOLDER]
"""

import re
import select
import shutil
import signal
import socket
import subprocess
import time

from crash import Crashing, crash_view
from reload import Shop, says, users
from servers import check, run_main

WATCHDOG_S = 3


class Systemd:
    """The socket that the host tells things on."""

    def __init__(self, servers, abstract=False):
        path = servers.folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(f"\0{path}" if abstract else str(path))
        self.environment = {"NOTIFY_SOCKET": f"@{path}" if abstract else str(path), "WATCHDOG_USEC": str(WATCHDOG_S * 1_000_000)}

    def hear(self, limit_s):
        """The next message; None: nothing came."""
        ready, _, _ = select.select([self.socket], [], [], limit_s)
        return self.socket.recv(4096).decode() if ready else None

    def wait(self, pattern, limit_s=20):
        end = time.monotonic() + limit_s
        while (left := end - time.monotonic()) > 0:
            heard = self.hear(left)
            if heard is not None and re.search(pattern, heard):
                return heard
        check(False, f"nothing tells systemd \"{pattern}\"")
        return None


def told(servers):
    """Ready, alive, reloading and ready again as the same process, stopping."""
    systemd, shop = Systemd(servers), Shop(servers)
    shop.environment = systemd.environment
    host = shop.start()
    systemd.wait("^READY=1\nSTATUS=running$")
    systemd.wait("^WATCHDOG=1$")
    shop.send(users(5))
    shop.probe_is("user1", 1)
    shop.good()
    systemd.wait("^WATCHDOG=1$")
    pid = host.child.pid
    host.send_signal(signal.SIGHUP)
    systemd.wait(r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
    systemd.wait("^READY=1")
    systemd.wait("^WATCHDOG=1$")
    check(host.running() and host.child.pid == pid, "it is the same process")
    host.send_signal(signal.SIGTERM)
    systemd.wait("^STOPPING=1$")
    check(host.wait(20) == 0, "status 0")


def told_by_who_stands_by(servers):
    """Who stands by is ready, on a socket that is no file."""
    systemd, shop = Systemd(servers, abstract=True), Shop(servers)
    shop.start()
    second = servers.start([servers.host, "run", "--config", shop.config], servers.fresh("host") / "log", environment=systemd.environment)
    systemd.wait("^READY=1\nSTATUS=standing by$")
    systemd.wait("^WATCHDOG=1$")
    shop.host.kill()
    systemd.wait("^READY=1\nSTATUS=running$")
    check(second.end(limit_s=20) == 0, "status 0")


def not_alive(servers):
    """A host that hangs in a plugin is alive as a process only: systemd hears nothing more."""
    systemd, shop = Systemd(servers), Crashing(servers, "-DCRASHES", "-DBY=10", more='limits: { plugin_call = "1h"; };\n')
    shop.environment = systemd.environment
    host = shop.begin()
    crash_view(shop, "user2")
    host.wait_text("the call has not come back for 5 s", 20)
    while systemd.hear(0) is not None:
        pass
    heard = systemd.hear(WATCHDOG_S)
    check(heard is None, f"it says it is alive: {heard}")
    host.kill()


def unit(servers):
    """Installed with the paths of its prefix; systemd takes it, and finds it well fenced."""
    prefix = servers.folder / "prefix"
    servers.command(["cmake", "--install", servers.build, "--prefix", prefix])
    path = prefix / "lib" / "systemd" / "system" / "shoplane.service"
    text = path.read_text()
    says(text, f"ExecStart={prefix}/bin/shoplane run --config {prefix}/etc/shoplane/shoplane.conf", "the unit")
    for line in ("Restart=always", "Type=notify", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=shoplane"):
        check(line in text.splitlines(), f"the unit lacks {line}")
    check("@" not in re.sub("@system-service|@privileged", "", text), "a path was not filled in")
    (servers.folder / "install_manifest.txt").unlink(missing_ok=True)
    if shutil.which("systemd-analyze") is None:
        print("      no systemd-analyze on this machine: what it says of the unit was not looked at", flush=True)
        return
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, timeout=60, check=False)
    complaints = [line for line in done.stderr.splitlines() if "shoplane" in line]
    check(done.returncode == 0 and not complaints, f"verify: {done.returncode}\n{done.stdout}{done.stderr}")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", path], capture_output=True,
                          text=True, timeout=60, check=False)
    said = done.stdout.splitlines()[-1:] + done.stderr.splitlines()
    check(done.returncode == 0, f"security: {said}")
    print(f"      {said[0]}", flush=True)


if __name__ == "__main__":
    run_main(__doc__, [told, told_by_who_stands_by, not_alive, unit])
