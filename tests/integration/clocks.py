#!/usr/bin/env python3
"""Wrong clocks move nobody: of one event, of this machine, of a state that a former version wrote.

    clocks.py BUILD_DIR [--only WORD] [--keep FOLDER]

The live clock, and windows of five minutes: were the clock minutes ahead for a moment, they would be empty, and stay so. Messages
carry the Kafka timestamps of the moment at which they are sent. The wall clock of the host is made wrong by a library that is
preloaded (tests/fault/wall_clock.c).
"""

import struct
import time

from live import event, product_lane
from servers import TOPIC, MockBroker, Skip, check, run_main, wait_for, write_config

MINUTE_S, HOUR_S = 60, 3600
KEY = "user:ann:product_view_count_w"


class Shop:
    """A host with state whose wall clock can be set, and ann, who views a product now and then."""

    def __init__(self, servers, partitions):
        self.servers, self.partitions, self.views = servers, partitions, 0
        self.redis, self.broker = servers.redis().start(), MockBroker(servers, {TOPIC: partitions})
        self.state = servers.folder / "state"
        self.config = write_config(servers.folder / "clocks.conf", f"lanes = ( {product_lane('5m', '0s', '10m')} );\n", self.broker,
                                   self.redis, clock="live", idle="300ms", disorder="2s")
        with self.config.open("a") as out:
            out.write(f'state: {{ folder = "{self.state}"; interval = "200ms"; }};\n')
        self.producer, self.host = servers.producer(self.broker, "--key", "user"), None
        self.wall = servers.folder / "wall"
        self.set_wall(0)

    def set_wall(self, ahead_s):
        with open(self.wall, "r+b" if self.wall.exists() else "wb") as file:
            file.write(struct.pack("q", ahead_s * 1000))

    def start(self, wrong_wall=False):
        library = self.servers.build / "tests" / "wall_clock.so"
        if wrong_wall and not library.exists():
            raise Skip("a library can't be preloaded into a build with a sanitizer")
        environment = {"LD_PRELOAD": str(library), "SHOPLANE_WALL_CLOCK": str(self.wall)} if wrong_wall else None
        self.host = self.servers.run(self.config, "--workers", 2, "--report", 1, environment=environment)

    def count_is(self, where):
        wait_for(lambda: self.redis.get(KEY) == str(self.views), 10,
                 lambda: f"{where}: ann viewed {self.views} products, {KEY} is {self.redis.get(KEY)}:\n{self.host.tail(30)}")

    def view(self, where, times=1):
        """Ann views products; a moment later her feature says so."""
        for _ in range(times):
            self.views += 1
            self.producer.send(event("product_view", "ann", product=str(self.views)))
        self.count_is(where)

    def reports(self, number=3):
        """Time passes, in which nobody does anything and every partition is idle."""
        since = len(self.host.text())
        wait_for(lambda: self.host.text()[since:].count(" events/s, ") >= number, 20, "time passes")

    def says(self, pattern, since=0):
        return self.host.wait_text(pattern, 10, since)

    def said_once(self, text):
        check(self.host.text().count(text) == 1, f'"{text}" is said {self.host.text().count(text)} times:\n{self.host.tail(30)}')

    def crash(self, wrong_wall=False):
        self.host.kill()
        self.servers.processes.remove(self.host)
        self.start(wrong_wall)

    def end(self):
        check(self.host.end() == 0, f"the host ends with status {self.host.child.returncode}:\n{self.host.tail()}")


def events_that_are_ahead(servers, partitions):
    """By nine minutes, which `future` allows, in every partition; then a restart."""
    shop = Shop(servers, partitions)
    shop.start()
    shop.view("at first", 3)
    bobs = 1 if partitions == 1 else 10 * partitions  # by their names they come into every partition
    shop.producer.send(*(event("product_view", f"bob{n}", product="1", at=time.time() + 9 * MINUTE_S) for n in range(bobs)))
    wait_for(lambda: all(shop.redis.get(f"user:bob{n}:product_view_count_w") == "1" for n in range(bobs)), 10,
             lambda: f"the events that are ahead are kept:\n{shop.host.tail()}")
    shop.view("with events that are ahead")
    shop.reports()
    shop.view("a moment later")
    shop.says(rf", {bobs} ahead of their message")
    shop.said_once("moves the clock no further than that")
    shop.crash()
    shop.count_is("after a crash")
    shop.view("after a crash")
    shop.reports()
    shop.view("after a crash, a moment later")
    shop.end()


def one_partition(servers):
    events_that_are_ahead(servers, 1)


def four_partitions(servers):
    events_that_are_ahead(servers, 4)


def the_wall_clock_jumps(servers):
    """An hour ahead, and back; an hour behind, and back."""
    shop = Shop(servers, 4)
    shop.start(wrong_wall=True)
    shop.view("at first", 3)
    hour = r"3(59|60)\d"  # a message is under way for a while
    for ahead_s, word in ((HOUR_S, "ahead"), (-HOUR_S, "behind")):
        since = len(shop.host.text())
        shop.set_wall(ahead_s)
        shop.says(rf"wall clock is {hour}\.\d s {word} of what Kafka's timestamps say: it is not believed", since)
        shop.says(rf", WALL CLOCK {hour} s {word}", since)
        shop.reports()
        shop.count_is(f"the wall clock is an hour {word}")
        shop.view(f"the wall clock is an hour {word}")
        since = len(shop.host.text())
        shop.set_wall(0)
        shop.says("wall clock is believed again", since)
        shop.view("the wall clock is right again")
    check(shop.host.text().count("it is not believed") == 2, f"it is said too often:\n{shop.host.tail(40)}")
    shop.end()


def a_clock_that_got_ahead(servers):
    """A host that starts with a wrong wall clock, while no message tells it better: everybody's windows are empty. The next start
    mends it, without an event; Redis is right again, and new events count."""
    shop = Shop(servers, 4)
    shop.start()
    shop.view("at first", 3)
    shop.reports(1)
    shop.set_wall(9 * MINUTE_S)
    shop.crash(wrong_wall=True)
    wait_for(lambda: shop.redis.get(KEY) == "0", 20, lambda: f"the clock is ahead, the window empty:\n{shop.host.tail(30)}")
    shop.reports(2)  # and a checkpoint
    shop.set_wall(0)
    shop.crash(wrong_wall=True)
    shop.says("the state's clock had got ahead, to .* all features are written again")
    shop.count_is("mended")
    shop.view("mended")
    shop.reports()
    shop.view("mended, a moment later")
    shop.crash()
    check("had got ahead" not in shop.host.text(), f"it is mended twice:\n{shop.host.tail(30)}")
    shop.count_is("the start after")
    shop.end()


if __name__ == "__main__":
    run_main(__doc__, [one_partition, four_partitions, the_wall_clock_jumps, a_clock_that_got_ahead])
