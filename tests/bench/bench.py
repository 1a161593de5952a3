#!/usr/bin/env python3
"""What an event and a shopper cost: prints one JSON object.

    bench.py BUILD_DIR [--events N] [--runs N]

Events: `shoplane replay --sink null` over generated events (3-4 KB each, seeded), parity configuration, all lanes, one
worker. Time is that of the CPU (user and system) of the whole process, the best of a few runs, since machines are shared;
the ratio to merely counting the same file's tabs is taken within the same run. Instructions come from `perf stat`, where
that is supported, else from valgrind's callgrind over two runs of different length, so that start and end cancel out.

Shoppers: 14 events each in all five lanes, with the ids, names and texts that real trackers send, all inside the windows at
the end; the state's own count of its memory, everything included, and the process's peak beside it.

Bots: one user and session with a million events a day, beside as many events a day of shoppers, with the shipped configuration.

Regulars: 50 users who view a product every few seconds for an hour, so that they have 950 records in each window of an hour, with
the shipped configuration; and with fewer records, about where windows begin to have a pace (host/engine/pace.h).
"""
import argparse
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = 131


def cpu_of(command):
    """Run a command; (seconds of CPU, peak resident KB)."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))}: {errors.decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def replay_command(build, config, events, *more):
    return [build / "shoplane", "replay", "--config", config, "--sink", "null", "--workers", "1", "--quiet",
            "--dead-letters", "/dev/null", *more, events]


def head(source, target, lines):
    with open(source, "rb") as reader, open(target, "wb") as writer:
        for _ in range(lines):
            writer.write(reader.readline())


def instructions_per_event(build, config, events, folder):
    """(instructions an event, how they were counted); (None, why not)."""
    few, many = folder / "few.tsv", folder / "many.tsv"
    head(events, few, 4000)
    head(events, many, 14000)
    if shutil.which("perf"):
        def count(file):
            done = subprocess.run(["perf", "stat", "-x,", "-e", "instructions:u", *replay_command(build, config, file)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            found = re.search(r"^(\d+),", done.stderr, re.M)
            return int(found.group(1)) if found else None
        pair = count(few), count(many)
        if None not in pair:
            return round((pair[1] - pair[0]) / 10000), "perf stat instructions:u"
    if shutil.which("valgrind"):
        def count_simulated(file):
            out = folder / "callgrind"
            done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                                   *replay_command(build, config, file)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
            return int(found.group(1)) if found else None
        pair = count_simulated(few), count_simulated(many)
        if None not in pair:
            return round((pair[1] - pair[0]) / 10000), "valgrind callgrind"
    return None, "neither perf's instruction counter nor valgrind is here"


def column_numbers():
    """The columns' numbers by name, from the table the program itself reads by."""
    text = (ROOT / "host" / "snowplow" / "columns.c").read_text()
    names = re.findall(r'\{"([a-z_0-9]+)", *COLUMN_', text) or re.findall(r'"([a-z_0-9]+)"', text)
    assert len(names) >= COLUMNS, "columns.c does not list 131 columns as it used to"
    return {name: number for number, name in enumerate(names[:COLUMNS])}


KINDS = ["page_view", "list_view", "page_view", "product_view", "product_view", "add_to_cart", "page_view", "list_view",
         "product_view", "product_view", "add_to_cart", "page_view", "checkout_step", "transaction"]
ECOMMERCE, ATOMIC = "com.snowplowanalytics.snowplow.ecommerce", "com.snowplowanalytics.snowplow"


def schema(vendor, name, data):
    return {"schema": f"iglu:{vendor}/{name}/jsonschema/1-0-0", "data": data}


