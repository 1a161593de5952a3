#!/usr/bin/env python3
"""Run golden cases (README.md says how they read) through `shoplane replay`.

    run_cases.py BUILD_DIR [CASE or FOLDER ...]     without cases: all below plugins/ and tests/golden/

For each `expect` the events above it are written as enriched TSV, in the order of the file, together with a configuration,
and replayed until that time; then keys and values are compared to the letter. A failure points at the line of the case.
Exit status: 0 all agree, 1 something differs, 2 a case can't be read.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
DAY = "2025-03-26"  # of all times in cases; long past, so that no event is from the future
DAY_MS = 1742947200000

COLUMNS = """app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker
v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid geo_country
geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization ip_domain ip_netspeed
page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath page_urlquery page_urlfragment
refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery refr_urlfragment refr_medium refr_source refr_term
mkt_medium mkt_source mkt_term mkt_content mkt_campaign contexts se_category se_action se_label se_property se_value
unstruct_event tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name
ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family
br_version br_type br_renderengine br_lang br_features_pdf br_features_flash br_features_java br_features_director
br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight br_cookies
br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer os_timezone dvce_type dvce_ismobile
dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height tr_currency tr_total_base tr_tax_base tr_shipping_base
ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network etl_tags dvce_sent_tstamp refr_domain_userid
refr_device_tstamp derived_contexts domain_sessionid derived_tstamp event_vendor event_name event_format event_version
event_fingerprint true_tstamp""".split()
assert len(COLUMNS) == 131

SHORT = {"user": "user_id", "session": "domain_sessionid", "id": "event_id", "url": "page_url",
         "device": "yauaa_context.deviceClass"}

SNOWPLOW, ECOMMERCE = "com.snowplowanalytics.snowplow", "com.snowplowanalytics.snowplow.ecommerce"
ACTIONS = """product_view list_view list_click add_to_cart remove_from_cart checkout_step transaction refund promo_view
promo_click trns_error""".split()
BUILT_IN = ["page_view", "page_ping"]
SELF_DESCRIBING = {"site_search": SNOWPLOW, "link_click": SNOWPLOW}

ENTITIES = {  # name: (vendor, version, derived by an enrichment)
    **{name: (ECOMMERCE, "1-0-0", False) for name in
       "product cart checkout_step transaction refund promotion transaction_error page user".split()},
    "client_session": (SNOWPLOW, "1-0-2", False),
    "ua_parser_context": (SNOWPLOW, "1-0-0", True),
    "yauaa_context": ("nl.basjes", "1-0-5", True),
}
NUMBERS = set("""price list_price quantity total_value revenue refund_amount step position total_quantity tax shipping
discount_amount sessionIndex eventIndex totalResults pageResults""".split())
CURRENCY = {"product", "cart", "transaction", "refund"}

SHOWN = 20  # failures

UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class Unreadable(Exception):
    """A line of a case that means nothing."""


# ---- reading a case -------------------------------------------------------------------------------------------------

def duration(text):
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", text)
    if not match:
        raise Unreadable(f"not a duration: {text!r} (250ms, 30s, 5m, 1h, 7d)")
    return int(match[1]) * UNITS[match[2]]


def moment(text):
    """Time of day in ms since 1970; 24:00:00 and later are the days after."""
    match = re.fullmatch(r"(\d\d):(\d\d):(\d\d)(?:\.(\d\d\d))?", text)
    if not match:
        raise Unreadable(f"not a time: {text!r} (12:00:00 or 12:00:00.250)")
    hours, minutes, seconds, ms = (int(part or 0) for part in match.groups())
    return DAY_MS + ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms


def stamp(ms, between=" "):
    seconds, rest = divmod(ms - DAY_MS, 1000)
    days, seconds = divmod(seconds, 86400)
    year, month, day = map(int, DAY.split("-"))
    assert day + days <= 31, "cases last a few days"
    return (f"{year:04}-{month:02}-{day + days:02}{between}"
            f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}")


def value(text):
    """What stands behind `=`: bare, or a JSON string in quotes. (text, whether it was quoted)"""
    if not text.startswith('"'):
        return text, False
    try:
        return json.loads(text), True
    except ValueError:
        raise Unreadable(f"not a JSON string: {text}") from None


def settings(words):
    pairs = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise Unreadable(f"expected name=value, found {word!r}")
        pairs[name] = value(text)[0]
    return pairs


class Lane:
    def __init__(self, words):
        self.name, self.params, self.windows, self.metrics = words[0], {}, [], []
        into = None
        for word in words[1:]:
            if word in ("windows", "metrics"):
                into = getattr(self, word)
            elif into is None:
                self.params.update(settings([word]))
            else:
                into.append(word)
        if not self.windows or not self.metrics:
            raise Unreadable("a lane needs `windows ...` and `metrics ...`")


class Event:
    """One line of enriched TSV."""

    def __init__(self, time_ms, name, words, number, newest_ms):
        self.time_ms = time_ms
        self.columns = {
            "app_id": "shop", "platform": "web", "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
            "etl_tstamp": stamp(newest_ms), "collector_tstamp": stamp(newest_ms), "derived_tstamp": stamp(time_ms),
            "dvce_created_tstamp": stamp(time_ms), "name_tracker": "sp", "v_tracker": "js-4.3.1",
            "v_collector": "ssc-3.7.0-kafka", "v_etl": "snowplow-enrich-kafka-6.10.0",
        }
        self.entities = {}  # name -> [{field: JSON}]
        self.data = {}      # of the event itself: field -> JSON
        for word in words:
            self.set(*re.fullmatch(r"([^=\s]+?)(:?=)(.*)", word, re.S).groups())
        self.finish(name)

    def set(self, place, equals, text):
        place = SHORT.get(place, place)
        if place in COLUMNS and equals == "=":
            text = value(text)[0]
            if place == "event_id" and not re.fullmatch(r"[0-9a-f-]{36}", text):
                text = str(uuid.uuid5(uuid.NAMESPACE_DNS, text))
            if place.endswith("_tstamp") and re.match(r"\d\d:", text):
                text = stamp(moment(text))
            self.columns[place] = text
            return
        match = re.fullmatch(r"(\w+)(?:\[(\d+)\])?\.(\w+)", place)
        if not match or match[1] != "event" and match[1] not in ENTITIES:
            raise Unreadable(f"no column or entity: {place!r}")
        name, index, field = match[1], int(match[2] or 0), match[3]
        into = self.data
        if name != "event":
            items = self.entities.setdefault(name, [])
            items.extend({} for _ in range(index + 1 - len(items)))
            into = items[index]
        if equals == ":=":
            into[field] = text
        else:
            text, quoted = value(text)
            into[field] = text if field in NUMBERS and not quoted else json.dumps(text, ensure_ascii=False)

    def finish(self, name):
        columns = self.columns
        if name in BUILT_IN:
            columns.update(event=name, event_vendor=SNOWPLOW, event_name=name, event_version="1-0-0")
        elif name in ACTIONS:
            columns.update(event="unstruct", event_vendor=ECOMMERCE, event_name="snowplow_ecommerce_action",
                           event_version="1-0-2")
            self.data = {"type": json.dumps(name), **self.data}
        elif name in SELF_DESCRIBING:
            columns.update(event="unstruct", event_vendor=SELF_DESCRIBING[name], event_name=name, event_version="1-0-0")
        else:
            raise Unreadable(f"unknown event {name!r}")
        columns["event_format"] = "jsonschema"
        if columns["event"] == "unstruct":
            inner = self.described(columns["event_vendor"], columns["event_name"], columns["event_version"], self.data)
            columns.setdefault("unstruct_event", self.wrapped("unstruct_event", inner))
        elif self.data:
            raise Unreadable(f"{name} has no data of its own")
        page = self.described(SNOWPLOW, "web_page", "1-0-0", {"id": f'"{uuid.uuid5(uuid.NAMESPACE_URL, "page")}"'})
        of_tracker, of_enrichments = [page], []
        for entity, items in self.entities.items():
            vendor, version, derived = ENTITIES[entity]
            for item in items:
                if entity in CURRENCY:
                    item.setdefault("currency", '"EUR"')
                (of_enrichments if derived else of_tracker).append(self.described(vendor, entity, version, item))
        columns.setdefault("contexts", self.wrapped("contexts", f"[{','.join(of_tracker)}]"))
        if of_enrichments:
            columns.setdefault("derived_contexts", self.wrapped("contexts", f"[{','.join(of_enrichments)}]"))

    @staticmethod
    def described(vendor, name, version, data):
        fields = ",".join(f"{json.dumps(field)}:{text}" for field, text in data.items())
        return f'{{"schema":"iglu:{vendor}/{name}/jsonschema/{version}","data":{{{fields}}}}}'

    @staticmethod
    def wrapped(name, data):
        return f'{{"schema":"iglu:{SNOWPLOW}/{name}/jsonschema/1-0-0","data":{data}}}'

    def tsv(self):
        cells = [self.columns.get(name, "") for name in COLUMNS]
        if any("\t" in cell or "\n" in cell for cell in cells):
            raise Unreadable("a column can't hold tabs or newlines")
        return "\t".join(cells)


class Expect:
    def __init__(self, line, time_ms, live, events):
        self.line, self.time_ms, self.live, self.events = line, time_ms, live, events
        self.checks = []  # (line, text)


class Case:
    """A file: lanes and settings, then events and expectations in the order in which things happen."""

    def __init__(self, path):
        self.path, self.lanes, self.windows, self.source = path, [], {}, {}
        self.events, self.expects = [], []
        self.newest_ms = 0
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            try:
                self.read(number, text)
            except Unreadable as error:
                raise Unreadable(f"{shown(path)}:{number}: {error}") from None
        if not self.lanes or not self.expects:
            raise Unreadable(f"{shown(path)}: a case needs a lane and an expectation")
        self.check_windows()

    def read(self, number, text):
        word, _, rest = text.partition(" ")
        if word in ("lane", "window", "source", "at"):
            words = re.findall(r'[^\s"]+="(?:[^"\\]|\\.)*"|\S+', rest)
            getattr(self, "read_" + word)(words)
        elif word == "expect":
            self.read_expect(number, rest.strip())
        elif self.expects and self.expects[-1].events == len(self.events):
            self.expects[-1].checks.append((number, text))
        else:
            raise Unreadable(f"expected lane, window, source, at or expect, found {word!r}")

    def read_lane(self, words):
        self.lanes.append(Lane(words))

    def read_window(self, words):
        self.windows[words[0]] = settings(words[1:])

    def read_source(self, words):
        self.source.update(settings(words))

    def read_at(self, words):
        time_ms, words = moment(words[0]), words[1:]
        times, every_ms = 1, 0
        if re.fullmatch(r"x\d+", words[0]):
            if words[1] != "every":
                raise Unreadable("expected: at TIME xCOUNT every DURATION event ...")
            times, every_ms, words = int(words[0][1:]), duration(words[2]), words[3:]
        for n in range(1, times + 1):
            filled = [word.replace("{n}", f"{n:04}") for word in words] if times > 1 else words
            self.newest_ms = max(self.newest_ms, time_ms)
            self.events.append(Event(time_ms, filled[0], filled[1:], len(self.events) + 1, self.newest_ms))
            time_ms += every_ms

    def read_expect(self, number, rest):
        when, _, rest = rest.partition(" ")
        time_ms = None if when == "end" else moment(when)
        if time_ms is not None and time_ms < self.newest_ms:
            raise Unreadable("the clock can't be before the newest event")
        rest = rest.strip()
        live = rest == "live" or rest.startswith("live ")
        rest = rest[4:].strip() if live else rest
        self.expects.append(Expect(number, time_ms, live, len(self.events)))
        if rest:
            self.expects[-1].checks.append((number, rest))

    def check_windows(self):
        used = {name for lane in self.lanes for name in lane.windows}
        for name in self.windows:
            if name not in used:
                raise Unreadable(f"{shown(self.path)}: no lane has the window {name!r}")

    def config(self, build, workers, folder):
        """The configuration of this case, as libconfig."""
        def text(string):
            return '"' + string.replace("\\", "\\\\").replace('"', '\\"') + '"'

        def plain(string):
            return string if re.fullmatch(r"true|false|-?\d+(\.\d+)?", string) else text(string)

        lines = [f"workers = {workers};",
                 f"plugins = {text(str(build / 'plugins'))};",
                 'source: { kind = "files"; clock = "event"; files = [ ' + text(str(folder / "events.tsv")) + " ];"
                 + "".join(f" {name} = {text(setting)};" for name, setting in self.source.items()) + " };",
                 'sink: { kind = "null"; };',
                 f'dead_letters: {{ file = {text(str(folder / "dead_letters"))}; }};',
                 "lanes = ("]
        for lane in self.lanes:
            params = " ".join(f"{name} = {plain(setting)};" for name, setting in lane.params.items())
            windows = []
            for name in lane.windows:
                given = {"gap": "30m"} if name == "session" else {"length": name}
                given.update(self.windows.get(name, {}))
                windows.append(f"{{ name = {text(name)}; " + " ".join(f"{k} = {text(v)};" for k, v in given.items()) + " }")
            lines += [f"  {{ lane = {text(lane.name)};",
                      *([f"    params = {{ {params} }};"] if params else []),
                      f"    windows = ( {', '.join(windows)} );",
                      f"    metrics = ( {', '.join(map(text, lane.metrics))} );",
                      "  }" + ("" if lane is self.lanes[-1] else ",")]
        lines.append(");")
        return "\n".join(lines) + "\n"


# ---- running it -----------------------------------------------------------------------------------------------------

def shown(path):
    return os.path.relpath(path, ROOT) if path.is_relative_to(ROOT) else str(path)


def indented(said):
    """The end of what a program said."""
    return "\n".join("    " + line for line in said.decode("utf-8", "replace").strip().split("\n")[-20:])


def replay(build, case, expect, workers, folder):
    """({key: (value, ttl)}, number of dead letters), or a message."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "shoplane.conf").write_text(case.config(build, workers, folder), encoding="utf-8")
    lines = [event.tsv() for event in case.events[:expect.events]]
    (folder / "events.tsv").write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    (folder / "dead_letters").unlink(missing_ok=True)
    command = [str(build / "shoplane"), "replay", "--config", str(folder / "shoplane.conf"), "--sink", "null",
               "--final" if expect.live else "--final=all", "--quiet"]
    if expect.time_ms is not None:
        command += ["--until", stamp(expect.time_ms, "T") + "Z"]
    command.append(str(folder / "events.tsv"))
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "no end after 60 s"
    if done.returncode != 0:
        return f"exit status {done.returncode}\n" + indented(done.stderr)
    try:
        found = [json.loads(line) for line in done.stdout.decode("utf-8").splitlines()]
        features = {item["key"]: (item["value"], item["ttl"]) for item in found}
    except (ValueError, KeyError, TypeError) as error:
        return f"the output can't be read ({error!r})\n" + indented(done.stdout)
    letters = folder / "dead_letters"
    return features, len(letters.read_text(encoding="utf-8").splitlines()) if letters.exists() else 0


