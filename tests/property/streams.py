"""Random streams: settings and messages that are nasty on purpose. Everything follows from the seed.

What they are made to hit: disorder, late events at and beyond every edge, duplicates whose time shifted either way, equal
times, clock jumps, clients' clocks years ahead, windows from a second to 400 days, sessions that close, resume, join and reach
their longest, prices and ids that are missing or odd, logins, messages that are none. Steps of time are drawn from the
settings themselves - one millisecond before, at, and after the lengths, gaps and intervals - for that is where engines err.
"""

import copy
import random
from dataclasses import dataclass

from events import format_time, is_somebody, parse_time
from lanes import LANES
from settings import HOUR, LaneSettings, MINUTE, SECOND, Settings, Window
from wire import Raw, to_message

DAY = 24 * HOUR
LENGTHS = {
    "1s": SECOND,
    "2s": 2 * SECOND,
    "10s": 10 * SECOND,
    "90s": 90 * SECOND,
    "5m": 5 * MINUTE,
    "1h": HOUR,
    "24h": DAY,
    "400d": 400 * DAY,
    "odd": 12_345,
}
START = parse_time("2025-03-01 00:00:00")

PRICES = [
    Raw(text)
    for text in (
        "42.99",
        "19.99",
        "10",
        "28.50",
        "0",
        "0.00",
        "-0",
        "100",
        "33.33",
        "1e2",
        "4.5E+1",
        "250e-2",
        "0.1",
        "0.3",
        "7.123456",
        "1.0000005",
        "1.0000015",
        "1.00000050000000000000000000001",
        "12.3456785",
        "12.34567849999999999999999999999",
        "9999999",
        "12000000",
        "99999999999",
        "99999999999.0000001",
        "10000000",
        "-1",
        "-0.0000001",
        "1e400",
        "1e-400",
        "123456789012345678901234567890",
        "0.1000000000000000055511151231257827021181583404541015625",
        '"42.99"',
        '""',
        "true",
        "null",
        "[1]",
        "{}",
    )
]
PLAIN_PRICES = PRICES[:5]
LARGEST_PRICES = [Raw("99999999999"), Raw("99999999998.9999995"), Raw("99999999998.999999")]
IDS = ["1", "2", "3", "4", "a longer product id", "zoë ✓", 'quo"te\\', "", None, Raw("5"), Raw("5.0"), Raw("true")]
CATEGORIES = ["Kid shoes", "Boots", "Sandals", "Ge\u200bschenke & mehr", "", None, Raw("17"), Raw("1.50e+3"), "ë" * 2048, "ë" * 2048 + "."]
LISTS = ["New series", "Boots", "Top this week", "", None]
URLS = [
    "http://shop.example/",
    "http://shop.example/search?q=red+shoes",
    "http://shop.example/find/?q=x",
    "http://shop.example/cart",
    "",
]
AGENTS = [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:136.0) Gecko/20100101 Firefox/136.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
]
LOCATIONS = [("DE", "BE"), ("DE", ""), ("US", "TX"), ("NL", "NH"), ("", "BE"), ("", "")]
SHOPPERS = [
    {"user_id": "", "domain_userid": "67430c52", "network_userid": "de30aa02"},
    {
        "user_id": "ann@shop.example",
        "domain_userid": "67430c52",
        "network_userid": "de30aa02",
    },  # the same one, logged in
    {"user_id": "bob: zoë", "domain_userid": "", "network_userid": ""},
    {"user_id": "", "domain_userid": "", "network_userid": "only-network"},
    {"user_id": "", "domain_userid": "", "network_userid": ""},
    {"user_id": "z" * 512, "domain_userid": "", "network_userid": ""},
    {"user_id": "z" * 511 + "ë", "domain_userid": "d", "network_userid": ""},
    {"user_id": "NULL", "domain_userid": "67430c52", "network_userid": ""},
    {"user_id": "", "domain_userid": "undefined", "network_userid": "00000000-0000-0000-0000-000000000000"},
]
KINDS = {
    "product_view": 8,
    "list_view": 4,
    "add_to_cart": 5,
    "remove_from_cart": 2,
    "checkout_step": 4,
    "transaction": 3,
    "refund": 2,
    "page_view": 6,
    "site_search": 3,
    "page_ping": 1,
    "promo_view": 1,
    "list_click": 1,
    "legacy_transaction": 2,
    "legacy_add_to_cart": 2,
    "legacy_transaction_item": 1,
    "io.other/transaction": 2,
    "io.other/product_view": 2,
    "struct": 1,
}