class EventWriter:
    """Lines as real trackers make them, with ids, names and texts of their length."""

    def __init__(self, out, seed):
        self.out, self.number, self.dice = out, column_numbers(), random.Random(seed)
        self.products = [(self.uuid(), round(self.dice.uniform(5, 300), 2), f"Category {self.dice.randrange(60)}")
                         for _ in range(5000)]

    def uuid(self):
        return str(uuid.UUID(int=self.dice.getrandbits(128)))

    def write(self, kind, ms, user, session, campaign=""):
        """`ms`: since the begin of the day."""
        time = (f"2025-06-02 {ms // 3600000:02d}:{ms // 60000 % 60:02d}:{ms // 1000 % 60:02d}.{ms % 1000:03d}")
        product, price, category = self.dice.choice(self.products)
        columns = [""] * COLUMNS

        def put(**values):
            for name, value in values.items():
                columns[self.number[name]] = value

        put(app_id="shop", platform="web", collector_tstamp=time, derived_tstamp=time, event_id=self.uuid(),
            domain_userid=user, domain_sessionid=session, page_url=f"https://shop.example/{kind}",
            useragent="Mozilla/5.0 (X11; Linux x86_64) Firefox/139.0", geo_country="NL", geo_region="NH",
            mkt_campaign=campaign, v_collector="ssc", v_etl="enrich", event="page_view", event_name="page_view")
        if kind != "page_view":
            contexts = []
            action = {"type": kind}
            if kind == "list_view":
                action["name"] = category
            elif kind == "checkout_step":
                contexts = [schema(ECOMMERCE, "checkout_step", {"step": 2})]
            elif kind == "transaction":
                contexts = [schema(ECOMMERCE, "transaction", {
                    "transaction_id": self.uuid(), "revenue": price, "currency": "EUR", "payment_method": "card",
                    "total_quantity": 1})]
            else:
                contexts = [schema(ECOMMERCE, "product", {"id": product, "category": category, "price": price,
                                                          "currency": "EUR"})]
            if kind == "add_to_cart":
                contexts.append(schema(ECOMMERCE, "cart", {"total_value": price, "currency": "EUR"}))
            put(event="unstruct", event_name="snowplow_ecommerce_action", event_vendor=ECOMMERCE,
                unstruct_event=json.dumps(schema(ATOMIC, "unstruct_event", schema(
                    ECOMMERCE, "snowplow_ecommerce_action", action)), separators=(",", ":")),
                contexts=json.dumps(schema(ATOMIC, "contexts", contexts), separators=(",", ":")))
        self.out.write("\t".join(columns) + "\n")


def shoppers(path, count, seed):
    """14 events a shopper: 4 page views, 4 product views, 2 list views, 2 adds, a step, a transaction, within 4 minutes."""
    with open(path, "w", encoding="utf-8") as out:
        writer = EventWriter(out, seed)
        visits = [(writer.uuid(), writer.uuid()) for _ in range(count)]
        for step, kind in enumerate(KINDS):
            for index, (user, session) in enumerate(visits):
                ms = 36000000 + step * 17000 + index * 17000 // count
                writer.write(kind, ms, user, session, "summer-sale-2025" if step == 0 else "")


