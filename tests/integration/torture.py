#!/usr/bin/env python3
"""Everything that can go wrong, again and again, at random moments; and at the end Redis has what it would have had anyway.

    torture.py BUILD_DIR [--seed N] [--seeds N] [--rounds N] [--broker apache|mock] [--only WORD]
               [--faults WORD] [--keep FOLDER]

A day of events goes through a broker into `shoplane run` with durable state, and on into Redis. Meanwhile, as the seed says, the
host is killed, stopped, overtaken by a second one, told to end, restarted with another number of workers; Redis is killed, comes
back with what it had or empty, hangs; the broker too; plugins are overwritten by other builds; journals get torn tails; lanes are
switched off and on. After the last round all is read to the end, and compared with a replay of the same file. What Redis ever had
is looked at as well: never an older value after a newer one, and never two that write (witness.py).

The same seed does the same things at the same kinds of moments; the machine's own timing is what it is. A failure prints its seed,
its story and the command that does it again.

What is compared at the end:
  - One partition, Redis spared: every key and value. But a start does not know when exactly a record came that is owed; so of a
    window that the record had left by then it may say that it is empty, where the replay, which never wrote anything of it, is
    silent. Less than a fiftieth of all keys. Nor are sessions compared that went on after they were over: what the run before left
    in Redis is deleted by whoever does not know when it was written, while the replay has seen its TTL run out, by the events' clock.
  - Redis came back empty: what is live at the end must be there and right; what is not live may be missing, and is right
    if it is there.
  - A lane was off for a while: the same for its features; those that are not live are not compared, since nobody was there to say
    so when they went.
  - Four partitions: as in end_to_end.py, the clock at an event's arrival is not the replay's, and here it may even be ahead, by what
    one partition is read before the others; less than `disorder`, which is larger than all that is sent within one round. So a
    rolling window that holds something at the end has the replay's value, and so has a session that is not disturbed (see
    end_to_end.py), by the clock without any disorder. The rest is empty, in Redis or not there.
Never more than a sixth of the sessions is left out.
"""

import argparse
import pathlib
import random
import re
import shutil
import sys

import faults
from faults import FAULTS, Feeder, LastingRedis, Torture
from features import EMPTY, GAP_MS, Day, live, of_session, replay, right, split_key, tell
from servers import ApacheKafka, Failed, MockBroker, check, need_apache, run_scenarios, shipped_lanes
from witness import histories, never_back, never_less, only_grow

GROWING = "60d"  # a window that nothing leaves
LANE_OF = {"product_view_count": "product", "return_view_count": "product", "avg_viewed_price": "product",
           "price_range_viewed": "product", "cart_add_count": "cart", "cart_remove_count": "cart", "cart_update_frequency": "cart",
           "cart_value": "cart"}


def lane_of(key):
    return "session" if of_session(key) else LANE_OF.get(split_key(key)[1], "")


CHECKOUTS = """    {
        lane = "abandoned_checkout";
        windows = ( { name = "1h"; length = "1h"; emit = "1s"; }, { name = "24h"; length = "24h"; emit = "5s"; } );
        metrics = ( "checkout_abandoned" );
    },
"""


def lanes_of_torture(name):
    """A shipped configuration's lanes, with a window of category that nothing leaves, and a lane whose records reach an age."""
    lanes = shipped_lanes(name)
    growing = re.sub(r'(lane = "category";.*?)\{ name = "24h"; length = "24h"; (emit = "\w+"); ttl = "\w+"; \}',
                     rf'\1{{ name = "{GROWING}"; length = "{GROWING}"; \2; ttl = "61d"; }}', lanes, count=1, flags=re.S)
    check(growing != lanes, f"{name}: no category in 24h")
    return growing.replace("lanes = (\n", "lanes = (\n" + CHECKOUTS, 1)