@dataclass
class Stream:
    """One test: the settings, the messages in order of arrival, and where `--until` is (None: not given)."""

    settings: Settings
    messages: list
    until_ms: int = None
    truth: tuple = None  # what the model says, once it was asked


def random_stream(seed, long=False):
    """The stream of this seed; `long` makes it some ten times longer."""
    draw = random.Random(f"shoplane {seed}")
    settings = random_settings(draw)
    if seed % 50 == 25:
        return wide_stream(draw, settings)
    if seed % 20 == 10:
        return restless_stream(draw, settings)
    if seed % 20 == 15:
        return full_stream(draw, settings)
    if seed % 50 == 38:
        return crowded_stream(draw, settings)
    writer = StreamWriter(draw, settings)
    for _ in range(draw.choice((5, 20, 60, 150)) * (10 if long else 1)):
        writer.step()
    until_ms = writer.now + writer.distance() if draw.random() < 0.6 else None
    stretch_ttls(settings, max(until_ms or 0, writer.now) - START)
    return Stream(settings, writer.messages, until_ms)


def wide_stream(draw, settings):
    """More products than a map shows: 1 000 entries are printed."""
    window = Window("1h", length_ms=HOUR, emit_ms=draw.choice((60, 600)) * SECOND, burst=random_burst(draw), ttl_s=4200)
    settings.lanes = [LaneSettings("product", [window], ["product_views", "viewed_price"])]
    writer = StreamWriter(draw, settings)
    for _ in range(1300):
        event = writer.fresh_event("product_view")
        event["products"] = [{"id": str(draw.randrange(2000)), "price": draw.choice(PRICES)}]
        writer.send({**event, "replacing_products": [], **SHOPPERS[2]})
        writer.now += draw.randrange(3000)
    return Stream(settings, writer.messages, writer.now + 30 * SECOND)


def one_key(draw, settings, kinds):
    """A writer whose events are all of one shopper and session, of one kind each and never odd."""
    writer = StreamWriter(draw, settings)
    writer.shoppers, writer.sessions, writer.prices = [SHOPPERS[2]], ["s1"], PLAIN_PRICES
    writer.kinds = kinds
    return writer