def traffic(path, count, seed, bot):
    """Events at the pace of a million a day, nothing else: of shoppers with 14 events each, or all of one bot."""
    with open(path, "w", encoding="utf-8") as out:
        writer = EventWriter(out, seed)
        visits = [(writer.uuid(), writer.uuid()) for _ in range(1 if bot else 50)]
        for event in range(count):
            index = event % len(visits)
            if not bot and event % (14 * len(visits)) < len(visits):
                visits[index] = (writer.uuid(), writer.uuid())
            writer.write(KINDS[event // len(visits) % 14], event * 864 // 10, *visits[index])


def bot_figures(build, config, folder, events, runs):
    """What an event of a bot costs beside one of a shopper, and what its keys hold."""
    result = {}
    for who, bot in (("shoppers", False), ("bot", True)):
        file, stats = folder / f"{who}.tsv", folder / f"{who}.json"
        traffic(file, events, 11, bot)
        best, _ = min(cpu_of(replay_command(build, config, file, "--stats", stats)) for _ in range(runs))
        counts = json.loads(stats.read_text())
        result[who] = (best / events * 1e6, counts)
        file.unlink()
    return {
        "bot_events": events,
        "bot_cpu_us_per_event": round(result["bot"][0], 2),
        "bot_times_shopper": round(result["bot"][0] / result["shoppers"][0], 2),
        "bot_memory": result["bot"][1]["memory_bytes"],
        "bot_folds_per_event": round(result["bot"][1]["folds"] / events, 3),
        "shoppers_folds_per_event": round(result["shoppers"][1]["folds"] / events, 3),
    }


REGULARS = 50


def regulars(path, records, seed):
    """Product views of some users, each so often that a window of an hour has that many; for an hour."""
    with open(path, "w", encoding="utf-8") as out:
        writer = EventWriter(out, seed)
        visits = [(writer.uuid(), writer.uuid()) for _ in range(REGULARS)]
        for event in range(REGULARS * records):
            writer.write("product_view", event * 3600000 // (REGULARS * records), *visits[event % REGULARS])


def regulars_figures(build, config, folder, runs):
    """Events a second where long windows change all the time, and how many records are folded for an event."""
    result = {}
    for records in (950, 400):
        file, stats = folder / "regulars.tsv", folder / "regulars.json"
        regulars(file, records, 13)
        best, _ = min(cpu_of(replay_command(build, config, file, "--stats", stats)) for _ in range(runs))
        told = subprocess.run(replay_command(build, config, file, "--cost"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True, check=True).stderr
        adds = sum(int(calls) for calls in re.findall(r"^ +\S+ +add +(\d+)", told, re.M))
        events = REGULARS * records
        result[f"regulars_{records}_events_per_second"] = round(events / best)
        result[f"regulars_{records}_adds_per_event"] = round(adds / events, 1)
        file.unlink()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--events", type=int, default=200000)
    parser.add_argument("--shoppers", type=int, default=50000)
    parser.add_argument("--bot-events", type=int, default=200000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    build = arguments.build.resolve()
    parity = ROOT / "config" / "live-shopper.conf"
    everything = ROOT / "config" / "shoplane.conf"
    with tempfile.TemporaryDirectory(prefix="shoplane-bench-") as temporary:
        folder = pathlib.Path(temporary)
        events = folder / "events.tsv"
        subprocess.run([build / "shoplane-demo", "generate", "--events", str(arguments.events), "--seed", "1", "--rate",
                        "1000", "--output", events], check=True)
        size = events.stat().st_size
        best, tabs = None, None
        for _ in range(arguments.runs):
            seconds, _ = cpu_of(replay_command(build, parity, events))
            best = seconds if best is None else min(best, seconds)
            counted = subprocess.run([build / "tests" / "count_tabs", events], check=True, capture_output=True, text=True)
            yardstick = float(counted.stdout.split()[1])
            tabs = yardstick if tabs is None else min(tabs, yardstick)
        instructions, counted_by = instructions_per_event(build, parity, events, folder)
        many, stats_file = folder / "shoppers.tsv", folder / "stats.json"
        shoppers(many, arguments.shoppers, 7)
        _, peak_kb = cpu_of(replay_command(build, everything, many, "--stats", stats_file))
        stats = json.loads(stats_file.read_text())
        bot = bot_figures(build, everything, folder, arguments.bot_events, arguments.runs)
        long = regulars_figures(build, everything, folder, arguments.runs)
        print(json.dumps({
            "events": arguments.events,
            "bytes_per_event": round(size / arguments.events),
            "events_per_second": round(arguments.events / best),
            "bytes_per_second": round(size / best),
            "cpu_us_per_event": round(best / arguments.events * 1e6, 2),
            "times_counting_tabs": round(best / tabs, 1),
            "instructions_per_event": instructions,
            "instructions_counted_by": counted_by,
            "shoppers": arguments.shoppers,
            "events_per_shopper": stats["events"] / arguments.shoppers,
            "records_per_shopper": stats["records"] / arguments.shoppers,
            "memory_per_shopper": round(stats["memory_bytes"] / arguments.shoppers),
            "process_peak_per_shopper": round(peak_kb * 1024 / arguments.shoppers),
            **bot,
            **long,
        }))


if __name__ == "__main__":
    main()
