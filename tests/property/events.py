"""Reads a message - a line of enriched TSV, or the live-shopper accelerator's JSON - into what lanes may ask of an event.

Rules: FEATURES.md section 0 (names, keys, money), DESIGN.md section 3 (time, dead letters), and the Snowplow analytics
SDKs. Written for reading, not for speed: JSON is parsed whole, and a number keeps its text until somebody asks what it is.

Readings of the specification, where it leaves room:

- An unreadable derived_tstamp counts as none; only when collector_tstamp is unreadable too has the event no readable time.
- The bounds of money, 0...99 999 999 999, are those of the number itself, before it is rounded; `-0` is 0.
- A JSON column is opened, and so can spoil the event, when a lane that sees the event asks for something inside, and only then.
  Whether contexts are opened where derived_contexts already replace what was asked for is left open: no test has that.
- A ua_parser context names a device's family and no class: the families in `FAMILIES` say what they are, any other says nothing,
  and the next source is asked.
- The user agent is told apart by the marks in `AGENT_MARKS`; one without any of them, or none, is Unknown. That an Android
  without "Mobile" is a tablet is a custom of browsers (Mozilla/...); an app's user agent says nothing of it and is taken for a phone's.
"""

import calendar
import datetime
import decimal
import json
import re

from xxh3 import xxh3_64

COLUMNS = 131
COLUMN = {
    "platform": 1,
    "collector_tstamp": 3,
    "event": 5,
    "event_id": 6,
    "user_id": 12,
    "domain_userid": 15,
    "network_userid": 17,
    "geo_country": 18,
    "geo_region": 19,
    "page_url": 29,
    "mkt_medium": 47,
    "mkt_source": 48,
    "mkt_term": 49,
    "mkt_content": 50,
    "mkt_campaign": 51,
    "contexts": 52,
    "unstruct_event": 58,
    "useragent": 77,
    "dvce_type": 101,
    "mkt_clickid": 116,
    "mkt_network": 117,
    "derived_contexts": 122,
    "domain_sessionid": 123,
    "derived_tstamp": 124,
    "event_vendor": 125,
    "event_name": 126,
    "event_format": 127,
    "event_version": 128,
}
MARKETING = [name for name in COLUMN if name.startswith("mkt_")]

ECOMMERCE = "com.snowplowanalytics.snowplow.ecommerce"
SNOWPLOW = "com.snowplowanalytics.snowplow"
ENTITY = {
    "product": (ECOMMERCE, "product", 1),
    "cart": (ECOMMERCE, "cart", 1),
    "checkout_step": (ECOMMERCE, "checkout_step", 1),
    "transaction": (ECOMMERCE, "transaction", 1),
    "refund": (ECOMMERCE, "refund", 1),
    "client_session": (SNOWPLOW, "client_session", 1),
    "yauaa_context": ("nl.basjes", "yauaa_context", 1),
    "ua_parser_context": (SNOWPLOW, "ua_parser_context", 1),
}

FAMILIES = {
    "Spider": "Robot",
    "iPhone": "Phone",
    "Generic Smartphone": "Phone",
    "Generic Feature Phone": "Phone",
    "iPad": "Tablet",
    "Generic Tablet": "Tablet",
    "Mac": "Desktop",
}
AGENT_MARKS = [
    ("bot", "Robot"),
    ("headless", "Robot"),
    ("spider", "Robot"),
    ("crawl", "Robot"),
    ("ipad", "Tablet"),
    ("tablet", "Tablet"),
    ("iphone", "Phone"),
    ("mobile", "Phone"),
    ("android", "Tablet"),
    ("windows nt", "Desktop"),
    ("macintosh", "Desktop"),
    ("x11; linux", "Desktop"),
    ("cros", "Desktop"),
]

MAX_MONEY = 99_999_999_999


NOBODY = {
    "",
    "00000000-0000-0000-0000-000000000000",
    "00000000-0000-4000-a000-000000000000",
    "null", "undefined", "none", "nan", "unknown", "anonymous", "-", "0",
}  # fmt: skip


def is_somebody(one):
    """An id that does not stand for no one, in any case of ASCII's letters."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in one) not in NOBODY


class DeadLetter(Exception):
    """The message can't be taken; it touches nothing."""


class Number:
    """A JSON number, as it was written."""

    def __init__(self, text):
        self.text = text

    def exact(self):
        return decimal.Decimal(self.text)


def parse_json(text):
    """JSON with its numbers left as text. What Python takes beyond JSON (NaN) is refused."""

    def refuse(word):
        raise DeadLetter(f"{word} is not JSON")

    try:
        return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise DeadLetter(f"not JSON, or nested too deep: {error}") from error