def restless_stream(draw, settings):
    """A session that never pauses, for many times the longest it may be; late events, everywhere that runs were."""
    window = random_session_window(draw)
    window.max_ms = max(window.gap_ms, draw.choice((3, 15, 40)) * SECOND)
    window.gap_ms = min(window.gap_ms, 30 * SECOND)
    window.emit_ms = min(window.emit_ms, window.gap_ms)
    window.lateness_ms = draw.choice((0, 1, SECOND, 10 * SECOND))
    settings.lanes = [LaneSettings("session", [window], list(LANES["session"].parsers))]
    writer = one_key(draw, settings, ["page_view", "product_view", "add_to_cart"])
    writer.edge_share = draw.choice((0.01, 0.05))
    horizon = window.max_ms + window.gap_ms + window.lateness_ms
    for _ in range(draw.choice((60, 200))):
        if draw.random() < 0.15 and writer.sent:
            writer.send_again()
            continue
        event_ms = writer.now
        if draw.random() < 0.25:
            event_ms -= draw.randrange(int(1.3 * horizon) + 1)
        writer.send(writer.event_at(draw.choice(writer.kinds), event_ms))
        writer.now += draw.choice((draw.randrange(window.gap_ms + 1), draw.randrange(window.gap_ms // 8 + 1), window.gap_ms))
    stretch_ttls(settings, writer.now - START)
    return Stream(settings, writer.messages, writer.now + writer.distance() if draw.random() < 0.6 else None)


def full_stream(draw, settings):
    """One key with more records than a key may have."""
    settings.key_records = draw.choice((100, 100, 130))
    for lane in settings.lanes:
        lane.key_records = draw.choice((0, 0, 100, 170))
    writer = one_key(draw, settings, ["product_view", "add_to_cart", "page_view"])
    step_ms = draw.choice((100, SECOND, 20 * SECOND))
    for _ in range(draw.choice((250, 400))):
        if draw.random() < 0.1 and writer.sent:
            writer.send_again()
            continue
        late_ms = draw.choice((0, 0, 0, draw.randrange(5 * step_ms), draw.randrange(200 * step_ms)))
        writer.send(writer.event_at(draw.choice(writer.kinds), writer.now - late_ms))
        writer.now += draw.randrange(step_ms)
    stretch_ttls(settings, writer.now - START)
    return Stream(settings, writer.messages, writer.now + writer.distance() if draw.random() < 0.6 else None)


def crowded_stream(draw, settings):
    """One key with more records in its windows than a shopper has: they are written at a pace of their own. Carts change orders
    now and then only: then most looks write nothing."""
    windows = [Window(name, length_ms=LENGTHS[name], emit_ms=SECOND, burst=random_burst(draw), ttl_s=60) for name in ("10s", "1h")]
    session = random_session_window(draw)
    settings.lanes = [
        LaneSettings("product", windows, ["product_views"]),
        LaneSettings("purchase", windows, list(LANES["purchase"].parsers), {"order_signal": "checkout_step"}),
        LaneSettings("session", [session], ["session_pages"]),
    ]
    settings.key_records = draw.choice((1100, 10_000))
    kind = draw.random()
    if kind < 0.2:
        settings.lanes = [LaneSettings("product", windows, ["hesitation"]), LaneSettings("cart", copy.deepcopy(windows), ["cart_value"])]
    elif kind < 0.45:
        settings.lanes = [LaneSettings("abandoned_checkout", [windows[1]], ["checkout_abandoned"], {"minutes": 1})]
    writer = one_key(
        draw,
        settings,
        ["product_view", "add_to_cart"]
        if len(settings.lanes) == 2
        else draw.choice((["product_view"], ["add_to_cart"] * 12 + ["checkout_step"]))
        if len(settings.lanes) > 1
        else ["checkout_step"] * 9 + ["transaction"],
    )
    for _ in range(1250):
        writer.send(writer.event_at(draw.choice(writer.kinds), writer.now - draw.choice((0, 0, draw.randrange(6000)))))
        writer.now += draw.randrange(12)
    stretch_ttls(settings, writer.now - START)
    return Stream(settings, writer.messages, writer.now + draw.randrange(200) * SECOND)


def stretch_ttls(settings, span_ms):
    """Raise TTLs that would mean more than some hundred refreshes in a window's life."""
    for lane in settings.lanes:
        for window in lane.windows:
            alive_ms = min(span_ms, 20 * (window.gap_ms if window.session else window.length_ms))
            window.ttl_s = max(window.ttl_s, alive_ms // 100_000)


# Settings


def random_settings(draw):
    lanes = [random_lane(draw, name) for name in draw.sample(list(LANES), draw.randint(1, len(LANES)))]
    if draw.random() < 0.3:
        add_needs(draw, lanes)
    return Settings(lanes, disorder_ms=draw.choice((0, 1, SECOND, 5 * SECOND, 5 * SECOND, 30 * SECOND)))


def add_needs(draw, lanes):
    """A parser on lane product that needs its hour, and lane cart's windows of the same names."""
    names = draw.sample([name for name in LENGTHS if name != "1h"], draw.randint(0, 2)) + ["1h"]
    by_name = {lane.name: lane for lane in lanes}
    for name in ("product", "cart"):
        if name not in by_name:
            by_name[name] = random_lane(draw, name)
            lanes.insert(draw.randint(0, len(lanes)), by_name[name])
        draw.shuffle(names)
        by_name[name].windows = [random_rolling_window(draw, length) for length in names]
    by_name["product"].metrics = [*by_name["product"].metrics, "hesitation"]


def random_lane(draw, name):
    lane = LANES[name]
    metrics = (
        draw.sample(list(lane.parsers), draw.randint(1, len(lane.parsers)))
        if draw.random() < 0.3
        else list(lane.parsers)
    )
    if (lane.key == "session") == (draw.random() < 0.9):  # now and then the other kind of window
        windows = [random_session_window(draw)]
    else:
        windows = [random_rolling_window(draw, length) for length in draw.sample(list(LENGTHS), draw.randint(1, 3))]
    params = {}
    if name == "abandoned_checkout":
        if draw.random() < 0.4:
            windows = [random_session_window(draw)]
            windows[0].gap_ms = max(windows[0].gap_ms, draw.choice((1, 2, 30)) * MINUTE)
            windows[0].max_ms = max(windows[0].max_ms, windows[0].gap_ms)
        longest = max(windows, key=oldest_ms)
        if oldest_ms(longest) < MINUTE:
            longest = windows[0] = random_rolling_window(draw, "5m")
        ages = (1, 1, 2, 5, 60, oldest_ms(longest) // MINUTE)
        params["minutes"] = draw.choice([age for age in ages if age * MINUTE <= oldest_ms(longest) and age <= 1440])
        return LaneSettings(name, windows, metrics, params)
    if name == "category":
        params["count_lists"] = draw.random() < 0.6
    if name == "cart":
        params["total_is_before"] = draw.random() < 0.6
    if name == "purchase":
        params["order_signal"] = draw.choice(("transaction", "checkout_step"))
    if name == "session":
        params["search_signal"] = draw.choice(("either", "either", "url", "site_search"))
        params["search_url"] = draw.choice(("/search?q=", "/find/"))
    return LaneSettings(name, windows, metrics, {key: value for key, value in params.items() if draw.random() < 0.8})


def oldest_ms(window):
    """The most that a record may be looked at."""
    return window.max_ms + window.gap_ms if window.session else window.length_ms


def random_emit(draw, extent_ms):
    """Not longer than the window, as the configuration demands."""
    emits = (0, 0, 1, 500, SECOND, SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 600 * SECOND, DAY, extent_ms)
    return draw.choice([emit_ms for emit_ms in emits if emit_ms <= extent_ms])


def random_burst(draw):
    return draw.choice((1, 1, 2, 3, 5, 5, 1000))


def random_ttl(draw, emit_ms):
    """Longer than emit."""
    return max(draw.choice((1, 10, 60, 600, 4200, 90_000)), emit_ms // 1000 + 1)


def random_rolling_window(draw, name):
    emit_ms = random_emit(draw, LENGTHS[name])
    ttl_s = random_ttl(draw, emit_ms)
    return Window(name, length_ms=LENGTHS[name], emit_ms=emit_ms, burst=random_burst(draw), ttl_s=ttl_s)


def random_session_window(draw):
    gap_ms = draw.choice((SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 30 * MINUTE, 7_777))
    max_ms = max(gap_ms, draw.choice((15 * SECOND, 2 * MINUTE, HOUR, 12 * HOUR)))
    lateness_ms = draw.choice((0, 1, SECOND, 10 * SECOND, 5 * MINUTE, HOUR))
    emit_ms = random_emit(draw, gap_ms)
    return Window(
        "session",
        session=True,
        gap_ms=gap_ms,
        max_ms=max_ms,
        lateness_ms=lateness_ms,
        emit_ms=emit_ms,
        burst=random_burst(draw),
        ttl_s=random_ttl(draw, emit_ms),
    )


# Events


class StreamWriter:
    """Draws events one after the other; `now` is when the next one really happens."""

    def __init__(self, draw, settings):
        self.draw, self.settings = draw, settings
        self.now = START + draw.randrange(DAY)
        self.messages = []
        self.sent = []  # events sent so far, as dicts
        self.format = draw.choice(("tsv", "json", "mixed"))
        self.shoppers = draw.sample(SHOPPERS, draw.choice((2, 2, 3, 5)))
        self.sessions = draw.sample(["s1", "s2", "8d2c-session"], draw.choice((1, 1, 2))) + draw.choice(([], [""], ["None"]))
        wanted = sorted({kind for lane in settings.lanes for kind in LANES[lane.name].events})
        self.kinds = draw.sample(wanted, min(len(wanted), draw.choice((1, 3, 9)))) + draw.sample(
            list(KINDS), draw.choice((0, 1, 3))
        )
        self.prices = draw.choice((PRICES, PRICES, PLAIN_PRICES, PLAIN_PRICES, LARGEST_PRICES))
        self.edge_share = draw.choice((0.05, 0.2, 0.6))
        self.edges = sorted(
            {
                distance
                for lane in settings.lanes
                for window in lane.windows
                for distance in (
                    window.length_ms or window.gap_ms,
                    window.emit_ms,
                    window.ttl_s * 750,
                    window.ttl_s * 1000,
                    window.gap_ms + window.lateness_ms,
                    window.max_ms + window.gap_ms + window.lateness_ms if window.session else 0,
                    window.max_ms if window.session else window.length_ms,
                )
                if distance > 0
            }
            | {age_ms for lane in settings.lanes for age_ms in LANES[lane.name].ages_ms({**LANES[lane.name].settings, **lane.params})}
        )

    def distance(self):
        """A length of time: mostly some seconds, often an edge of the settings."""
        kind = self.draw.random()
        if kind < self.edge_share:
            edge = self.draw.choice(self.edges) + self.draw.choice(
                (-1, 0, 0, 1, self.settings.disorder_ms, self.settings.disorder_ms + 1)
            )
            return max(0, edge)
        if kind < self.edge_share + 0.005:
            return self.draw.randrange(40 * DAY)
        return self.draw.choice(
            (0, 0, 1, self.draw.randrange(1000), self.draw.randrange(5000), self.draw.randrange(60_000))
        )

    def step(self):
        draw = self.draw
        self.now += self.distance()
        kind = draw.random()
        if kind < 0.02:
            self.messages.append(
                draw.choice((b"", b"no event", b"a\tb", b'{"id":', b"\t" * 131, b"\xff\xfe" + b"\t" * 130))
            )
        elif kind < 0.15 and self.sent:
            self.send_again()
        else:
            self.send(self.fresh_event(draw.choices(self.kinds, [KINDS[kind] for kind in self.kinds])[0]))

    def event_time(self):
        """Usually now; else within the disorder, or late: at an edge of a window as the clock sees it, or anywhere."""
        kind, clock = self.draw.random(), self.now - self.settings.disorder_ms
        if kind < 0.6:
            return self.now
        if kind < 0.8:
            return self.now - self.draw.randint(0, self.settings.disorder_ms)
        return max(START - 500 * DAY, clock - self.distance() + self.draw.choice((-1, 0, 0, 1)))

    def fresh_event(self, kind):
        draw = self.draw
        shopper, session = draw.choice(self.shoppers), draw.choice(self.sessions)
        in_column, in_context = draw.choice(((session, session), (session, ""), ("", session)))
        country, region = draw.choice(LOCATIONS)
        marked = draw.random() < 0.25
        event = {
            "kind": kind,
            "id": f"{draw.randrange(1 << 64):x}" + "-" * draw.choice((0, 0, 0, 20, 120, 200)),
            "format": draw.choice(("tsv", "json")) if self.format == "mixed" else self.format,
            **shopper,
            "domain_sessionid": in_column,
            "client_session": in_context,
            "products": [self.product() for _ in range(draw.choice((0, 1, 1, 1, 1, 2, 3)))],
            "replacing_products": [],
            "cart": None,
            "step": None,
            "transaction": None,
            "refund": None,
            "list_name": draw.choice(LISTS),
            "page_url": draw.choice(URLS),
            "useragent": draw.choice(AGENTS),
            "platform": draw.choice(("web", "web", "mob", "")),
            "geo_country": country,
            "geo_region": region,
            "dvce_type": draw.choice(("", "", "Computer", "Tablet")),
            "yauaa": draw.choice((None, None, "Desktop", "Phone", "Robot Mobile", "")),
            "mkt_medium": draw.choice(("", "cpc")) if marked else "",
            "mkt_clickid": draw.choice(("", "gclid-1")) if marked else "",
            "mkt_campaign": draw.choice(("", "winter-sale", "null")) if marked else "",
            "escape_more": draw.random() < 0.2,
        }
        if draw.random() < 0.08:
            event["replacing_products"] = [self.product() for _ in range(draw.choice((1, 2)))]
        if kind in ("add_to_cart", "remove_from_cart") and draw.random() < 0.9:
            event["cart"] = self.entity(total_value=draw.choice(self.prices), currency="USD")
        if kind == "checkout_step" and draw.random() < 0.95:
            event["step"] = self.entity(step=Raw(draw.choice(("1", "2", "2", "2", "2.0", "20e-1", '"2"', "3", "null"))))
        if kind.endswith("transaction") and draw.random() < 0.95:
            event["transaction"] = self.entity(
                transaction_id=draw.choice(("t1", "t2", "t3", "", None)), revenue=draw.choice(self.prices)
            )
        if kind == "refund" and draw.random() < 0.95:
            event["refund"] = self.entity(
                transaction_id=draw.choice(("t1", "t2", "t3", "t4")), refund_amount=draw.choice(self.prices)
            )
        self.spoil(event)
        self.stamp(event, self.event_time())
        return event

    def event_at(self, kind, time_ms):
        event = self.fresh_event(kind)
        self.stamp(event, time_ms)
        return event

    def product(self):
        draw = self.draw
        return self.entity(
            id=draw.choice(IDS),
            name="a shoe",
            category=draw.choice(CATEGORIES),
            price=draw.choice(self.prices),
            quantity=Raw(draw.choice(("1", "2", "3", "0", "12", "2.0", '"4"', "null"))),
            currency="USD",
        )

    def entity(self, **fields):
        """With some of its fields missing altogether."""
        return {name: value for name, value in fields.items() if self.draw.random() < 0.93}

    def spoil(self, event):
        """Now and then something that a lane is sure to look at can't be taken: the event becomes a dead letter whole."""
        lanes = {lane.name for lane in self.settings.lanes}
        keyed = any(is_somebody(event[name]) for name in ("user_id", "domain_userid", "network_userid"))
        if event["kind"] != "product_view" or not keyed or "product" not in lanes or self.draw.random() > 0.04:
            return
        if event["format"] == "tsv" and self.draw.random() < 0.5:
            event["broken_contexts"] = True
        else:
            event["products"] = [{"id": Raw(self.draw.choice(("[5]", "{}", "[]"))), "category": "Boots", "price": 1}]
        event["replacing_products"] = []  # with them, contexts need not be looked at

    def stamp(self, event, time_ms):
        """Write the time into derived and collector times, in one of the ways that mean it."""
        draw = self.draw
        way = draw.random()
        written = self.written_time(time_ms)
        if way < 0.7:
            event["derived"], event["collector"] = written, self.written_time(
                max(time_ms, self.now) + draw.randrange(1000)
            )
        elif way < 0.8:
            event["derived"], event["collector"] = "", written
        elif way < 0.85:
            event["derived"], event["collector"] = written, ""
        else:  # the client's clock is ahead, by up to years
            event["derived"], event["collector"] = (
                self.written_time(time_ms + draw.choice((1, MINUTE, DAY, 2500 * DAY))),
                written,
            )
        if event["format"] == "json" and not event["derived"]:
            event["derived"] = written
        event["time_ms"] = time_ms
        if draw.random() < 0.001:
            event["derived"] = event["collector"] = "2099-01-01 00:00:00.000"
            event["time_ms"] = parse_time("2099-01-01 00:00:00")

    def written_time(self, time_ms):
        """As Enrich writes it, or with fewer or more digits."""
        written = format_time(time_ms).replace("T", " ").removesuffix("Z")
        kind = self.draw.random()
        if kind < 0.1:
            return written.rstrip("0").rstrip(".") if written.endswith("0") else written
        if kind < 0.2:
            return written + self.draw.choice(("9", "000", "999999"))
        return written

    def send(self, event):
        self.sent.append(event)
        self.messages.append(to_message(event))

    def send_again(self):
        """A duplicate: as it was, or with its time shifted, or - an id used twice - another event under the same id."""
        draw = self.draw
        first = draw.choice(self.sent[-12:])
        copy = dict(first) if draw.random() < 0.8 else {**self.fresh_event(draw.choice(self.kinds)), "id": first["id"]}
        if copy is not first and draw.random() < 0.8:
            self.stamp(copy, first["time_ms"] + draw.choice((-1, 1)) * self.distance())
        different = {key: value for key, value in copy.items() if key not in ("derived", "collector")}
        for other in self.sent:
            if (
                other["id"] == copy["id"]
                and other["time_ms"] == copy["time_ms"]
                and different != {key: value for key, value in other.items() if key not in ("derived", "collector")}
            ):
                return  # which of two different records of one time stays is not ours to say
        self.send(copy)