def differences(expect, features, dead_letters):
    """(line, what, expected, found) of each check that does not hold."""
    listed = set()

    def feature(key):
        listed.add(key)
        return features.get(key, (None, None))

    def entries(key):
        found = feature(key)[0]
        return json.loads(found) if found is not None else None

    for line, text in expect.checks:
        if text in ("nothing", "nothing else"):
            for key in sorted(set(features) - listed):
                yield line, key, None, features[key][0]
            continue
        if text.startswith("absent entry "):
            key, name = text.split(" ", 3)[2:]
            what, expected, found = f"{key} {name}", None, (entries(key) or {}).get(json.loads(name))
        elif text.startswith("absent "):
            what = text[7:].strip()
            expected, found = None, feature(what)[0]
        else:
            what, equals, expected = (part.strip() for part in text.partition(" = "))
            if not equals or not expected:
                raise Unreadable(f"expected KEY = VALUE or absent KEY, found {text!r}")
            kind, _, key = what.partition(" ")
            if what == "dead_letters":
                found = str(dead_letters)
            elif kind == "ttl":
                found = feature(key)[1]
            elif kind == "entries":
                found = entries(key)
                found = None if found is None else len(found)
            elif kind == "entry":
                key, name = key.split(" ", 1)
                found = (entries(key) or {}).get(json.loads(name))
            else:
                found = feature(what)[0]
            found = None if found is None else str(found)
        if found != expected:
            yield line, what, expected, found


