"""What there must be in Redis: the features of a replay of the same events, and which of them depend on the order of arrival.

`Day` reads a file of enriched TSV for what comparisons need beside the replay itself: when each session's events arrived.
"""

import calendar
import datetime
import json
import re
import time
from dataclasses import dataclass, field

from servers import check

GAP_MS, LATENESS_MS = 1_800_000, 300_000  # of the session windows in both shipped configurations
COLLECTOR, EVENT, EVENT_ID, CONTEXTS, UNSTRUCT, SESSION_ID, DERIVED, EVENT_NAME = 3, 5, 6, 52, 58, 123, 124, 126  # columns
SESSION_EVENTS = {"page_view", "site_search", "product_view", "add_to_cart", "remove_from_cart"}
# What the features of a rolling window are that has gone empty; texts are deleted.
EMPTY = {"0", "false", "{}", "[]", "0-0"}
# The features that tell whether their lane's window holds anything, and those that come with them.
COUNTED_BY = {
    "product_view_count": ["product_view_count", "avg_viewed_price", "return_view_count", "price_range_viewed"],
    "category_view_count": ["category_view_count", "unique_categories", "top_category"],
    "cart_update_frequency": ["cart_update_frequency", "cart_add_count", "cart_remove_count", "cart_value"],
    "orders_count": ["orders_count", "order_value", "avg_order_value"],
}
COUNTER = {feature: counter for counter, features in COUNTED_BY.items() for feature in features}


@dataclass
class Feature:
    value: str
    ttl: int


def replay(servers, config, paths, *options, stats=None):
    """{key: Feature} at the end of the events, whether or not their TTL has run out."""
    command = [servers.host, "replay", "--config", config, "--sink", "null", "--final=all", "--dead-letters", "/dev/null",
               *(["--stats", stats] if stats else []), *options, *paths]
    printed, _ = servers.command(command)
    lines = [json.loads(line) for line in printed.splitlines()]
    return {line["key"]: Feature(line["value"], line["ttl"]) for line in lines}


def split_key(key):
    """user:ann:product_view_count_5m -> (user:ann, product_view_count, 5m); of a session the window is None."""
    owner, feature = key.rsplit(":", 1)
    if key.startswith("session:"):
        return owner, feature, None
    return owner, *feature.rsplit("_", 1)


def of_session(key):
    return key.startswith("session:")


def _ms(text):
    """Milliseconds since 1970 of an enriched timestamp, None for what is none."""
    try:
        moment = datetime.datetime.fromisoformat(text[:19])
    except ValueError:
        return None
    return calendar.timegm(moment.timetuple()) * 1000 + int((text[20:23] or "0").ljust(3, "0"))


@dataclass
class Session:
    times: dict = field(default_factory=dict)  # event id -> event time: of copies the earlier
    disturbed: bool = False  # an event of it arrived when, by the replay's clock, its log had gone

    def newest_ms(self):
        return max(self.times.values())


@dataclass
class Day:
    """Clock and sessions of a file, as a replay sees them."""
    end_ms: int = 0
    sessions: dict = field(default_factory=dict)  # id -> Session

    @staticmethod
    def read(path, disorder_ms=5000):
        day = Day()
        for line in path.read_bytes().split(b"\n"):
            columns = line.decode(errors="replace").split("\t")
            if len(columns) == 131:
                day._take(columns, disorder_ms)
        return day

    def _take(self, columns, disorder_ms):
        times = [ms for ms in (_ms(columns[DERIVED]), _ms(columns[COLLECTOR])) if ms is not None]
        if not times or min(times) > time.time() * 1000:
            return  # a dead letter
        self.end_ms = max(self.end_ms, min(times))
        name = columns[SESSION_ID] or self._tracker_session(columns[CONTEXTS])
        if not name or self._event_name(columns) not in SESSION_EVENTS:
            return
        session = self.sessions.setdefault(name, Session())
        session.times[columns[EVENT_ID]] = min(session.times.get(columns[EVENT_ID], self.end_ms), *times)
        session.disturbed |= session.newest_ms() + GAP_MS + LATENESS_MS < self.end_ms - disorder_ms

    @staticmethod
    def _event_name(columns):
        if columns[EVENT] != "unstruct":
            return columns[EVENT]
        action = columns[EVENT_NAME] == "snowplow_ecommerce_action" and re.search(r'"type":"(\w+)"', columns[UNSTRUCT])
        return action[1] if action else columns[EVENT_NAME]

    @staticmethod
    def _tracker_session(contexts):
        found = re.search(r'/client_session/[^{]*\{[^}]*"sessionId":"([^"]*)"', contexts)
        return found[1] if found else ""

    def session(self, key):
        return self.sessions[split_key(key)[0].removeprefix("session:")]

    def over(self, key):
        """Is the session of this key over at the end?"""
        return self.session(key).newest_ms() + GAP_MS < self.end_ms


def live(wanted, day):
    """The features of windows that hold something at the end."""
    def lives(key):
        if of_session(key):
            return not day.over(key)
        owner, feature, window = split_key(key)
        if feature.startswith("checkout_abandoned"):
            return wanted[key].value not in EMPTY
        counter = wanted.get(f"{owner}:{COUNTER[feature]}_{window}")
        # lanes of orders keep carts and steps too, live-shopper's parser has no category_view_count only if switched off
        return counter is not None and counter.value != "0"
    return {key: feature for key, feature in wanted.items() if lives(key)}


def tell(what, differences, limit=6):
    differences = sorted(differences)
    shown = "\n".join(f"    {line}" for line in differences[:limit])
    return f"{what}: {len(differences)}\n{shown}" + ("\n    ..." if len(differences) > limit else "")


def same(found, wanted, where):
    """Exactly these keys with exactly these values."""
    check(wanted, f"{where}: the replay gives no features at all")
    missing = [f"{key} = {feature.value}" for key, feature in wanted.items() if key not in found]
    check(not missing, tell(f"{where}: features that are not in Redis", missing))
    extra = [f"{key} = {value}" for key, value in found.items() if key not in wanted]
    check(not extra, tell(f"{where}: keys in Redis that the replay does not have", extra))
    right(found, wanted, where)


def right(found, wanted, where):
    """What is in both has the same value."""
    wrong = [f"{key} is {value}, must be {wanted[key].value}" for key, value in found.items()
             if key in wanted and value != wanted[key].value]
    check(not wrong, tell(f"{where}: values that differ from the replay's", wrong))


def lifetimes_fit(lifetimes, wanted, where):
    """Every key has a TTL, and none is longer than its window's. (What is written of a session that is over lives less long.)"""
    session_ttl = max((feature.ttl for key, feature in wanted.items() if of_session(key)), default=0)

    def longest(key):
        return session_ttl if of_session(key) else wanted[key].ttl
    bad = [f"{key}: {left} s left of {longest(key)}" for key, left in lifetimes.items()
           if key in wanted and not 0 < left <= longest(key)]
    check(not bad, tell(f"{where}: lifetimes that can't be", bad))