def money(value):
    """Micros of a JSON number, its text rounded half-even; None for all that counts as missing."""
    if not isinstance(value, Number):
        return None
    number = value.exact()
    if not 0 <= number <= MAX_MONEY:
        return None
    micro = decimal.Decimal("0.000001")
    return int(number.quantize(micro, rounding=decimal.ROUND_HALF_EVEN).scaleb(6))


def number(value):
    """A JSON number as a double; None for anything else."""
    return float(value.text) if isinstance(value, Number) else None


def text(value):
    """A text, empty for absent and null; numbers and booleans as they are written. An object or a list spoils the event."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number):
        return value.text
    raise DeadLetter("a text that is none")


MAX_KEY_BYTES, MAX_TEXT_BYTES = 512, 4096  # of an id; of a text that a record keeps


def no_longer(written, most):
    if len(written.encode()) > most:
        raise DeadLetter(f"more than {most} bytes")
    return written


def kept(value):
    """text(), of a record."""
    return no_longer(text(value), MAX_TEXT_BYTES)


TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z?\Z", re.ASCII)


def parse_time(written):
    """Milliseconds since 1970 of `2025-03-26 10:56:46.033` or `2025-03-26T10:56:46.033Z`, cut; None if unreadable."""
    match = TIME.match(written)
    if not match:
        return None
    try:
        moment = datetime.datetime(*(int(part) for part in match.groups()[:6]))
    except ValueError:
        return None
    return calendar.timegm(moment.timetuple()) * 1000 + int(((match[7] or "") + "000")[:3])


def format_time(time_ms):
    """2025-03-26T10:56:46.033Z"""
    moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=time_ms)
    return moment.isoformat(timespec="milliseconds") + "Z"


IGLU = re.compile(
    r"iglu:([a-zA-Z0-9\-_.]+)/([a-zA-Z0-9\-_]+)/[a-zA-Z0-9\-_]+/([1-9][0-9]*)-(?:0|[1-9][0-9]*)-(?:0|[1-9][0-9]*)\Z"
)


def schema_key(uri):
    """What entities are grouped by, as in the Python analytics SDK: (vendor, name in snake case, model)."""
    match = IGLU.match(uri) if isinstance(uri, str) else None
    if not match:
        raise DeadLetter(f"not an Iglu URI: {uri}")
    snake = re.sub(r"([^A-Z_])([A-Z])", r"\1_\2", match[2]).lower()
    return match[1].lower(), snake, int(match[3])


ACTIONS = {
    "product_view", "list_view", "list_click", "add_to_cart", "remove_from_cart", "checkout_step", "transaction", "refund",
    "promo_view", "promo_click", "trns_error",
}  # fmt: skip
BUILT_IN = {"page_view", "page_ping", "struct"}


def self_describing_name(vendor, name):
    """FEATURES.md section 0, of an event that is not the e-commerce action."""
    if not vendor.startswith("com.snowplowanalytics."):
        return f"{vendor}/{name}"
    return f"legacy_{name}" if name in ACTIONS else name


class Event:
    """What both formats offer. `time_ms`, `id`, `name`, `user` and `session` are the subjects of FEATURES.md section 0."""

    def __init__(self, event_id, derived, collector):
        derived_ms, collector_ms = parse_time(derived), parse_time(collector)
        if derived_ms is None and collector_ms is None:
            raise DeadLetter("no readable time")
        self.time_ms = min(time for time in (derived_ms, collector_ms) if time is not None)
        self.event_id = event_id
        self.id = xxh3_64(event_id.encode())
        self.name = ""

    def column(self, name):
        """The text of a column of the enriched event; empty if it has none."""
        raise NotImplementedError

    def entities(self, short_name):
        """The data of every such entity, in order; derived_contexts replace contexts."""
        raise NotImplementedError

    def entity(self, short_name):
        """The first such entity's data, or {}."""
        entities = self.entities(short_name)
        return entities[0] if entities and isinstance(entities[0], dict) else {}

    @property
    def user(self):
        ids = (self.column(name) for name in ("user_id", "domain_userid", "network_userid"))
        return no_longer(next((one for one in ids if is_somebody(one)), ""), MAX_KEY_BYTES)

    @property
    def session(self):
        if is_somebody(self.column("domain_sessionid")):
            return no_longer(self.column("domain_sessionid"), MAX_KEY_BYTES)
        session = text(self.entity("client_session").get("sessionId"))
        return no_longer(session, MAX_KEY_BYTES) if is_somebody(session) else ""

    @property
    def list_name(self):
        """The `name` of the e-commerce action."""
        raise NotImplementedError

    @property
    def location(self):
        country, region = self.column("geo_country"), self.column("geo_region")
        return f"{country}-{region}" if country and region else country

    @property
    def device_class(self):
        """yauaa's deviceClass, else ua_parser, else dvce_type, else from the user agent."""
        agent = self.column("useragent").lower()
        marks = AGENT_MARKS if agent.startswith("mozilla/") else [("android", "Phone"), *AGENT_MARKS]
        sources = (
            lambda: text(self.entity("yauaa_context").get("deviceClass")),
            lambda: FAMILIES.get(text(self.entity("ua_parser_context").get("deviceFamily"))),
            lambda: self.column("dvce_type"),
            lambda: next((device for mark, device in marks if mark in agent), None),
        )
        return next((found for found in (source() for source in sources) if found), "Unknown")