def run(build, case, index, workers, folder):
    """What to print of one expectation: nothing if it holds."""
    expect = case.expects[index]
    result = replay(build, case, expect, workers, folder / f"{index + 1}")
    place = shown(case.path)
    if isinstance(result, str):
        return f"{place}:{expect.line}: {result}\n"
    try:
        differing = list(differences(expect, *result))
    except (Unreadable, ValueError) as error:
        return f"{place}:{expect.line}: {error}\n"
    if not differing:
        return ""
    when = "the end" if expect.time_ms is None else stamp(expect.time_ms)[11:]
    said = ""
    for line, what, expected, found in differing:
        said += f"{place}:{line}: {what} at {when}\n"
        said += f"    expected  {'absent' if expected is None else expected}\n"
        said += f"    found     {'absent' if found is None else found}\n"
    return said


def collect(paths):
    for path in paths:
        if path.is_dir():
            yield from sorted(path.rglob("*.case"))
        else:
            yield path


def main():
    parser = argparse.ArgumentParser(description="Run golden cases through `shoplane replay`.")
    parser.add_argument("build", type=pathlib.Path, help="build folder with shoplane and plugins/")
    parser.add_argument("cases", nargs="*", type=pathlib.Path, help="cases or folders of them")
    parser.add_argument("--workers", type=int, default=1, help="of shoplane; must not change anything")
    parser.add_argument("--keep", type=pathlib.Path, help="leave configurations and events in this folder")
    arguments = parser.parse_args()
    paths = arguments.cases or [ROOT / "plugins", ROOT / "tests" / "golden"]
    try:
        cases = [Case(path.resolve()) for path in collect(paths)]
    except (Unreadable, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    build = arguments.build.resolve()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="shoplane-golden-") as scratch, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        folder = (arguments.keep or pathlib.Path(scratch)).resolve()
        jobs = [pool.submit(run, build, case, index, arguments.workers, folder / shown(case.path).replace(os.sep, "_"))
                for case in cases for index in range(len(case.expects))]
        for job in jobs:
            if said := job.result():
                failed += 1
                if failed <= SHOWN:
                    print(said, end="")
    if failed > SHOWN:
        print(f"... and {failed - SHOWN} more")
    print(f"{len(cases)} cases, {len(jobs)} moments: {f'{failed} differ' if failed else 'all as expected'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