def set_up(servers, kind, partitions, seed, rounds):
    rng = random.Random(f"{seed} {kind.kind} {partitions}")
    rate = {("mock", 1): 0.011, ("mock", 4): 0.04}.get((kind.kind, partitions), 0.04)
    path = servers.generate("day.tsv", "--duration", "25h", "--rate", rate, "--seed", seed, "--late", "3%", "--duplicates", "3%",
                            "--bots", "1%", "--dirty", "1%")
    broker, redis = kind(servers, {faults.TOPIC: partitions}), LastingRedis(servers).start()
    plugins = servers.folder / "plugins"
    shutil.copytree(servers.build / "plugins", plugins)
    for file in ("lanes/abandoned_checkout.so", "metrics/checkout_abandoned.so"):
        shutil.copy(servers.build / "examples" / file, plugins / file)
    lines = path.read_bytes().split(b"\n")[:-1]
    feeder = Feeder(servers, broker, lines)
    # What the rounds can't take, at an hour each at most, is there before the first: delivered, or on a busy machine one partition
    # would be read to its end, and hold the clock back no more, before its part of many hours has come.
    chunk = min(len(lines) // rounds, len(lines) // 25)
    feeder.before(max(len(lines) - chunk * rounds, 0))
    feeder.budget = chunk
    feeder.start()
    return path, Torture(servers, broker, redis, feeder, lanes_of_torture(rng.choice(["shoplane.conf", "live-shopper.conf"])),
                         plugins, "5s" if partitions == 1 else "3h", rng, chunk, workers=rng.choice([2, 4]))


def faults_for(torture, kind, spared, word):
    chosen = dict(FAULTS)
    if kind is ApacheKafka:
        chosen[faults.broker_killed] = 3
    if not spared:
        chosen[faults.redis_lost] = 3
        chosen[faults.lane_off_or_on] = 4
    chosen = {fault: weight for fault, weight in chosen.items() if word in fault.__name__}
    check(chosen, f"no fault of this test has {word} in its name")
    return lambda: torture.random.choices(list(chosen), chosen.values())[0]


def several_runs(session):
    times = sorted(session.times.values())
    return any(later - earlier > GAP_MS for earlier, later in zip(times, times[1:]))


def compare(torture, found, wanted, day, partitions, where):
    """See above."""
    def disturbed(session):
        return partitions > 1 and session.disturbed
    left_out = sum(disturbed(session) or several_runs(session) for session in day.sessions.values())
    check(left_out * 6 < len(day.sessions), f"{where}: {left_out} of {len(day.sessions)} sessions can't be compared")

    def open_to_order(key):
        return of_session(key) and (several_runs(day.session(key)) or (disturbed(day.session(key)) and day.over(key)))
    alive = {key: feature for key, feature in live(wanted, day).items()
             if not of_session(key) or not (several_runs(day.session(key)) or disturbed(day.session(key)))}
    missing = [f"{key} = {feature.value}" for key, feature in alive.items() if key not in found]
    check(not missing, lambda: tell(f"{where}: of {len(alive)} live features not in Redis", missing))
    right({key: value for key, value in found.items() if key in alive}, wanted, f"{where}: live")

    def settled(key):
        return not open_to_order(key) and not (lane_of(key) in torture.toggled and key not in alive)
    rest = {key: value for key, value in found.items() if settled(key)}
    extra = [f"{key} = {value}" for key, value in rest.items() if key not in wanted and (of_session(key) or value not in EMPTY)]
    check(not extra, lambda: tell(f"{where}: keys that the replay does not have", extra))
    empty = [key for key in rest if key not in wanted]
    check(partitions > 1 or len(empty) * 50 < len(wanted), lambda: tell(f"{where}: keys of windows that held nothing", empty))
    if partitions == 1 and torture.spared:
        gone = [f"{key} = {feature.value}" for key, feature in wanted.items() if settled(key) and key not in found]
        check(not gone, lambda: tell(f"{where}: features that are not in Redis", gone))
    right(rest, wanted, where)


def finish(torture, path, partitions, where):
    """All that is left, to its end; then what is in Redis, and what was."""
    torture.off = ""
    if torture.host is not None:
        torture.kill_host()
    torture.feeder.finish()
    last = torture.start("--to-end")
    status = last.wait(60)
    check(status == 0, f"{where}: the last run ended with status {status}\n{last.tail(40)}")
    torture.look(last)
    config, servers, redis = torture.config(), torture.servers, torture.redis
    wanted, day = replay(servers, config, [path]), Day.read(path, 5000 if partitions == 1 else 0)
    compare(torture, redis.features(), wanted, day, partitions, where)
    redis.witness.end(redis)  # what comes now begins before the end of time that --to-end has moved on to
    again = torture.start("--to-end")
    check(again.wait(60) == 0, f"{where}: once more, status {again.child.returncode}\n{again.tail(40)}")
    torture.look(again)
    compare(torture, redis.features(), wanted, day, partitions, f"{where}, read to its end once more")
    looked = never_less(redis.record, only_grow(day, GROWING))
    check(looked > 100, f"{where}: only {looked} values of features that can only grow were seen")
    ordered = 0
    if partitions == 1:
        def left_out(key):
            if not of_session(key):
                return False
            session = day.session(key)
            return several_runs(session) or "session" in torture.toggled
        ordered = never_back(redis.record, histories(servers, config, path), left_out)
    print(f"      {where}: {len(wanted)} features agree after {torture.starts} starts; {looked} growing values, {ordered} in "
          "their order", flush=True)


def torture(servers, kind, partitions, seed, arguments, spared):
    if kind is ApacheKafka:
        need_apache(servers.build)
    where = f"{kind.kind}, {partitions} partitions, seed {seed}"
    rounds = arguments.rounds
    path, this = set_up(servers, kind, partitions, seed, rounds)
    next_fault = faults_for(this, kind, spared, arguments.faults)
    if not spared and this.random.random() < 0.5:
        this.switch_off()  # a lane that is new later on
    try:
        for _ in range(rounds):
            this.round(next_fault())
        finish(this, path, partitions, where)
    except Exception as why:
        print("\n".join(this.story), flush=True)
        for number, (witness, _) in enumerate(this.redis.record.reigns):
            (servers.folder / f"monitor-{number}").write_bytes(b"".join(witness.pieces))
        print(f"again: tests/integration/torture.py {servers.build} --seed {seed} --rounds {rounds} --only {servers.folder.name}"
              + (f" --faults {arguments.faults}" if arguments.faults else ""), flush=True)
        if isinstance(why, Failed):
            why.args = (f"{where}: {why}",)
        raise


def scenarios(arguments):
    """Named so that one can be done again."""
    found = []
    for seed in range(arguments.seed, arguments.seed + arguments.seeds):
        for kind in (MockBroker, ApacheKafka):
            if arguments.broker not in ("", kind.kind):
                continue
            for partitions in (1, 4):
                # Either Redis keeps all it ever had and all lanes are there, so that everything can be compared, or not.
                spared = (seed + partitions) % 2 == 0

                def one(servers, kind=kind, partitions=partitions, seed=seed, spared=spared):
                    torture(servers, kind, partitions, seed, arguments, spared)
                one.__name__ = f"{kind.kind}_{partitions}_{'spared' if spared else 'emptied'}_{seed}"
                found.append(one)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("build", type=pathlib.Path, metavar="BUILD_DIR")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the first seed; default 1")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many, one after the other; default 1")
    parser.add_argument("--rounds", type=int, default=12, metavar="N", help="faults in each; default 12")
    parser.add_argument("--broker", choices=["apache", "mock"], default="", help="default: both")
    parser.add_argument("--faults", default="", metavar="WORD", help="only faults whose name has WORD in it")
    parser.add_argument("--only", default="", metavar="WORD", help="only scenarios whose name has WORD in it")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="leave configurations, logs and events here")
    arguments = parser.parse_args()
    return run_scenarios(arguments, scenarios(arguments))


if __name__ == "__main__":
    sys.exit(main())