class EnrichedEvent(Event):
    """A line of 131 tab-separated columns."""

    def __init__(self, line):
        self.columns = line.split("\t")
        if len(self.columns) != COLUMNS:
            raise DeadLetter(f"{len(self.columns)} columns")
        super().__init__(self.column("event_id"), self.column("derived_tstamp"), self.column("collector_tstamp"))
        kind, vendor, name = self.column("event"), self.column("event_vendor"), self.column("event_name")
        if kind != "unstruct":
            self.name = kind if kind in BUILT_IN else f"legacy_{kind}"
        elif (vendor, name) == (ECOMMERCE, "snowplow_ecommerce_action"):
            self.name = text(self.self_describing_data.get("type"))
        else:
            self.name = self_describing_name(vendor, name)

    def column(self, name):
        return self.columns[COLUMN[name]]

    @property
    def self_describing_data(self):
        outer = parse_json(self.column("unstruct_event"))
        inner = outer.get("data") if isinstance(outer, dict) else None
        data = inner.get("data") if isinstance(inner, dict) else None
        if not isinstance(data, dict):
            raise DeadLetter("a self-describing event without data")
        return data

    def entities(self, short_name):
        merged = {}
        for column in ("contexts", "derived_contexts"):
            merged.update(self._entities_in(column))
        return merged.get(ENTITY[short_name], [])

    def _entities_in(self, column):
        grouped = {}
        if not self.column(column):
            return grouped
        outer = parse_json(self.column(column))
        if not isinstance(outer, dict) or not isinstance(outer.get("data"), list):
            raise DeadLetter(f"{column} without data")
        for item in outer["data"]:
            if not isinstance(item, dict) or "data" not in item:
                raise DeadLetter(f"{column}: an entity without data")
            grouped.setdefault(schema_key(item.get("schema")), []).append(item["data"])
        return grouped

    @property
    def list_name(self):
        return text(self.self_describing_data.get("name"))


class AcceleratorEvent(Event):
    """One JSON object, as the accelerator's Snowbridge script makes it."""

    PLACES = {
        "platform": ("enrich", "platform"),
        "user_id": ("enrich", "user", "user_id"),
        "domain_userid": ("enrich", "user", "domain_userid"),
        "network_userid": ("enrich", "user", "network_userid"),
        "useragent": ("enrich", "client", "useragent"),
        "domain_sessionid": ("session", "domain_sessionid"),
        "page_url": ("enrich", "client", "page", "page_url"),
        **{name: ("enrich", "marketing", name) for name in MARKETING},
    }

    def __init__(self, line):
        self.document = parse_json(line)
        super().__init__(
            text(self._at("id")), text(self._at("timestamp")), text(self._at("metadata", "collector_tstamp"))
        )
        self.name, vendor = text(self._at("type")), text(self._at("metadata", "event_vendor"))
        if self.name == "transaction_item":
            self.name = "legacy_transaction_item"
        elif self.name not in BUILT_IN | {"unstruct"} and vendor not in ("", ECOMMERCE):
            self.name = self_describing_name(vendor, self.name)

    def _at(self, *path):
        place = self.document
        for step in path:
            place = place.get(step) if isinstance(place, dict) else None
        return place

    def column(self, name):
        if name not in self.PLACES:
            return ""
        return text(self._at(*self.PLACES[name])) or (
            text(self._at("payload", "page_url")) if name == "page_url" else ""
        )

    def entities(self, short_name):
        if short_name == "client_session":
            return [self._at("session")] if self._at("session") else []
        if short_name == "product" and isinstance(self._at("payload", "products"), list):
            return self._at("payload", "products")
        if short_name in ("product", "cart", "checkout_step"):
            return [self._at("payload", short_name)] if self._at("payload", short_name) else []
        return []

    @property
    def list_name(self):
        return text(self._at("payload", "list_name"))


def read_message(message):
    """The event in these bytes. DeadLetter if it can't be taken."""
    try:
        line = message.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DeadLetter("not UTF-8") from error
    if "\0" in line:
        raise DeadLetter("a NUL byte")
    return AcceleratorEvent(line) if line.startswith("{") else EnrichedEvent(line)


def read_messages(paths):
    """All lines of all files, as one stream, without their newlines."""
    for path in paths:
        with open(path, "rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")
